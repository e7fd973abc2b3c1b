/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_data_life.c - tunnels of the data thread from adoption to end: replaced, ordered away, timed out, blocked. */
#include "data_stage.h"

/* --- the life of a tunnel --------------------------------------------------------------------------------------- */

static void a_newer_tunnel_replaces(void)
{
    set_up();
    struct wge_tunnel_params params = params_of(1);
    int first = connect_client(&params, true);
    struct packet_spec p = upload(4, 1);
    settle(first);
    send_packet(first, &p);
    settle(first);
    params.epoch = 2;
    int second = connect_client(&params, true);
    expect_closed(1, 1, "replaced");
    expect_end_of_stream(first);
    send_inside(&p, 0);
    expect_packet(second, &p);
    settle(second);
    CHECK(atomic_load(&traffic[1].rx_packets) == 1 && atomic_load(&traffic[1].tx_packets) == 1); /* the session's sum */
    params.epoch = 1;
    int late = connect_client(&params, true);
    expect_closed(1, 1, "replaced");
    expect_end_of_stream(late);
    settle(second);
    uint64_t live[4][2];
    CHECK(wge_data_tunnels(data, live, 4) == 1 && live[0][0] == 1 && live[0][1] == 2);
    close(first);
    close(second);
    close(late);
    tear_down();
}

static void an_address_follows_its_newest_session(void)
{
    set_up();
    struct wge_tunnel_params params = params_of(1);
    int first = connect_client(&params, true);
    params.session = 2;
    int second = connect_client(&params, true);
    struct packet_spec p = upload(4, 1);
    settle(second);
    send_inside(&p, 0);
    expect_packet(second, &p);
    close(first);
    expect_closed(1, 1, "peer_closed");
    send_inside(&p, 0); /* the older one's end takes nothing along */
    expect_packet(second, &p);
    close(second);
    tear_down();
}

static void tunnels_end_by_order(void)
{
    uint8_t payload[WGE_RECORD_PLAIN_MAX];
    uint8_t type;
    set_up();
    struct wge_tunnel_params params = params_of(1);
    params.epoch = 5;
    int client = connect_client(&params, true);
    wge_data_end(data, 1, 4, NULL, 0); /* an older order */
    wge_data_end(data, 2, 9, NULL, 0); /* nobody */
    settle(client);
    wge_data_end(data, 1, 5, (const uint8_t *)"\xb0kicked", 7);
    expect_closed(1, 5, "ended");
    CHECK(receive_frame(client, &type, payload) == 7 && type == WGE_FRAME_DISCONNECT &&
          memcmp(payload, "\xb0kicked", 7) == 0);
    struct packet_spec p = upload(4, 1);
    send_packet(client, &p); /* may still be on its way: goes nowhere */
    close(client);
    client = connect_client(&params, true);
    wge_data_end(data, 1, 6, NULL, 0);
    expect_closed(1, 5, "ended");
    expect_end_of_stream(client);
    close(client);
    CHECK(COUNTED(rx_packets) == 0 && COUNTED(bye_in) == 0);
    tear_down();
}

static void nonsense_is_not_adopted(void)
{
    set_up();
    for (unsigned round = 0; round < 5; round++) {
        struct wge_tunnel_params params = params_of(1);
        if (round == 0)
            params.mtu = 40;
        else if (round == 1)
            params.mtu = 20000;
        else if (round == 2)
            params.network_count = WGE_TUNNEL_NETWORKS_MAX + 1;
        else if (round == 3)
            params.has_ipv4 = params.has_ipv6 = false;
        else {
            params.networks[0] = (struct wge_network){.family = 4, .prefix = 40};
            params.network_count = 1;
        }
        int client = connect_client(&params, true);
        expect_closed(1, 1, "invalid");
        expect_end_of_stream(client);
        close(client);
    }
    struct wge_tunnel_params params = params_of(1);
    params.index = ENTRIES; /* no place in the shared counters: works without */
    int client = connect_client(&params, true);
    settle(client);
    close(client);
    tear_down();
}

static void stopping_closes_without_bye(void)
{
    uint8_t byte;
    set_up();
    int clients[5];
    for (uint8_t i = 0; i < 5; i++) {
        clients[i] = client_of(i);
        settle(clients[i]);
    }
    wge_data_end(data, 4, 1, (const uint8_t *)"x", 1); /* lingers when the thread stops */
    expect_closed(4, 1, "ended");
    wge_data_stop(data);
    for (unsigned i = 0; i < 4; i++)
        CHECK(recv(clients[i], &byte, 1, 0) == 0);
    struct wge_event event;
    CHECK(wge_events_take(events, &event, 1) == 0);
    int unserved = client_of(6); /* comes too late: freed with the queue */
    tear_down();
    CHECK(recv(unserved, &byte, 1, 0) == 0);
    close(unserved);
    for (unsigned i = 0; i < 5; i++)
        close(clients[i]);
}

/* --- time ------------------------------------------------------------------------------------------------------- */

static void silent_peers_are_asked_and_given_up(void)
{
    uint8_t payload[WGE_RECORD_PLAIN_MAX];
    uint8_t type;
    set_up();
    struct wge_tunnel_params params = params_of(1);
    params.dpd_ms = 40;
    int client = connect_client(&params, true);
    for (unsigned i = 0; i < 5; i++) {
        CHECK(receive_frame(client, &type, payload) == 0 && type == WGE_FRAME_DPD_REQUEST);
        send_frame(client, WGE_FRAME_DPD_RESPONSE, NULL, 0);
    }
    expect_closed(1, 1, "dpd_timeout");
    CHECK(COUNTED(dpd_timeout) == 1 && COUNTED(dpd_request_out) >= 7);
    close(client);
    tear_down();
}

