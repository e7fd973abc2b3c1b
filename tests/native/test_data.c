/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The data thread between a client's socket and a TUN, both played by the test. Nothing waits for time to pass but what
 * tests timers, and every wait ends early when what it waits for happens. */
#include "data.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "check.h"
#include "coalesce.h"
#include "fake_stream.h"
#include "frame.h"
#include "packets.h"
#include "segment.h"
#include "traffic.h"

#define PATIENCE_MS 20000
#define ENTRIES 8

static struct wge_data *data;
static struct wge_counters counters;
static struct wge_events *events;
static struct wge_traffic traffic[ENTRIES];
static int tun; /* our end: what we write there, the thread reads */
static int tun_thread;

/* Counters are complete once the thread has stopped. */
#define COUNTED(name) (wge_data_stop(data), atomic_load(&counters.name))

/* --- the stage -------------------------------------------------------------------------------------------------- */

static void set_up_device(bool with_tun)
{
    int ends[2] = {-1, -1};
    int size = 4 * 1024 * 1024;
    if (with_tun) {
        CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    tun_thread = ends[0];
    tun = ends[1];
    memset(&counters, 0, sizeof counters);
    memset(traffic, 0, sizeof traffic);
    CHECK(wge_events_create(&events) == WGE_OK);
    CHECK(wge_data_create(&data, tun_thread, traffic, sizeof traffic, &counters, events) == WGE_OK);
}

static void set_up(void)
{
    set_up_device(true);
    CHECK(wge_data_start(data) == WGE_OK);
}

static void tear_down(void)
{
    wge_data_stop(data);
    wge_data_free(data);
    wge_events_free(events);
    if (tun >= 0) {
        close(tun);
        close(tun_thread);
    }
    CHECK(atomic_load(&fake_streams_alive) == 0);
}

static struct wge_tunnel_params params_of(uint64_t session)
{
    return (struct wge_tunnel_params){.session = session,
                                      .epoch = 1,
                                      .index = (uint32_t)session,
                                      .has_ipv4 = true,
                                      .ipv4 = {10, 0, 0, (uint8_t)session},
                                      .has_ipv6 = true,
                                      .ipv6 = {0xfd, [15] = (uint8_t)session},
                                      .mtu = 1400};
}

static int connect_client(const struct wge_tunnel_params *params, bool tls13)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    wge_data_adopt(data, fake_stream(ends[0], tls13), params);
    return ends[1];
}

static int client_of(uint64_t session)
{
    struct wge_tunnel_params params = params_of(session);
    return connect_client(&params, true);
}

static void wait_readable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    CHECK(poll(&one, 1, PATIENCE_MS) == 1);
}

static struct wge_event next_event(void)
{
    struct wge_event event;
    while (wge_events_take(events, &event, 1) == 0)
        wait_readable(wge_events_fd(events));
    return event;
}

static void expect_closed(uint64_t session, uint64_t epoch, const char *reason)
{
    struct wge_event event = next_event();
    if (event.kind != WGE_EVENT_TUNNEL_CLOSED || strcmp(event.reason, reason) != 0)
        fprintf(stderr, "expected the end \"%s\", got %d \"%s\"\n", reason, event.kind, event.reason);
    CHECK(event.kind == WGE_EVENT_TUNNEL_CLOSED && event.id == session && event.epoch == epoch);
    CHECK(strcmp(event.reason, reason) == 0);
    wge_event_wipe(&event);
}

/* --- the client ------------------------------------------------------------------------------------------------- */

static void send_all(int fd, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        CHECK(sent > 0);
        bytes += sent;
        length -= (size_t)sent;
    }
}

static size_t put_record(uint8_t *out, const uint8_t *record, size_t length)
{
    put16(out, (unsigned)length);
    memcpy(out + 2, record, length);
    return length + 2;
}

static size_t put_frame(uint8_t *out, enum wge_frame_type type, const uint8_t *payload, size_t length)
{
    put16(out, (unsigned)(length + WGE_FRAME_HEADER));
    wge_frame_encode(out + 2, type, length);
    if (length > 0)
        memcpy(out + 2 + WGE_FRAME_HEADER, payload, length);
    return length + WGE_FRAME_HEADER + 2;
}

