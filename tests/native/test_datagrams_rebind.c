/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_datagrams_rebind.c - a NAT gives a client another port in mid-session: whose record it is says the key alone, and
 * who may be asked is bounded. */
#include "datagram_stage.h"

static void move(struct peer *p, const char *address)
{
    close(p->udp);
    p->udp = open_client(address);
}

static void a_new_port_is_followed(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1), others = offer_of(2);
    struct peer p = meet_and_go_up(&params), q = meet_and_go_up(&others);
    upload_by_datagram(&p);
    upload_by_datagram(&q);
    for (unsigned i = 1; i <= 3; i++) {
        move(&p, HOME);
        send_datagram_frame(&p, WGE_FRAME_DPD_REQUEST, (const uint8_t *)"here", 4);
        expect_frame(&p, WGE_FRAME_DPD_RESPONSE, 4); /* the answer has the new way already */
        CHECK(counted("datagram_rebound") == i);
        expect_down_by_datagram(&p, 1000);
        expect_down_by_datagram(&q, 1000);
    }
    upload_by_datagram(&p);
    CHECK(counted("datagram_rebound") == 3 && counted("drop_datagram_unknown") == 0 && nothing_told());
    CHECK(counted("drop_datagram_forged") == 0); /* another's record is no forgery */
    part(&p);
    part(&q);
    tear_down_datagrams();
}

/* Later records of a batch find the path that the first one has proven. */
static void a_batch_moves_as_one(void)
{
    uint8_t burst[2000];
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    move(&p, HOME);
    size_t length = 0;
    for (unsigned i = 0; i < 40; i++) /* that share a message, as a busy client's do */
        length += fake_record(burst + length, FAKE_RECORD, p.random, ++p.number, "\7", 1);
    set_option(p.udp, SOL_UDP, UDP_SEGMENT, (int)(length / 40));
    send_datagram(&p, burst, length);
    set_option(p.udp, SOL_UDP, UDP_SEGMENT, 0);
    sent += 40 - 1;
    for (unsigned i = 0; i < 20; i++)
        send_record(&p, FAKE_RECORD, "\7", 1);
    send_record(&p, FAKE_END, NULL, 0);
    send_record(&p, FAKE_RECORD, "\7", 1);
    turn();
    CHECK(counted("outside_messages_in") < counted("datagrams_in") && counted("keepalive_in") == 60 &&
          counted("datagram_rebound") == 1);
    CHECK(counted("drop_datagram_unknown") == 1 && atomic_load(&fake_dtls_alive) == 0);
    expect_told(1, "down", "peer_closed");
    part(&p);
    tear_down_datagrams();
}

static void copies_and_inventions_move_nobody(void)
{
    uint8_t copy[200];
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    upload_by_datagram(&p);
    struct peer thief = p;
    thief.udp = open_client(HOME);
    size_t length = fake_record(copy, FAKE_RECORD, p.random, p.number + 1, "\7", 1);
    send_datagram(&p, copy, length);
    turn();
    send_datagram(&thief, copy, length);
    copy[FAKE_HEAD + 1] ^= 1;
    send_datagram(&thief, copy, length);
    turn();
    CHECK(counted("datagram_rebound") == 0 && counted("drop_datagram_unknown") == 2);
    expect_down_by_datagram(&p, 1000);
    CHECK(nothing_for(&thief) && counted("drop_datagram_forged") == 0);
    send_datagram(&p, copy, length); /* a forgery is what has its own path */
    turn();
    CHECK(counted("drop_datagram_forged") == 1 && counted("drop_datagram_replayed") == 0);
    close(thief.udp);
    part(&p);
    tear_down_datagrams();
}

static void another_address_is_another_client(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    struct peer moved = p;
    moved.udp = open_client("127.0.0.2");
    send_datagram_frame(&moved, WGE_FRAME_DPD_REQUEST, NULL, 0);
    CHECK(nothing_for(&moved) && nothing_for(&p));
    CHECK(counted("datagram_rebound") == 0 && counted("drop_datagram_unknown") == 1);
    close(moved.udp);
    part(&p);
    tear_down_datagrams();
}

static void in_a_crowd_nobody_is_asked(void)
{
    struct peer crowd[9];
    set_up_datagrams();
    for (unsigned i = 0; i < 9; i++) {
        struct wge_tunnel_params params = offer_of(i + 1);
        crowd[i] = meet_and_go_up(&params);
    }
    move(&crowd[0], HOME);
    send_datagram_frame(&crowd[0], WGE_FRAME_DPD_REQUEST, NULL, 0);
    CHECK(nothing_for(&crowd[0]) && counted("drop_datagram_unknown") == 1);
    close(crowd[8].tls);
    turn();
    expect_closed(9, 1, "peer_closed");
    send_datagram_frame(&crowd[0], WGE_FRAME_DPD_REQUEST, NULL, 0);
    expect_frame(&crowd[0], WGE_FRAME_DPD_RESPONSE, 0);
    CHECK(counted("datagram_rebound") == 1);
    close(crowd[8].udp);
    for (unsigned i = 0; i < 8; i++)
        part(&crowd[i]);
    tear_down_datagrams();
}

static void claims_of_one_loop_are_bounded(void)
{
    uint8_t junk[200];
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    size_t length = fake_record(junk, FAKE_RECORD, (const uint8_t *)"nobody's", 1, "\7", 1);
    for (unsigned before = 31; before <= 32; before++) {
        move(&p, HOME);
        for (unsigned i = 0; i < before; i++)
            send_datagram(&p, junk, length);
        send_datagram_frame(&p, WGE_FRAME_KEEPALIVE, NULL, 0);
        CHECK(counted("datagram_rebound") == 1);
    }
    send_datagram_frame(&p, WGE_FRAME_KEEPALIVE, NULL, 0);
    CHECK(counted("datagram_rebound") == 2 && counted("drop_datagram_unknown") == 31 + 32 + 1);
    part(&p);
    tear_down_datagrams();
}

/* What rises has shown no keys yet, so no record of another path can be its. */
static void a_handshake_does_not_move(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet(&params);
    begin_handshake(&p);
    struct peer moved = p;
    moved.udp = open_client(HOME);
    finish_handshake(&moved);
    CHECK(nothing_for(&moved) && counted("datagram_rebound") == 0);
    finish_handshake(&p);
    expect_datagram(&p, FAKE_FINISHED, NULL);
    expect_told(1, "up", "");
    close(moved.udp);
    part(&p);
    tear_down_datagrams();
}

int main(void)
{
    a_new_port_is_followed();
    a_batch_moves_as_one();
    copies_and_inventions_move_nobody();
    another_address_is_another_client();
    in_a_crowd_nobody_is_asked();
    claims_of_one_loop_are_bounded();
    a_handshake_does_not_move();
    return 0;
}
