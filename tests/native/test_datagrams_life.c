/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_datagrams_life.c - how associations end and follow one another, and what time does to them. */
#include "datagram_stage.h"

static struct wge_association *open_of(uint64_t session)
{
    struct wge_tunnel *t = wge_sessions_find(data->sessions, session);
    CHECK(t != NULL && t->open != NULL && t->open->state == WGE_ASSOCIATION_OPEN);
    return t->open;
}

/* --- one after the other -------------------------------------------------------------------------------------------- */

static void a_new_hello_from_the_same_port_replaces(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    upload_by_datagram(&p);
    turn_after(250);
    begin_handshake(&p);
    expect_told(1, "down", "replaced");
    expect_down_by_tls(&p, 1000);
    CHECK(atomic_load(&fake_dtls_alive) == 1);
    finish_handshake(&p);
    expect_datagram(&p, FAKE_FINISHED, NULL);
    expect_told(1, "up", "");
    upload_by_datagram(&p);
    expect_down_by_datagram(&p, 1000);
    turn_after(250);
    begin_handshake(&p); /* and again while it rises */
    expect_told(1, "down", "replaced");
    turn_after(250);
    begin_handshake(&p);
    finish_handshake(&p);
    expect_told(1, "up", "");
    CHECK(nothing_told() && atomic_load(&fake_dtls_alive) == 1 && data->timers.reserved == 2);
    part(&p);
    tear_down_datagrams();
}

/* A hello, a record of the old association and the end of the new one in one batch, so that all of them meet what the
 * ones before have left. */
static void one_batch_may_hold_it_all(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    struct peer old = p;
    upload_by_datagram(&p);
    turn_after(250);
    new_random(&p);
    struct wge_address from = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}, .port = port_of(p.udp)};
    fake_cookie(p.cookie, &from);
    old.number = 100;
    send_record(&old, FAKE_RECORD, "\7", 1);
    send_hello(&p, true);
    send_record(&old, FAKE_RECORD, "\7", 1); /* forged now */
    send_record(&p, FAKE_RECORD, p.key, sizeof p.key);
    send_record(&p, FAKE_RECORD, "\7", 1);
    send_record(&p, FAKE_FATAL, NULL, 0);
    send_record(&p, FAKE_RECORD, "\7", 1);
    send_record(&old, FAKE_RECORD, "\7", 1);
    turn();
    CHECK(counted("keepalive_in") == 2 && counted("datagram_handshake_ok") == 2);
    CHECK(counted("drop_datagram_unknown") == 2 && atomic_load(&fake_dtls_alive) == 0);
    expect_told(1, "up", "");
    expect_told(1, "down", "peer_alert");
    CHECK(nothing_told());
    part(&p);
    tear_down_datagrams();
}

static void the_old_one_lives_until_the_new_one_is_up(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    upload_by_datagram(&p);
    struct peer q = p;
    q.udp = open_client(HOME);
    turn_after(250);
    begin_handshake(&q);
    CHECK(atomic_load(&fake_dtls_alive) == 2 && nothing_told());
    upload_by_datagram(&p);
    expect_down_by_datagram(&p, 1000);
    finish_handshake(&q);
    expect_datagram(&q, FAKE_FINISHED, NULL);
    expect_told(1, "up", "");
    CHECK(nothing_told() && atomic_load(&fake_dtls_alive) == 1);
    expect_down_by_tls(&q, 1000);
    upload_by_datagram(&q);
    expect_down_by_datagram(&q, 1000);
    send_record(&p, FAKE_RECORD, "\7", 1);
    turn();
    CHECK(nothing_for(&p) && counted("drop_datagram_unknown") == 1);
    close(p.udp);
    part(&q);
    tear_down_datagrams();
}