static void send_frame(int client, enum wge_frame_type type, const void *payload, size_t length)
{
    static uint8_t out[2 + WGE_RECORD_PLAIN_MAX];
    send_all(client, out, put_frame(out, type, payload, length));
}

static void receive_exactly(int fd, uint8_t *out, size_t length)
{
    while (length > 0) {
        wait_readable(fd);
        ssize_t got = recv(fd, out, length, 0);
        CHECK(got > 0);
        out += got;
        length -= (size_t)got;
    }
}

/* The next frame from the gateway; returns its payload's length. */
static size_t receive_frame(int client, uint8_t *type, uint8_t *payload)
{
    uint8_t record[WGE_RECORD_PLAIN_MAX];
    uint8_t head[2];
    struct wge_frame frame;
    do
        receive_exactly(client, head, 2);
    while (get16(head) == FAKE_KEY_UPDATE);
    CHECK(get16(head) <= sizeof record);
    receive_exactly(client, record, get16(head));
    CHECK(wge_frame_decode(record, get16(head), &frame) == WGE_FRAME_GOOD);
    *type = frame.type;
    memcpy(payload, frame.payload, frame.length);
    return frame.length;
}

static void expect_end_of_stream(int client)
{
    uint8_t byte;
    ssize_t got;
    do {
        wait_readable(client);
        got = recv(client, &byte, 1, 0);
    } while (got == 1);
    CHECK(got == 0 || errno == ECONNRESET);
}

static struct packet_spec upload(uint8_t version, uint8_t client)
{
    return (struct packet_spec){
        .version = version, .protocol = 6, .client = client, .flags = 0x10, .ttl = 64, .payload = 1200};
}

static void send_packet(int client, const struct packet_spec *p)
{
    uint8_t packet[2048];
    send_frame(client, WGE_FRAME_DATA, packet, build_packet(packet, p));
}

/* A packet from the inside to a client: the addresses of an upload, swapped. */
static size_t build_download(uint8_t *out, const struct packet_spec *p)
{
    uint8_t other[16];
    size_t length = build_packet(out, p);
    size_t bytes = p->version == 4 ? 4 : 16;
    uint8_t *source = out + (p->version == 4 ? 12 : 8);
    memcpy(other, source, bytes);
    memcpy(source, source + bytes, bytes);
    memcpy(source + bytes, other, bytes);
    return length; /* checksums are sums: swapping changes none */
}

static void send_inside(const struct packet_spec *p, size_t gso_size)
{
    static uint8_t buffer[WGE_VNET_HEADER + 65536];
    size_t ip = p->version == 4 ? 20 : 40;
    struct wge_vnet vnet = {0};
    if (gso_size > 0)
        vnet = (struct wge_vnet){.flags = WGE_VNET_NEEDS_CHECKSUM,
                                 .gso_type = p->version == 4 ? WGE_VNET_GSO_TCP4 : WGE_VNET_GSO_TCP6,
                                 .gso_size = (uint16_t)gso_size,
                                 .checksum_start = (uint16_t)ip,
                                 .checksum_offset = 16};
    memcpy(buffer, &vnet, sizeof vnet);
    size_t length = WGE_VNET_HEADER + build_download(buffer + WGE_VNET_HEADER, p);
    CHECK(send(tun, buffer, length, 0) == (ssize_t)length);
}

static void expect_packet(int client, const struct packet_spec *p)
{
    uint8_t expected[2048];
    uint8_t payload[WGE_RECORD_PLAIN_MAX];
    uint8_t type;
    size_t length = build_download(expected, p);
    CHECK(receive_frame(client, &type, payload) == length && type == WGE_FRAME_DATA);
    CHECK(memcmp(payload, expected, length) == 0);
}

/* Waits until everything sent before has been dealt with: frames of a tunnel are handled in order. */
static void settle(int client)
{
    uint8_t type;
    uint8_t payload[WGE_RECORD_PLAIN_MAX];
    send_frame(client, WGE_FRAME_DPD_REQUEST, "settle", 6);
    do
        receive_frame(client, &type, payload);
    while (type != WGE_FRAME_DPD_RESPONSE);
}

