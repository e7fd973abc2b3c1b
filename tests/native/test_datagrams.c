/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_datagrams.c - which datagrams are answered, and what records do: strangers, hellos, packets both ways, probes,
 * records that are none. */
#include "datagram_stage.h"

/* --- hellos ------------------------------------------------------------------------------------------------------- */

static void strangers_get_no_answer(void)
{
    static struct hello_builder b;
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1), silent = params_of(2);
    struct peer p = meet(&params), q = meet(&silent);
    uint8_t record[100];
    new_random(&p);
    p.app_id[20] ^= 1;
    send_hello(&p, false);
    memset(q.app_id, 0, WGE_APP_ID); /* of a tunnel that was offered nothing */
    new_random(&q);
    send_hello(&q, false);
    p.app_id[20] ^= 1;
    size_t length = build_hello(&b, &p, false, usual_suites, 3);
    b.bytes[DATAGRAM_SESSION_AT] = 31; /* the App-ID is no longer one */
    send_datagram(&p, b.bytes, length);
    memset(p.random, 0, sizeof p.random);
    send_hello(&p, false);
    send_datagram(&p, (const uint8_t *)"hi", 2);
    send_datagram(&p, (const uint8_t *)"\x19\xfe\xfd\0\1\0\0\0\0\0\0\1\2\3\4\5", 16); /* a connection ID */
    send_datagram(&p, (const uint8_t *)"\x2f\0\1\2\3", 5);                            /* DTLS 1.3 */
    send_datagram(&p, (const uint8_t *)"\x15\xfe\xfd\0\0\0\0\0\0\0\0\0\2\2\x28", 15); /* an alert in the clear */
    send_datagram(&p, (const uint8_t *)"\x14\xfe\xfd\0\0\0\0\0\0\0\0\0\1\1", 14);     /* ChangeCipherSpec */
    send_datagram(&p, (const uint8_t *)"\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\1\x10", 14);   /* ClientKeyExchange */
    send_datagram(&p, record, fake_record(record, FAKE_RECORD, p.random, 1, "\0", 1));
    turn();
    CHECK(nothing_for(&p) && nothing_for(&q) && nothing_told());
    CHECK(counted("datagram_hello_unknown") == 2 && counted("datagram_hello_malformed") == 1);
    CHECK(counted("datagram_hello_weak_random") == 1 && counted("drop_datagram_junk") == 3);
    CHECK(counted("drop_datagram_plain") == 1 && counted("drop_datagram_unknown") == 3);
    CHECK(counted("datagrams_in") == 11 && data->acceptor->hellos == 0);
    part(&p);
    part(&q);
    tear_down_datagrams();
}

static void a_cookie_is_asked_for_and_nothing_kept(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet(&params);
    new_random(&p);
    for (unsigned i = 0; i < 5; i++) {
        send_hello(&p, false);
        turn();
        CHECK(expect_datagram(&p, FAKE_VERIFY, p.cookie) == FAKE_COOKIE);
    }
    p.cookie[0] ^= 1;
    send_hello(&p, true);
    turn();
    CHECK(expect_datagram(&p, FAKE_VERIFY, p.cookie) == FAKE_COOKIE);
    memset(p.cookie, '!', FAKE_COOKIE); /* that DTLS will not have at all */
    send_hello(&p, true);
    turn();
    CHECK(nothing_for(&p) && counted("datagram_handshake_failed") == 1);
    CHECK(counted("datagram_cookie_asked") == 6 && atomic_load(&fake_dtls_alive) == 0);
    part(&p);
    tear_down_datagrams();
}

static void what_the_profile_refuses_is_told_once(void)
{
    static const uint16_t foreign[] = {0xc0a7, 0xccab};
    static struct hello_builder b;
    uint8_t alert[WGE_DATAGRAM_ALERT_SIZE];
    for (unsigned round = 0; round < 2; round++) {
        set_up_datagrams();
        struct wge_tunnel_params params = offer_of(1);
        params.datagram.require_extended_master_secret = true;
        struct peer p = meet(&params);
        p.extended_master_secret = round == 0;
        new_random(&p);
        for (unsigned i = 0; i < 3; i++) {
            size_t length = build_hello(&b, &p, i > 0, round == 0 ? foreign : usual_suites, 2);
            send_datagram(&p, b.bytes, length);
            turn();
            CHECK(expect_datagram(&p, 21, alert) == WGE_DATAGRAM_ALERT_SIZE - 1);
            CHECK(alert[12] == 2 && alert[13] == (round == 0 ? 40 : 71));
        }
        const char *label = round == 0 ? "datagram_no_suite" : "datagram_no_ems";
        expect_told(1, "refused", label);
        CHECK(nothing_told() && counted(label) == 3 && data->acceptor->hellos == 0);
        /* the client is woken a few times, since one of them may come along with the alert */
        uint8_t type, payload[WGE_RECORD_PLAIN_MAX], before = alert[9];
        for (unsigned i = 0; i < 6; i++) {
            turn_after(WGE_NUDGE_MS);
            CHECK(receive_frame(p.tls, &type, payload) == 0 && type == WGE_FRAME_KEEPALIVE);
            /* and told again, by a record of a number of its own */
            CHECK(expect_datagram(&p, 21, alert) == WGE_DATAGRAM_ALERT_SIZE - 1 && alert[9] != before);
            before = alert[9];
        }
        turn_after(WGE_NUDGE_MS);
        CHECK(counted("keepalive_out") == 6);
        expect_down_by_tls(&p, 500);
        part(&p);
        tear_down_datagrams();
    }
}

