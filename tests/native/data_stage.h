/* SPDX-License-Identifier: GPL-3.0-or-later */
/* data_stage.h - a data thread between a client's socket and a TUN, both played by the test. Nothing waits for time to
 * pass but what tests timers, and every wait ends early when what it waits for happens. */
#ifndef DATA_STAGE_H
#define DATA_STAGE_H

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
static int udp[2]; /* the gateway's sockets, opened by tests that need them */
static size_t udp_count;

/* Counters are complete once the thread has stopped. */
#define COUNTED(name) (wge_data_stop(data), atomic_load(&counters.name))

/* --- the stage -------------------------------------------------------------------------------------------------- */

static inline void set_up_device(bool with_tun)
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
    CHECK(wge_data_create(&data, &(struct wge_data_config){.tun = tun_thread,
                                                           .datagrams = udp,
                                                           .datagram_count = udp_count,
                                                           .traffic = traffic,
                                                           .traffic_bytes = sizeof traffic,
                                                           .counters = &counters,
                                                           .events = events}) == WGE_OK);
}

static inline void set_up(void)
{
    set_up_device(true);
    CHECK(wge_data_start(data) == WGE_OK);
}

static inline void tear_down(void)
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

static inline struct wge_tunnel_params params_of(uint64_t session)
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

static inline int connect_client(const struct wge_tunnel_params *params, bool tls13)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    wge_data_adopt(data, fake_stream(ends[0], tls13), params);
    return ends[1];
}

static inline int client_of(uint64_t session)
{
    struct wge_tunnel_params params = params_of(session);
    return connect_client(&params, true);
}

static inline void wait_readable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    CHECK(poll(&one, 1, PATIENCE_MS) == 1);
}

static inline struct wge_event next_event(void)
{
    struct wge_event event;
    while (wge_events_take(events, &event, 1) == 0)
        wait_readable(wge_events_fd(events));
    return event;
}

static inline void expect_closed(uint64_t session, uint64_t epoch, const char *reason)
{
    struct wge_event event = next_event();
    if (event.kind != WGE_EVENT_TUNNEL_CLOSED || strcmp(event.reason, reason) != 0)
        fprintf(stderr, "expected the end \"%s\", got %d \"%s\"\n", reason, event.kind, event.reason);
    CHECK(event.kind == WGE_EVENT_TUNNEL_CLOSED && event.id == session && event.epoch == epoch);
    CHECK(strcmp(event.reason, reason) == 0);
    wge_event_wipe(&event);
}

/* --- the client ------------------------------------------------------------------------------------------------- */

static inline void send_all(int fd, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        CHECK(sent > 0);
        bytes += sent;
        length -= (size_t)sent;
    }
}

static inline size_t put_record(uint8_t *out, const uint8_t *record, size_t length)
{
    put16(out, (unsigned)length);
    memcpy(out + 2, record, length);
    return length + 2;
}

static inline size_t put_frame(uint8_t *out, enum wge_frame_type type, const uint8_t *payload, size_t length)
{
    put16(out, (unsigned)(length + WGE_FRAME_HEADER));
    wge_frame_encode(out + 2, type, length);
    if (length > 0)
        memcpy(out + 2 + WGE_FRAME_HEADER, payload, length);
    return length + WGE_FRAME_HEADER + 2;
}

static inline void send_frame(int client, enum wge_frame_type type, const void *payload, size_t length)
{
    static uint8_t out[2 + WGE_RECORD_PLAIN_MAX];
    send_all(client, out, put_frame(out, type, payload, length));
}

static inline void receive_exactly(int fd, uint8_t *out, size_t length)
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
static inline size_t receive_frame(int client, uint8_t *type, uint8_t *payload)
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

static inline void expect_end_of_stream(int client)
{
    uint8_t byte;
    ssize_t got;
    do {
        wait_readable(client);
        got = recv(client, &byte, 1, 0);
    } while (got == 1);
    CHECK(got == 0 || errno == ECONNRESET);
}

static inline struct packet_spec upload(uint8_t version, uint8_t client)
{
    return (struct packet_spec){
        .version = version, .protocol = 6, .client = client, .flags = 0x10, .ttl = 64, .payload = 1200};
}

static inline void send_packet(int client, const struct packet_spec *p)
{
    uint8_t packet[2048];
    send_frame(client, WGE_FRAME_DATA, packet, build_packet(packet, p));
}

/* A packet from the inside to a client: the addresses of an upload, swapped. */
static inline size_t build_download(uint8_t *out, const struct packet_spec *p)
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

static inline void send_inside(const struct packet_spec *p, size_t gso_size)
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

static inline void expect_packet(int client, const struct packet_spec *p)
{
    uint8_t expected[2048];
    uint8_t payload[WGE_RECORD_PLAIN_MAX];
    uint8_t type;
    size_t length = build_download(expected, p);
    CHECK(receive_frame(client, &type, payload) == length && type == WGE_FRAME_DATA);
    CHECK(memcmp(payload, expected, length) == 0);
}

/* Waits until everything sent before has been dealt with: frames of a tunnel are handled in order. */
static inline void settle(int client)
{
    uint8_t type;
    uint8_t payload[WGE_RECORD_PLAIN_MAX];
    send_frame(client, WGE_FRAME_DPD_REQUEST, "settle", 6);
    do
        receive_frame(client, &type, payload);
    while (type != WGE_FRAME_DPD_RESPONSE);
}

#endif