/* --- packets ---------------------------------------------------------------------------------------------------- */

static void packets_go_in_joined_and_unchanged(void)
{
    set_up();
    for (uint8_t version = 4; version <= 6; version += 2) {
        static uint8_t burst[65536];
        static uint8_t buffer[WGE_VNET_HEADER + 65536];
        uint8_t packet[2048];
        struct packet_spec p = upload(version, version);
        int client = client_of(version);
        size_t length = 0;
        for (unsigned i = 0; i < 20; i++) {
            length += put_frame(burst + length, WGE_FRAME_DATA, packet, build_packet(packet, &p));
            p.seq += (uint32_t)p.payload;
            p.identification++;
        }
        send_all(client, burst, length);
        p = upload(version, version);
        for (unsigned i = 0; i < 20;) {
            struct wge_segmenter segmenter;
            uint8_t *came;
            wait_readable(tun);
            ssize_t got = recv(tun, buffer, sizeof buffer, 0);
            CHECK(got > 0 && wge_segment_begin(&segmenter, buffer, (size_t)got));
            for (; wge_segment_next(&segmenter, &came, &length); i++) {
                CHECK(length == build_packet(packet, &p) && memcmp(came, packet, length) == 0);
                p.seq += (uint32_t)p.payload;
                p.identification++;
            }
        }
        settle(client);
        CHECK(atomic_load(&traffic[version].rx_packets) == 20);
        CHECK(atomic_load(&traffic[version].rx_bytes) == 20 * (version == 4 ? 1240u : 1260u));
        CHECK(atomic_load(&traffic[version].session) == version && atomic_load(&traffic[version].last_active_ms) > 0);
        close(client);
        expect_closed(version, 1, "peer_closed");
    }
    CHECK(COUNTED(rx_packets) == 40 && COUNTED(tun_writes) <= 40);
    tear_down();
}

static void super_packets_go_out_cut(void)
{
    set_up();
    for (uint8_t version = 4; version <= 6; version += 2) {
        struct packet_spec p = upload(version, version);
        int client = client_of(version);
        settle(client);
        p.payload = 30000;
        send_inside(&p, 1000);
        struct packet_spec one = p;
        one.payload = 1000;
        for (unsigned i = 0; i < 30; i++) {
            expect_packet(client, &one);
            one.seq += 1000;
            one.identification++;
            one.payload_value = (uint8_t)(one.payload_value + 7 * 1000);
        }
        p.payload = 5;
        send_inside(&p, 0);
        expect_packet(client, &p);
        settle(client);
        CHECK(atomic_load(&traffic[version].tx_packets) == 31);
        close(client);
        expect_closed(version, 1, "peer_closed");
    }
    CHECK(COUNTED(tx_packets) == 62);
    tear_down();
}

static void what_nobody_owns_is_counted(void)
{
    set_up();
    int client = client_of(1);
    settle(client);
    struct packet_spec p = upload(4, 2);
    send_inside(&p, 0); /* 10.0.0.2 has no session */
    p = upload(6, 1);
    p.payload = 1400;
    send_inside(&p, 0); /* 1460 bytes, the MTU is 1400 */
    p.payload = 3000;
    send_inside(&p, 1400);
    CHECK(send(tun, "not a packet at all", 19, 0) == 19);
    uint8_t torn[WGE_VNET_HEADER + 30] = {[WGE_VNET_HEADER] = 0x45};
    CHECK(send(tun, torn, sizeof torn, 0) == sizeof torn);
    p = upload(4, 1);
    send_inside(&p, 0);
    expect_packet(client, &p);
    settle(client);
    CHECK(COUNTED(drop_no_session) == 1 && COUNTED(drop_tx_mtu) == 2);
    CHECK(COUNTED(drop_not_ip) == 1 && COUNTED(drop_segment_malformed) == 1);
    close(client);
    tear_down();
}