static void a_newer_tunnel_takes_all_along(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    turn_after(250);
    struct peer rising = p;
    rising.udp = open_client(HOME);
    begin_handshake(&rising);
    params.epoch = 2;
    memset(params.datagram.app_id, 77, WGE_APP_ID);
    struct peer q = meet(&params);
    expect_closed(1, 1, "replaced");
    CHECK(nothing_told() && atomic_load(&fake_dtls_alive) == 0);
    send_record(&p, FAKE_RECORD, "\7", 1);
    send_hello(&p, true);
    turn();
    CHECK(nothing_for(&p) && counted("drop_datagram_unknown") == 1 && counted("datagram_hello_unknown") == 1);
    memcpy(q.key, p.key, sizeof q.key); /* as such clients do (test_datagrams_keys.c) */
    go_up(&q);
    upload_by_datagram(&q);
    expect_down_by_datagram(&q, 1000);
    close(rising.udp);
    part(&p);
    part(&q);
    tear_down_datagrams();
}

static void tunnels_that_end_are_silent_about_it(void)
{
    for (unsigned round = 0; round < 3; round++) {
        set_up_datagrams();
        struct wge_tunnel_params params = offer_of(1);
        struct peer p = meet_and_go_up(&params);
        upload_by_datagram(&p);
        if (round == 2)
            send_record(&p, FAKE_END, NULL, 0); /* in the same loop */
        if (round == 0)
            close(p.tls);
        else
            wge_data_end(data, 1, 1, (const uint8_t *)"\xb0", 1);
        turn();
        expect_closed(1, 1, round == 0 ? "peer_closed" : "ended");
        CHECK(nothing_told() && nothing_for(&p) && atomic_load(&fake_dtls_alive) == 0);
        send_datagram_frame(&p, WGE_FRAME_KEEPALIVE, NULL, 0);
        turn_after(10000);
        CHECK(counted("keepalive_in") == 0);
        if (round > 0)
            close(p.tls);
        close(p.udp);
        tear_down_datagrams();
    }
}

static void the_peer_ends_it(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet(&params);
    for (unsigned round = 0; round < 2; round++) {
        turn_after(250);
        go_up(&p);
        upload_by_datagram(&p);
        send_record(&p, round == 0 ? FAKE_END : FAKE_FATAL, NULL, 0);
        turn();
        expect_told(1, "down", round == 0 ? "peer_closed" : "peer_alert");
        expect_down_by_tls(&p, 1000);
        CHECK(atomic_load(&fake_dtls_alive) == 0);
    }
    turn_after(250);
    begin_handshake(&p);
    send_record(&p, FAKE_FATAL, NULL, 0);
    turn();
    CHECK(nothing_told() && counted("datagram_handshake_failed") == 1 && atomic_load(&fake_dtls_alive) == 0);
    part(&p);
    tear_down_datagrams();
}

/* --- handshakes in time --------------------------------------------------------------------------------------------- */

static void flights_are_repeated_and_given_up(void)
{
    static const uint64_t waits[] = {1000, 2000, 4000};
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet(&params);
    begin_handshake(&p);
    for (size_t i = 0; i < 3; i++) {
        turn_after(waits[i] - 1);
        CHECK(nothing_for(&p));
        turn_after(1);
        expect_datagram(&p, FAKE_FLIGHT, NULL);
    }
    turn_after(7999);
    CHECK(atomic_load(&fake_dtls_alive) == 1);
    turn_after(1);
    CHECK(nothing_for(&p) && counted("datagram_handshake_timeout") == 1 && atomic_load(&fake_dtls_alive) == 0);
    CHECK(nothing_told());
    go_up(&p);
    part(&p);
    tear_down_datagrams();
}

static void quiet_after_the_handshake_begins_it(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    turn_after(200);
    send_datagram_frame(&p, WGE_FRAME_DPD_REQUEST, (const uint8_t *)"probe", 5); /* the client measures its path */
    expect_frame(&p, WGE_FRAME_DPD_RESPONSE, 5);
    turn_after(299);
    expect_down_by_tls(&p, 1000);
    upload_by_tls(&p); /* and still sends that way */
    turn_after(299);
    expect_down_by_tls(&p, 1000);
    turn_after(1);
    expect_down_by_datagram(&p, 1000);
    part(&p);
    tear_down_datagrams();
}

/* --- silence -------------------------------------------------------------------------------------------------------- */