static void timers_speak(void)
{
    uint8_t payload[WGE_RECORD_PLAIN_MAX];
    uint8_t type;
    set_up();
    struct wge_tunnel_params params = params_of(1);
    params.idle_ms = 20;
    int client = connect_client(&params, true);
    struct wge_event event = next_event();
    CHECK(event.kind == WGE_EVENT_TUNNEL_TIMER && event.id == 1 && strcmp(event.reason, "idle") == 0);
    close(client);
    expect_closed(1, 1, "peer_closed");
    params.idle_ms = 0;
    params.lifetime_ms = 20;
    params.keepalive_ms = 15;
    client = connect_client(&params, true);
    event = next_event();
    CHECK(event.kind == WGE_EVENT_TUNNEL_TIMER && strcmp(event.reason, "expired") == 0);
    CHECK(receive_frame(client, &type, payload) == 0 && type == WGE_FRAME_KEEPALIVE);
    shutdown(client, SHUT_WR); /* no close: it would meet the next keepalive */
    expect_closed(1, 1, "peer_closed");
    close(client);
    tear_down();
}

static void keys_are_renewed(void)
{
    uint8_t head[2];
    set_up();
    struct wge_tunnel_params params = params_of(1);
    params.rekey_ms = 15;
    int client = connect_client(&params, true);
    for (unsigned i = 0; i < 3; i++) {
        struct wge_event event = next_event();
        CHECK(event.kind == WGE_EVENT_TUNNEL_REKEYED && event.id == 1 && event.epoch == 1);
        receive_exactly(client, head, 2);
        CHECK(get16(head) == FAKE_KEY_UPDATE);
    }
    close(client);
    struct wge_event event;
    do
        event = next_event();
    while (event.kind == WGE_EVENT_TUNNEL_REKEYED);
    int before = atomic_load(&fake_rekeys);
    client = connect_client(&params, false); /* TLS 1.2: the client's business */
    params.session = 2;
    params.index = 2;
    params.ipv4[3] = 2;
    params.rekey_ms = 0;
    params.idle_ms = 60;
    int clock = connect_client(&params, true);
    event = next_event();
    CHECK(event.kind == WGE_EVENT_TUNNEL_TIMER && event.id == 2);
    CHECK(atomic_load(&fake_rekeys) == before);
    close(client);
    close(clock);
    tear_down();
}

/* --- slow peers ------------------------------------------------------------------------------------------------- */

static void a_peer_that_stops_reading_harms_nobody(void)
{
    set_up();
    int slow = client_of(1);
    int quick = client_of(2);
    settle(slow);
    settle(quick);
    struct packet_spec p = upload(4, 1);
    for (unsigned i = 0; i < 100; i++) { /* 6 MB, far more than its socket and queue hold */
        struct packet_spec big = p;
        big.payload = 60000;
        send_inside(&big, 1200);
        struct packet_spec q = upload(4, 2);
        q.seq = i;
        send_inside(&q, 0);
        expect_packet(quick, &q);
    }
    CHECK(atomic_load(&counters.drop_session_queue_full) > 0);
    uint64_t sent = atomic_load(&counters.tx_packets);
    CHECK(sent < 100 * 50);
    uint8_t type;
    uint8_t payload[WGE_RECORD_PLAIN_MAX];
    send_frame(slow, WGE_FRAME_KEEPALIVE, NULL, 0);
    unsigned got = 0;
    struct pollfd readable = {.fd = slow, .events = POLLIN};
    while (poll(&readable, 1, 200) == 1) { /* it reads again: what was queued comes whole and in order */
        CHECK(receive_frame(slow, &type, payload) == 1240 && type == WGE_FRAME_DATA);
        got++;
    }
    settle(slow);
    CHECK(got > 50 && COUNTED(drop_frame_magic) == 0);
    close(slow);
    close(quick);
    tear_down();
}

static void tls_answers_wait_for_room(void)
{
    uint8_t update[2] = {FAKE_KEY_UPDATE >> 8, FAKE_KEY_UPDATE & 0xff};
    uint8_t type;
    uint8_t payload[WGE_RECORD_PLAIN_MAX];
    static uint8_t probe[16000];
    set_up();
    int client = client_of(1);
    unsigned probes = 0;
    struct pollfd writable = {.fd = client, .events = POLLOUT};
    struct pollfd readable = {.fd = client, .events = POLLIN};
    while (atomic_load(&counters.drop_session_queue_full) == 0) { /* a client that asks and does not listen */
        CHECK(poll(&writable, 1, PATIENCE_MS) == 1);
        send_frame(client, WGE_FRAME_DPD_REQUEST, probe, below(&(struct sequence){probes + 1u}, 16000));
        probes++;
    }
    unsigned updates = 0;
    while (poll(&writable, 1, 300) == 1) { /* then demands answers until the gateway reads no more */
        send_all(client, update, 2);
        CHECK(++updates < 200000);
    }
    while (poll(&readable, 1, 300) == 1) /* when it is quiet again, a record is at its end */
        CHECK(recv(client, probe, sizeof probe, 0) > 0);
    send_frame(client, WGE_FRAME_DPD_REQUEST, "last", 4);
    CHECK(receive_frame(client, &type, payload) == 4 && memcmp(payload, "last", 4) == 0);
    close(client);
    expect_closed(1, 1, "peer_closed");
    tear_down();
}

int main(void)
{
    a_newer_tunnel_replaces();
    an_address_follows_its_newest_session();
    tunnels_end_by_order();
    nonsense_is_not_adopted();
    stopping_closes_without_bye();
    silent_peers_are_asked_and_given_up();
    timers_speak();
    keys_are_renewed();
    a_peer_that_stops_reading_harms_nobody();
    tls_answers_wait_for_room();
    return 0;
}