static void a_handshake_is_told(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet(&params);
    begin_handshake(&p);
    CHECK(fake_dtls_suite == 0x00a9 && nothing_told());
    send_hello(&p, true); /* once more, as a client does that has not got the flight */
    turn();
    expect_datagram(&p, FAKE_FLIGHT, NULL);
    send_datagram(&p, (const uint8_t *)"\x15\xfe\xfd\0\0\0\0\0\0\0\0\0\2\2\x28", 15); /* a stranger's alert */
    finish_handshake(&p);
    expect_datagram(&p, FAKE_FINISHED, NULL);
    struct wge_event event = next_event();
    const struct wge_datagram_told *told = (const struct wge_datagram_told *)(const void *)event.data;
    CHECK(event.id == 1 && event.epoch == 1 && strcmp(told->state, "up") == 0);
    CHECK(strcmp(told->suite, "TLS_PSK_WITH_AES_256_GCM_SHA384") == 0 && told->extended_master_secret);
    wge_event_wipe(&event);
    CHECK(counted("datagram_handshake_ok") == 1 && counted("drop_datagram_plain") == 1);
    part(&p);
    tear_down_datagrams();
}

/* A stranger who knows the App-ID, or a client gone mad, costs a bounded number of associations. */
static void a_flood_of_hellos_is_bounded(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet(&params);
    begin_handshake(&p);
    for (unsigned i = 0; i < 500; i++) {
        new_random(&p);
        send_hello(&p, true);
        if (i % 50 == 0)
            turn();
        CHECK(atomic_load(&fake_dtls_alive) == 1);
    }
    turn();
    CHECK(counted("datagram_hello_too_soon") == 500 && nothing_for(&p));
    struct peer q = p;
    q.udp = open_client(HOME);
    send_hello(&q, false);
    turn();
    expect_datagram(&q, FAKE_VERIFY, q.cookie);
    for (unsigned i = 0; i < 20; i++) {
        struct peer *one = i % 4 < 2 ? &p : &q;
        turn_after(250);
        new_random(one);
        send_hello(one, true);
        turn();
        CHECK(atomic_load(&fake_dtls_alive) == 1);
    }
    CHECK(counted("datagram_handshake_failed") == 0 && data->timers.reserved == OWN_TIMERS + 2 && nothing_told());
    close(q.udp);
    part(&p);
    tear_down_datagrams();
}

/* --- packets ------------------------------------------------------------------------------------------------------ */

static void packets_go_where_the_client_sends(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    expect_down_by_tls(&p, 1000); /* nothing heard on UDP yet */
    upload_by_datagram(&p);
    expect_down_by_datagram(&p, 1000);
    expect_down_by_datagram(&p, 1400);
    upload_by_tls(&p); /* the client has lost UDP, or thinks so */
    expect_down_by_tls(&p, 1000);
    turn_after(60000); /* and has to speak before it is believed again */
    expect_down_by_tls(&p, 1000);
    upload_by_datagram(&p);
    expect_down_by_datagram(&p, 1000);
    CHECK(atomic_load(&traffic[1].rx_packets) == 3 && atomic_load(&traffic[1].tx_packets) == 6);
    CHECK(counted("rx_packets") == 3 && counted("tx_packets") == 6);
    part(&p);
    tear_down_datagrams();
}

static void super_packets_go_out_cut(void)
{
    uint8_t frame[2048];
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    upload_by_datagram(&p);
    struct packet_spec spec = upload(4, 1);
    spec.payload = 30000;
    send_inside(&spec, 1000);
    turn();
    for (unsigned i = 0; i < 30; i++) {
        CHECK(expect_datagram(&p, FAKE_RECORD, frame) == 1041 && frame[0] == WGE_FRAME_DATA);
        CHECK(get32(frame + 1 + 24) == spec.seq + i * 1000);
    }
    CHECK(nothing_for(&p));
    part(&p);
    tear_down_datagrams();
}

static void spoofed_packets_and_odd_frames_are_counted(void)
{
    uint8_t packet[2048];
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    struct packet_spec spec = upload(4, 2);
    send_datagram_frame(&p, WGE_FRAME_DATA, packet, build_packet(packet, &spec));
    send_datagram_frame(&p, WGE_FRAME_DATA, (const uint8_t *)"junk", 4);
    send_datagram_frame(&p, WGE_FRAME_DATA, NULL, 0);
    spec = upload(4, 1);
    spec.payload = 1480;
    send_datagram_frame(&p, WGE_FRAME_DATA, packet, build_packet(packet, &spec));
    send_datagram_frame(&p, WGE_FRAME_KEEPALIVE, NULL, 0);
    send_datagram_frame(&p, WGE_FRAME_DPD_RESPONSE, NULL, 0);
    send_datagram_frame(&p, WGE_FRAME_COMPRESSED, packet, 20);
    send_datagram_frame(&p, WGE_FRAME_DISCONNECT, packet, 20); /* has no meaning here */
    CHECK(counted("drop_inner_source") == 1 && counted("drop_inner_malformed") == 2);
    CHECK(counted("drop_inner_mtu") == 1 && counted("rx_packets") == 0 && counted("keepalive_in") == 1);
    CHECK(counted("dpd_response_in") == 1 && counted("drop_frame_compressed") == 1);
    CHECK(counted("drop_frame_type") == 1 && counted("rx_records") == 8 && nothing_told());
    part(&p);
    tear_down_datagrams();
}