static void silence_is_asked_about_once(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    upload_by_datagram(&p);
    for (unsigned round = 0; round < 2; round++) {
        expect_down_by_datagram(&p, 1000);
        turn_after(2000);
        expect_down_by_datagram(&p, 1000);
        turn_after(2999);
        CHECK(nothing_for(&p));
        turn_after(1);
        expect_frame(&p, WGE_FRAME_DPD_REQUEST, 0);
        if (round == 0) {
            turn_after(2999);
            send_datagram_frame(&p, WGE_FRAME_DPD_RESPONSE, NULL, 0);
            turn_after(60000); /* nothing was sent meanwhile: nothing is doubted */
            CHECK(nothing_for(&p) && counted("datagram_silent") == 0);
        }
    }
    turn_after(2999);
    expect_down_by_datagram(&p, 1000);
    turn_after(1);
    expect_down_by_tls(&p, 1000);
    CHECK(counted("datagram_silent") == 1 && nothing_told());
    send_datagram_frame(&p, WGE_FRAME_DPD_RESPONSE, NULL, 0);
    expect_down_by_tls(&p, 1000);
    upload_by_datagram(&p);
    expect_down_by_datagram(&p, 1000);
    part(&p);
    tear_down_datagrams();
}

static void an_answer_expects_no_answer(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    upload_by_datagram(&p);
    send_datagram_frame(&p, WGE_FRAME_DPD_REQUEST, NULL, 0);
    expect_frame(&p, WGE_FRAME_DPD_RESPONSE, 0);
    turn_after(100000);
    CHECK(nothing_for(&p) && counted("dpd_request_out") == 0);
    part(&p);
    tear_down_datagrams();
}

static void dead_peers_are_given_up(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    params.dpd_ms = 1000;
    struct peer p = meet_and_go_up(&params);
    for (unsigned i = 0; i < 4; i++) {
        send_frame(p.tls, WGE_FRAME_KEEPALIVE, NULL, 0);
        turn_after(1000);
        expect_frame(&p, WGE_FRAME_DPD_REQUEST, 0);
        if (i == 1)
            send_datagram_frame(&p, WGE_FRAME_DPD_RESPONSE, NULL, 0); /* it lives, from here on no more */
    }
    send_frame(p.tls, WGE_FRAME_KEEPALIVE, NULL, 0);
    turn_after(999);
    CHECK(nothing_told());
    turn_after(1);
    expect_told(1, "down", "dpd_timeout");
    CHECK(atomic_load(&fake_dtls_alive) == 0);
    expect_down_by_tls(&p, 1000);
    part(&p);
    tear_down_datagrams();
}

/* Nothing can be sent, and that shows at a moment when packets could begin to go this way. */
static void what_breaks_while_asking_is_not_used(void)
{
    uint8_t type, payload[WGE_RECORD_PLAIN_MAX];
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    params.dpd_ms = 1000;
    struct peer p = meet_and_go_up(&params);
    for (unsigned i = 0; i < 9; i++) { /* TLS carries data all the time */
        turn_after(100);
        upload_by_tls(&p);
    }
    wge_timers_set(&data->timers, &open_of(1)->timer, now_ms + 500);
    fake_dtls_broken = true;
    turn_after(500);
    expect_told(1, "down", "datagram_broken");
    send_down(&p, 1000);
    do
        CHECK(receive_frame(p.tls, &type, payload) <= 1000);
    while (type != WGE_FRAME_DATA);
    part(&p);
    tear_down_datagrams();
}

static void what_breaks_while_sending_goes_by_tls(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    upload_by_datagram(&p);
    fake_dtls_broken = true;
    expect_down_by_tls(&p, 1000); /* this very packet */
    expect_told(1, "down", "datagram_broken");
    expect_down_by_tls(&p, 1000);
    part(&p);
    tear_down_datagrams();
}

