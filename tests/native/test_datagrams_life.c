/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_datagrams_life.c - how associations end and follow one another. */
#include "datagram_stage.h"

/* A hello with its cookie may have been seen on the wire and sent again: only who can finish takes the path. */
static void a_new_handshake_from_the_same_port_replaces(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    struct peer old = p;
    upload_by_datagram(&old);
    turn_after(250);
    begin_handshake(&p);
    upload_by_datagram(&old);
    expect_down_by_datagram(&old, 1000);
    CHECK(nothing_told() && atomic_load(&fake_dtls_alive) == 2);
    finish_handshake(&p);
    expect_datagram(&p, FAKE_FINISHED, NULL);
    expect_told(1, "up", "");
    CHECK(atomic_load(&fake_dtls_alive) == 1);
    upload_by_datagram(&p);
    expect_down_by_datagram(&p, 1000);
    turn_after(250);
    begin_handshake(&p); /* and again while it rises */
    turn_after(250);
    begin_handshake(&p);
    CHECK(nothing_told() && atomic_load(&fake_dtls_alive) == 2);
    finish_handshake(&p);
    expect_told(1, "up", "");
    CHECK(nothing_told() && atomic_load(&fake_dtls_alive) == 1 && data->timers.reserved == OWN_TIMERS + 2);
    part(&p);
    tear_down_datagrams();
}

static void a_contender_may_outlive_whom_it_contends_with(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    struct peer old = p;
    turn_after(250);
    begin_handshake(&p);
    send_record(&old, FAKE_END, NULL, 0);
    turn();
    expect_told(1, "down", "peer_closed");
    finish_handshake(&p);
    expect_datagram(&p, FAKE_FINISHED, NULL);
    expect_told(1, "up", "");
    upload_by_datagram(&p);
    /* and one that never finishes leaves no trace */
    old = p;
    turn_after(250);
    begin_handshake(&p);
    turn_after(WGE_ASSOCIATION_HANDSHAKE_MS);
    turn_after(WGE_ASSOCIATION_HANDSHAKE_MS);
    CHECK(counted("datagram_handshake_timeout") == 1 && atomic_load(&fake_dtls_alive) == 1);
    upload_by_datagram(&old);
    part(&p);
    tear_down_datagrams();
}

/* In the clear nothing is believed once there are keys; a last flight that was lost is repeated, but not to a flood. */
static void the_clear_is_not_believed_any_more(void)
{
    static const uint8_t clear[] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 4, 20, 0, 0, 0};
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    send_datagram(&p, clear, sizeof clear);
    turn();
    CHECK(nothing_for(&p) && counted("drop_datagram_plain") == 1);
    p.number--;
    for (unsigned i = 0; i < 5; i++)
        send_last_word(&p);
    turn_after(WGE_ASSOCIATION_LAST_FLIGHT_MS);
    expect_datagram(&p, FAKE_FINISHED, NULL);
    CHECK(nothing_for(&p) && nothing_told());
    p.number += 10;
    upload_by_datagram(&p);
    send_last_word(&p);
    turn_after(WGE_ASSOCIATION_LAST_FLIGHT_MS);
    CHECK(nothing_for(&p));
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
    send_record(&old, FAKE_RECORD, "\7", 1); /* still the old one's path */
    send_last_word(&p);
    send_record(&p, FAKE_RECORD, "\7", 1);
    send_record(&p, FAKE_FATAL, NULL, 0);
    send_record(&p, FAKE_RECORD, "\7", 1);
    send_record(&old, FAKE_RECORD, "\7", 1);
    turn();
    CHECK(counted("keepalive_in") == 3 && counted("datagram_handshake_ok") == 2);
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

int main(void)
{
    a_contender_may_outlive_whom_it_contends_with();
    the_clear_is_not_believed_any_more();
    a_new_handshake_from_the_same_port_replaces();
    one_batch_may_hold_it_all();
    the_old_one_lives_until_the_new_one_is_up();
    a_newer_tunnel_takes_all_along();
    tunnels_that_end_are_silent_about_it();
    the_peer_ends_it();
    return 0;
}
