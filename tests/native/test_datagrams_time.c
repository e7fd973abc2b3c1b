/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_datagrams_time.c - what time and use do to associations: handshakes that take too long, silence, keys that are
 * old or worn, and what breaks meanwhile. */
#include "datagram_stage.h"

static struct wge_association *open_of(uint64_t session)
{
    struct wge_tunnel *t = wge_sessions_find(data->sessions, session);
    CHECK(t != NULL && t->open != NULL && t->open->state == WGE_ASSOCIATION_OPEN);
    return t->open;
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
    const uint32_t soft = wge_record_limit_soft(WGE_CHANNEL_RECORDS_MOST);
    struct peer p = meet(&params);
    for (unsigned round = 0; round < 2; round++) {
        turn_after(250);
        go_up(&p);
        upload_by_datagram(&p);
        turn_after(1000);
        struct wge_association *a = open_of(1);
        *(round == 0 ? &a->sent_records : &a->heard_records) = soft - 2;
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
    CHECK(data->timers.count == 0 && data->timers.reserved == OWN_TIMERS + 2 * CROWD);
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