static void what_breaks_takes_no_more_records(void)
{
    static const uint8_t probe = WGE_FRAME_DPD_REQUEST;
    uint8_t datagram[200];
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    size_t length = fake_record(datagram, FAKE_RECORD, p.random, 1, &probe, 1);
    length += fake_record(datagram + length, FAKE_RECORD, p.random, 2, &probe, 1);
    fake_dtls_broken = true;
    send_datagram(&p, datagram, length);
    turn();
    CHECK(counted("dpd_request_in") == 1 && nothing_for(&p));
    expect_told(1, "down", "datagram_broken");
    part(&p);
    tear_down_datagrams();
}

/* --- the age of keys ------------------------------------------------------------------------------------------------ */

static void old_keys_are_renewed(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    params.rekey_ms = 100000;
    struct peer p = meet(&params);
    turn_after(1);
    go_up(&p);
    upload_by_datagram(&p);
    turn_after(99999);
    struct wge_event event = next_event();
    CHECK(event.kind == WGE_EVENT_TUNNEL_REKEYED && nothing_for(&p)); /* TLS has its own */
    turn_after(1);
    expect_datagram(&p, FAKE_ALERT, NULL);
    expect_told(1, "down", "rekey");
    CHECK(counted("datagram_rekeyed") == 1);
    expect_down_by_tls(&p, 1000);
    go_up(&p);
    part(&p);
    tear_down_datagrams();
}

static void worn_keys_are_renewed(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1); /* its timers rest: the records themselves must wake them */
    struct peer p = meet(&params);
    for (unsigned round = 0; round < 2; round++) {
        turn_after(250);
        go_up(&p);
        upload_by_datagram(&p);
        turn_after(1000);
        struct wge_association *a = open_of(1);
        *(round == 0 ? &a->sent_records : &a->heard_records) = WGE_CHANNEL_RECORDS_SOFT - 2;
        if (round == 0) {
            expect_down_by_datagram(&p, 1000);
            expect_down_by_datagram(&p, 1000);
        } else {
            send_datagram_frame(&p, WGE_FRAME_KEEPALIVE, NULL, 0);
            CHECK(nothing_for(&p));
            send_datagram_frame(&p, WGE_FRAME_KEEPALIVE, NULL, 0);
        }
        expect_datagram(&p, FAKE_ALERT, NULL);
        expect_told(1, "down", "rekey");
        expect_down_by_tls(&p, 1000);
    }
    part(&p);
    tear_down_datagrams();
}

/* More tunnels and associations than the heap of timers has room for at first, all of whose timers rest, and then do
 * not. */
static void a_crowd_wakes_at_once(void)
{
    enum { CROWD = 100 };
    struct peer crowd[CROWD];
    set_up_datagrams();
    for (unsigned i = 0; i < CROWD; i++) {
        struct wge_tunnel_params params = offer_of(i + 1);
        crowd[i] = meet_and_go_up(&params);
        upload_by_datagram(&crowd[i]);
        turn_after(1000);
    }
    CHECK(data->timers.count == 0 && data->timers.reserved == 2 * CROWD);
    for (unsigned i = 0; i < CROWD; i++)
        expect_down_by_datagram(&crowd[i], 1000);
    CHECK(data->timers.count == CROWD);
    for (unsigned i = 0; i < CROWD; i++) {
        wge_data_end(data, i + 1, 1, (const uint8_t *)"\xb0", 1);
        turn();
        expect_closed(i + 1, 1, "ended");
        part(&crowd[i]);
    }
    tear_down_datagrams();
}

int main(void)
{
    a_new_hello_from_the_same_port_replaces();
    one_batch_may_hold_it_all();
    the_old_one_lives_until_the_new_one_is_up();
    a_newer_tunnel_takes_all_along();
    tunnels_that_end_are_silent_about_it();
    the_peer_ends_it();
    flights_are_repeated_and_given_up();
    quiet_after_the_handshake_begins_it();
    silence_is_asked_about_once();
    an_answer_expects_no_answer();
    dead_peers_are_given_up();
    what_breaks_while_asking_is_not_used();
    what_breaks_while_sending_goes_by_tls();
    what_breaks_takes_no_more_records();
    old_keys_are_renewed();
    worn_keys_are_renewed();
    a_crowd_wakes_at_once();
    return 0;
}