static void spoofed_and_broken_packets_stay_outside(void)
{
    set_up();
    int client = client_of(1);
    struct packet_spec p = upload(4, 2);
    send_packet(client, &p);
    p = upload(6, 2);
    send_packet(client, &p);
    send_frame(client, WGE_FRAME_DATA, "junk", 4);
    send_frame(client, WGE_FRAME_DATA, NULL, 0);
    p = upload(4, 1);
    p.payload = 1480;
    send_packet(client, &p); /* 1520 bytes: more than an Ethernet carries */
    p.payload = 1460;
    send_packet(client, &p); /* 1500: a little above our MTU, let through */
    settle(client);
    CHECK(COUNTED(drop_inner_source) == 2 && COUNTED(drop_inner_malformed) == 2);
    CHECK(COUNTED(drop_inner_mtu) == 1 && COUNTED(rx_packets) == 1);
    close(client);
    tear_down();
}

static void own_networks_are_sources_and_destinations(void)
{
    set_up();
    struct wge_tunnel_params params = params_of(1);
    params.networks[0] = (struct wge_network){.address = {10, 0, 0, 64}, .prefix = 26, .family = 4};
    params.network_count = 1;
    int client = connect_client(&params, true);
    struct packet_spec p = upload(4, 70);
    uint8_t buffer[2048];
    send_packet(client, &p);
    wait_readable(tun);
    CHECK(recv(tun, buffer, sizeof buffer, 0) == WGE_VNET_HEADER + 1240);
    send_inside(&p, 0);
    expect_packet(client, &p);
    close(client);
    expect_closed(1, 1, "peer_closed");
    tear_down();
}

static void without_a_device_packets_are_counted(void)
{
    set_up_device(false);
    CHECK(wge_data_start(data) == WGE_OK);
    int client = client_of(1);
    struct packet_spec p = upload(4, 1);
    send_packet(client, &p);
    settle(client);
    CHECK(COUNTED(drop_tun_write) == 1 && COUNTED(rx_packets) == 1);
    close(client);
    tear_down();
}

static void stale_packets_are_drained(void)
{
    set_up_device(true);
    for (unsigned i = 0; i < 20; i++) {
        struct packet_spec p = upload(4, 1);
        send_inside(&p, 0);
    }
    int client = client_of(1); /* adopted before the start: served after the drain */
    CHECK(wge_data_start(data) == WGE_OK);
    settle(client);
    CHECK(COUNTED(tun_stale_drained) == 20 && COUNTED(tx_packets) == 0);
    close(client);
    tear_down();
}

/* --- frames ----------------------------------------------------------------------------------------------------- */

static void probes_are_echoed(void)
{
    static uint8_t probe[WGE_FRAME_PAYLOAD_MAX];
    static uint8_t payload[WGE_RECORD_PLAIN_MAX];
    const size_t sizes[] = {0, 1, 1400, sizeof probe};
    uint8_t type;
    set_up();
    int client = client_of(1);
    memset(probe, 0x5a, sizeof probe);
    for (size_t i = 0; i < 4; i++) {
        send_frame(client, WGE_FRAME_DPD_REQUEST, probe, sizes[i]);
        CHECK(receive_frame(client, &type, payload) == sizes[i]);
        CHECK(type == WGE_FRAME_DPD_RESPONSE && memcmp(payload, probe, sizes[i]) == 0);
    }
    send_frame(client, WGE_FRAME_KEEPALIVE, NULL, 0);
    send_frame(client, WGE_FRAME_DPD_RESPONSE, NULL, 0);
    send_frame(client, WGE_FRAME_COMPRESSED, probe, 50);
    send_frame(client, WGE_FRAME_TERMINATE, NULL, 0);
    send_frame(client, (enum wge_frame_type)200, probe, 50);
    settle(client);
    CHECK(COUNTED(dpd_request_in) == 5 && COUNTED(keepalive_in) == 1);
    CHECK(COUNTED(dpd_response_in) == 1 && COUNTED(drop_frame_compressed) == 1);
    CHECK(COUNTED(drop_frame_type) == 2);
    close(client);
    tear_down();
}