static void forged_and_repeated_records_are_counted(void)
{
    uint8_t datagram[500];
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    uint8_t probe[2] = {WGE_FRAME_DPD_REQUEST, 9};
    size_t length = fake_record(datagram, FAKE_RECORD, p.random, 100, probe, 2);
    send_datagram(&p, datagram, length);
    send_datagram(&p, datagram, length);
    send_datagram(&p, datagram, length);
    datagram[FAKE_HEAD + 1] ^= 1;
    send_datagram(&p, datagram, length);
    turn();
    expect_frame(&p, WGE_FRAME_DPD_RESPONSE, 1);
    CHECK(nothing_for(&p) && counted("drop_datagram_replayed") == 2 && counted("drop_datagram_forged") == 1);
    /* three records in one datagram, the middle one forged */
    length = fake_record(datagram, FAKE_RECORD, p.random, 101, probe, 2);
    size_t middle = length;
    length += fake_record(datagram + length, FAKE_RECORD, p.random, 102, probe, 2);
    length += fake_record(datagram + length, FAKE_RECORD, p.random, 103, probe, 2);
    datagram[middle + FAKE_HEAD + 1] ^= 1;
    send_datagram(&p, datagram, length);
    turn();
    expect_frame(&p, WGE_FRAME_DPD_RESPONSE, 1);
    expect_frame(&p, WGE_FRAME_DPD_RESPONSE, 1);
    CHECK(nothing_for(&p) && counted("dpd_request_in") == 3);
    part(&p);
    tear_down_datagrams();
}

/* --- the length of packets ---------------------------------------------------------------------------------------- */

static void probes_come_back_and_bound_packets(void)
{
    static const uint8_t probe[16000] = {0x5a};
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    upload_by_datagram(&p);
    for (size_t i = 0; i < 3; i++) { /* whether we live: says nothing of the path */
        static const size_t lengths[] = {0, 8, 575};
        send_datagram_frame(&p, WGE_FRAME_DPD_REQUEST, probe, lengths[i]);
        expect_frame(&p, WGE_FRAME_DPD_RESPONSE, lengths[i]);
    }
    expect_down_by_datagram(&p, 1400);
    send_datagram_frame(&p, WGE_FRAME_DPD_REQUEST, probe, 576);
    expect_frame(&p, WGE_FRAME_DPD_RESPONSE, 576);
    expect_down_by_datagram(&p, 576);
    expect_down_by_tls(&p, 577);
    send_datagram_frame(&p, WGE_FRAME_DPD_REQUEST, probe, 1300);
    expect_frame(&p, WGE_FRAME_DPD_RESPONSE, 1300);
    send_datagram_frame(&p, WGE_FRAME_DPD_REQUEST, probe, 700); /* shorter ones take nothing back */
    expect_frame(&p, WGE_FRAME_DPD_RESPONSE, 700);
    expect_down_by_datagram(&p, 1300);
    expect_down_by_tls(&p, 1301);
    send_datagram_frame(&p, WGE_FRAME_DPD_REQUEST, probe, sizeof probe); /* longer than any record of ours */
    CHECK(nothing_for(&p) && counted("drop_datagram_too_long") == 1);
    expect_down_by_datagram(&p, 1400);
    part(&p);
    tear_down_datagrams();
}

/* --- the thread itself -------------------------------------------------------------------------------------------- */

static void the_thread_does_all_this(void)
{
    set_up_datagrams();
    has_thread = true;
    CHECK(wge_data_start(data) == WGE_OK);
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet(&params);
    settle(p.tls); /* the gateway knows its App-ID now */
    go_up(&p);
    upload_by_datagram(&p);
    expect_down_by_datagram(&p, 900);
    send_record(&p, FAKE_END, NULL, 0);
    expect_told(1, "down", "peer_closed");
    close(p.tls);
    expect_closed(1, 1, "peer_closed");
    close(p.udp);
    tear_down_datagrams();
}

int main(void)
{
    strangers_get_no_answer();
    a_cookie_is_asked_for_and_nothing_kept();
    what_the_profile_refuses_is_told_once();
    a_handshake_is_told();
    a_flood_of_hellos_is_bounded();
    packets_go_where_the_client_sends();
    super_packets_go_out_cut();
    spoofed_packets_and_odd_frames_are_counted();
    forged_and_repeated_records_are_counted();
    probes_come_back_and_bound_packets();
    the_thread_does_all_this();
    return 0;
}
