/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_datagrams_keys.c - which key a client uses after it has come back: openconnect built with OpenSSL, which offers
 * the extended master secret, keeps its first one; others export it anew. */
#include "datagram_stage.h"

/* The client comes back with the same session; `old` is the peer that it was. */
static struct peer come_back(struct peer *old, struct wge_tunnel_params *params)
{
    params->epoch++;
    memset(params->datagram.app_id, (int)(100 + params->epoch), WGE_APP_ID);
    struct peer p = meet(params);
    p.extended_master_secret = old->extended_master_secret;
    expect_closed(params->session, params->epoch - 1, "replaced");
    part(old);
    return p;
}

static void keep_key(struct peer *p, const struct peer *first)
{
    memcpy(p->key, first->key, sizeof p->key);
}

/* The key is the other one; whether the client waits for the end of its attempt or not. */
static void try_in_vain(struct peer *p, uint64_t wait_ms)
{
    uint64_t failed = counted("datagram_handshake_timeout");
    begin_handshake(p);
    finish_handshake(p);
    CHECK(nothing_for(p) && nothing_told());
    for (uint64_t waited = 0; waited < wait_ms; waited += 1000)
        turn_after(1000);
    while (!nothing_for(p)) /* which takes one that is there */
        ;
    CHECK(counted("datagram_handshake_timeout") == failed + (wait_ms >= WGE_ASSOCIATION_HANDSHAKE_MS));
}

static void the_first_key_goes_with_the_session(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer first = meet_and_go_up(&params), p = first;
    for (unsigned i = 0; i < 3; i++) {
        p = come_back(&p, &params);
        p = come_back(&p, &params); /* also where one tunnel had no datagrams */
        keep_key(&p, &first);
        go_up(&p);
    }
    part(&p);
    tear_down_datagrams();
}

static void clients_that_export_anew_are_understood_at_once(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet(&params);
    p.extended_master_secret = false;
    go_up(&p);
    for (unsigned i = 0; i < 3; i++) {
        p = come_back(&p, &params);
        go_up(&p);
    }
    part(&p);
    tear_down_datagrams();
}

static void the_first_key_outlives_the_tunnel(uint64_t away_ms)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer first = meet_and_go_up(&params);
    part(&first);
    turn();
    expect_closed(1, 1, "peer_closed");
    turn_after(away_ms);
    params.epoch = 2;
    struct peer p = meet(&params);
    if (away_ms < WGE_KEY_MEMORY_MS)
        keep_key(&p, &first);
    go_up(&p);
    part(&p);
    tear_down_datagrams();
}

/* It was started anew, so its first key is another one; it has one attempt in vain, and that is all. */
static void a_client_begins_anew(uint64_t patience_ms)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer p = meet_and_go_up(&params);
    struct peer anew = come_back(&p, &params);
    try_in_vain(&anew, patience_ms);
    go_up(&anew);
    send_record(&anew, FAKE_END, NULL, 0);
    turn_after(1000);
    expect_told(1, "down", "peer_closed");
    go_up(&anew); /* it is known by now */
    p = come_back(&anew, &params);
    keep_key(&p, &anew);
    go_up(&p);
    part(&p);
    tear_down_datagrams();
}

static void a_client_without_ems_that_keeps_its_key(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer first = meet_and_go_up(&params);
    struct peer old = first;
    old.extended_master_secret = false; /* no such client is known */
    struct peer p = come_back(&old, &params);
    keep_key(&p, &first);
    try_in_vain(&p, 15000);
    go_up(&p);
    send_record(&p, FAKE_END, NULL, 0);
    turn_after(1000);
    expect_told(1, "down", "peer_closed");
    go_up(&p);
    part(&p);
    tear_down_datagrams();
}

/* Datagrams that are lost say nothing of the key. */
static void a_lost_handshake_changes_nothing(void)
{
    set_up_datagrams();
    struct wge_tunnel_params params = offer_of(1);
    struct peer first = meet_and_go_up(&params), p = first;
    p = come_back(&p, &params);
    keep_key(&p, &first);
    begin_handshake(&p);
    for (unsigned i = 0; i < 15; i++)
        turn_after(1000);
    CHECK(counted("datagram_handshake_timeout") == 1);
    for (unsigned i = 0; i < 3; i++)
        expect_datagram(&p, FAKE_FLIGHT, NULL);
    go_up(&p);
    part(&p);
    tear_down_datagrams();
}

int main(void)
{
    the_first_key_goes_with_the_session();
    clients_that_export_anew_are_understood_at_once();
    the_first_key_outlives_the_tunnel(1000);
    the_first_key_outlives_the_tunnel(WGE_KEY_MEMORY_MS - 1);
    the_first_key_outlives_the_tunnel(WGE_KEY_MEMORY_MS);
    a_client_begins_anew(15000);
    a_client_begins_anew(3000);
    a_client_without_ems_that_keeps_its_key();
    a_lost_handshake_changes_nothing();
    return 0;
}
