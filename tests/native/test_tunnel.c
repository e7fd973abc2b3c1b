/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What takes too long to reach from outside: the loop of data.c is turned by hand here, so that keys can be worn and time
 * can pass at will. */
#include "data.c"

#include "check.h"
#include "fake_stream.h"
#include "packets.h"

static struct wge_data *d;
static struct wge_counters counters;
static struct wge_events *events;
static int client;

static void turn(void)
{
    wge_data_end(d, UINT64_MAX, 0, NULL, 0); /* nobody's end: wakes the loop */
    one_loop(d);
}

static struct wge_tunnel *set_up(bool tls13)
{
    int ends[2];
    struct wge_tunnel_params params = {.session = 3, .epoch = 1, .has_ipv4 = true, .ipv4 = {10, 0, 0, 3}, .mtu = 1400};
    memset(&counters, 0, sizeof counters);
    CHECK(wge_events_create(&events) == WGE_OK);
    CHECK(wge_data_create(&d, &(struct wge_data_config){.tun = -1, .counters = &counters, .events = events}) == WGE_OK);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    client = ends[1];
    wge_data_adopt(d, fake_stream(ends[0], tls13), &params);
    turn();
    struct wge_tunnel *t = wge_sessions_find(d->sessions, 3);
    CHECK(t != NULL);
    return t;
}

static void tear_down(void)
{
    wge_life_end_all(d);
    wge_life_reap(d);
    wge_data_free(d);
    wge_events_free(events);
    close(client);
    CHECK(atomic_load(&fake_streams_alive) == 0);
}

static void speak(void)
{
    uint8_t record[2 + WGE_FRAME_HEADER];
    put16(record, WGE_FRAME_HEADER);
    wge_frame_encode(record + 2, WGE_FRAME_KEEPALIVE, 0);
    CHECK(send(client, record, sizeof record, 0) == sizeof record);
    turn();
}

static void expect_event(enum wge_event_kind kind, const char *reason)
{
    struct wge_event event;
    CHECK(wge_events_take(events, &event, 1) == 1);
    CHECK(event.kind == kind && event.id == 3 && strcmp(event.reason, reason) == 0);
    wge_event_wipe(&event);
}

static void worn_keys_are_renewed_before_their_bound(void)
{
    struct wge_tunnel *t = set_up(true);
    t->tls.sent_records = wge_record_limit_soft(t->tls.limit);
    speak();
    expect_event(WGE_EVENT_TUNNEL_REKEYED, "rekeyed");
    CHECK(t->tls.sent_records == 0 && counters.rekeyed == 1);
    t->tls.heard_records = wge_record_limit_soft(t->tls.limit); /* a peer that only sends */
    speak();
    expect_event(WGE_EVENT_TUNNEL_REKEYED, "rekeyed");
    speak();
    CHECK(counters.rekeyed == 2 && counters.tunnels_ended == 0);
    tear_down();
}

static void spent_keys_end_a_tunnel(void)
{
    struct wge_tunnel *t = set_up(false);
    t->tls.heard_records = wge_record_limit_soft(t->tls.limit);
    speak();
    expect_event(WGE_EVENT_TUNNEL_CLOSED, "keys_spent");
    tear_down();
}

static void a_failed_rekey_is_tried_again_but_not_for_ever(void)
{
    struct wge_tunnel *t = set_up(true);
    bool rekeyed;
    size_t room = t->tls.stream->out_capacity;
    t->tls.stream->out_capacity = 1;
    CHECK(wge_tunnel_rekey(t, &d->loop, &rekeyed) == NULL && !rekeyed);
    CHECK(t->liveness.rekey_at == d->loop.now_ms + WGE_REKEY_RETRY_MS);
    t->tls.sent_records = t->tls.limit;
    CHECK(strcmp(wge_tunnel_rekey(t, &d->loop, &rekeyed), "rekey_failed") == 0);
    t->tls.stream->out_capacity = room;
    CHECK(wge_tunnel_rekey(t, &d->loop, &rekeyed) == NULL && rekeyed && t->tls.sent_records == 0);
    t->tls.stream->tls13 = false;
    CHECK(strcmp(wge_tunnel_rekey(t, &d->loop, &rekeyed), "rekey_failed") == 0);
    tear_down();
}

static void bye_lingers_but_not_for_ever(void)
{
    uint8_t bytes[64];
    struct wge_tunnel *t = set_up(true);
    wge_data_end(d, 3, 1, (const uint8_t *)"\xb0", 1);
    turn();
    expect_event(WGE_EVENT_TUNNEL_CLOSED, "ended");
    CHECK(t->state == WGE_TUNNEL_LINGERING && wge_sessions_find(d->sessions, 3) == NULL);
    CHECK(recv(client, bytes, sizeof bytes, MSG_DONTWAIT) == 2 + WGE_FRAME_HEADER + 1 + 2);
    CHECK(bytes[2 + 6] == WGE_FRAME_DISCONNECT && bytes[2 + WGE_FRAME_HEADER] == 0xb0);
    speak();
    CHECK(counters.keepalive_in == 0); /* what it says no longer counts */
    t->timer.due_ms = 0;               /* two seconds later */
    turn();
    CHECK(recv(client, bytes, sizeof bytes, MSG_DONTWAIT) == 0 && atomic_load(&fake_streams_alive) == 0);
    CHECK(counters.tunnels_ended == 1);
    tear_down();
}

static void many_tunnels_are_timed_cheaply(void)
{
    enum { COUNT = 300 };
    static int peers[COUNT];
    set_up(true);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct wge_tunnel_params params = {.session = 100 + i, .has_ipv4 = true, .mtu = 1400, .dpd_ms = 60000 + i};
        int ends[2];
        put32(params.ipv4, 0x0a010000u + i);
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        peers[i] = ends[1];
        wge_data_adopt(d, fake_stream(ends[0], true), &params);
    }
    turn();
    CHECK(d->timers.count == COUNT); /* the first has nothing to wait for */
    CHECK(wge_timers_next(&d->timers) >= d->loop.now_ms + 59000);
    d->loop.now_ms += 3 * 61000;
    timers_due(d);
    wge_life_reap(d);
    CHECK(d->timers.count == 0 && atomic_load(&fake_streams_alive) == 1);
    for (uint32_t i = 0; i < COUNT; i++)
        close(peers[i]);
    tear_down();
}

int main(void)
{
    worn_keys_are_renewed_before_their_bound();
    spent_keys_end_a_tunnel();
    a_failed_rekey_is_tried_again_but_not_for_ever();
    bye_lingers_but_not_for_ever();
    many_tunnels_are_timed_cheaply();
    return 0;
}