static void a_client_says_bye(void)
{
    static uint8_t long_bye[1000] = {0x91};
    set_up();
    int client = client_of(1);
    send_frame(client, WGE_FRAME_DISCONNECT,
               "\xb0"
               "gone fishing",
               13);
    struct wge_event event = next_event();
    CHECK(event.kind == WGE_EVENT_TUNNEL_CLOSED && strcmp(event.reason, "bye") == 0 && event.code == 0xb0);
    CHECK(event.length == 12 && memcmp(event.data, "gone fishing", 12) == 0);
    wge_event_wipe(&event);
    expect_end_of_stream(client);
    close(client);

    client = client_of(1);
    send_frame(client, WGE_FRAME_DISCONNECT, NULL, 0);
    event = next_event();
    CHECK(strcmp(event.reason, "bye") == 0 && event.code == -1 && event.length == 0 && event.data == NULL);
    close(client);

    client = client_of(1);
    send_frame(client, WGE_FRAME_DISCONNECT, long_bye, sizeof long_bye);
    event = next_event();
    CHECK(event.code == 0x91 && event.length == 128);
    wge_event_wipe(&event);
    close(client);
    CHECK(COUNTED(bye_in) == 3);
    tear_down();
}

static void hostile_records_end_their_tunnel_only(void)
{
    uint8_t good[WGE_FRAME_HEADER + 4];
    uint8_t out[64];
    set_up();
    int neighbour = client_of(7);
    wge_frame_encode(good, WGE_FRAME_DATA, 4);
    memset(good + WGE_FRAME_HEADER, 0, 4);
    for (unsigned round = 0; round < 6; round++) {
        static const char *const reasons[] = {"frame_magic", "frame_length", "frame_short",
                                              "frame_magic", "tls_error",    "peer_closed"};
        uint8_t bad[sizeof good];
        size_t length = sizeof bad;
        memcpy(bad, good, sizeof bad);
        if (round == 0)
            bad[0] = 'G';
        else if (round == 1)
            bad[5] = 5;
        else if (round == 2)
            length = 7;
        else if (round == 3)
            bad[7] = 1;
        length = put_record(out, bad, length);
        if (round >= 4)
            put16(out, round == 4 ? FAKE_BROKEN : FAKE_CLOSE_NOTIFY);
        int client = client_of(1);
        send_all(client, out, length);
        expect_closed(1, 1, reasons[round]);
        expect_end_of_stream(client);
        close(client);
        settle(neighbour);
    }
    CHECK(COUNTED(drop_frame_magic) == 2 && COUNTED(drop_frame_length) == 1);
    CHECK(COUNTED(drop_frame_short) == 1 && COUNTED(tunnels_ended) == 6);
    close(neighbour);
    tear_down();
}

static void noise_ends_tunnels_in_good_order(void)
{
    struct sequence s = {0xbadcafe};
    set_up();
    for (unsigned round = 0; round < 200; round++) {
        static uint8_t noise[5000];
        int client = client_of(1);
        size_t length = 0;
        while (length < 3000) {
            uint8_t payload[400];
            size_t bytes = below(&s, sizeof payload);
            draw_bytes(&s, payload, bytes);
            if (below(&s, 2) && bytes > 40)
                payload[0] = below(&s, 2) ? 0x45 : 0x60;
            length += put_frame(noise + length, WGE_FRAME_DATA, payload, bytes);
            noise[length - 1] ^= (uint8_t)below(&s, 2);
            noise[below(&s, (uint32_t)length)] ^= (uint8_t)(below(&s, 8) == 0);
        }
        if (send(client, noise, length, MSG_NOSIGNAL) > 0)
            shutdown(client, SHUT_WR);
        struct wge_event event = next_event();
        CHECK(event.kind == WGE_EVENT_TUNNEL_CLOSED);
        wge_event_wipe(&event);
        close(client);
    }
    tear_down();
}

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
    close(client);
    expect_closed(1, 1, "peer_closed");
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
    packets_go_in_joined_and_unchanged();
    super_packets_go_out_cut();
    what_nobody_owns_is_counted();
    spoofed_and_broken_packets_stay_outside();
    own_networks_are_sources_and_destinations();
    without_a_device_packets_are_counted();
    stale_packets_are_drained();
    probes_are_echoed();
    a_client_says_bye();
    hostile_records_end_their_tunnel_only();
    noise_ends_tunnels_in_good_order();
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
