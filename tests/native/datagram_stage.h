/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datagram_stage.h - the stage of data_stage.h with UDP sockets, and clients that speak to them through fake DTLS. The
 * real loop of the data thread is turned by hand, one turn after the other, under a clock that the test sets: nothing
 * waits, and every time limit is met to the millisecond. A test may still start the thread, and has the real clock then.
 */
#ifndef DATAGRAM_STAGE_H
#define DATAGRAM_STAGE_H

#include <sys/epoll.h>
#include <time.h>

#include "fake_dtls.h"

static int stage_clock(clockid_t clock, struct timespec *time);
static int stage_wait(int epoll, struct epoll_event *ready, int count, int patience);
#define clock_gettime stage_clock
#define epoll_wait stage_wait
#include "data.c"
#undef clock_gettime
#undef epoll_wait

#include "algorithms.h"
#include "data_stage.h"
#include "datagram_hello.h"
#include "datagrams.h"

/* packets.h has a put16() too */
#define put16 hello_put16
#include "datagram_builder.h"
#undef put16

#define START_MS 5000000
#define HOME "127.0.0.1"

static uint64_t now_ms; /* of a loop that is turned by hand */
static bool has_thread;
static struct place gateway;
static uint64_t sent; /* datagrams, to the gateway */

static int stage_clock(clockid_t clock, struct timespec *time)
{
    if (has_thread)
        return clock_gettime(clock, time);
    *time = (struct timespec){.tv_sec = (time_t)(now_ms / 1000), .tv_nsec = (long)(now_ms % 1000) * 1000000};
    return 0;
}

static int stage_wait(int epoll, struct epoll_event *ready, int count, int patience)
{
    return epoll_wait(epoll, ready, count, has_thread ? patience : 0);
}

/* --- the stage --------------------------------------------------------------------------------------------------- */

/* Of the data thread itself: the age of remembered keys. */
#define OWN_TIMERS 1

static inline void set_up_datagrams(void)
{
    udp[0] = open_listener(HOME, true);
    udp_count = 1;
    gateway = place_of(HOME, port_of(udp[0]));
    now_ms = START_MS;
    sent = 0;
    has_thread = false;
    fake_dtls_broken = false;
    set_up_device(true);
}

/* One loop; and more of them where the kernel is slow to hand over what was sent. */
static inline void turn(void)
{
    do
        one_loop(data);
    while (atomic_load(&counters.datagrams_in) < sent);
}

static inline void turn_after(uint64_t ms)
{
    now_ms += ms;
    turn();
}

static inline void tear_down_datagrams(void)
{
    if (has_thread)
        wge_data_stop(data);
    else {
        wge_life_end_all(data);
        wge_life_reap(data);
    }
    CHECK(data->timers.count == 0 && data->timers.reserved == OWN_TIMERS);
    tear_down();
    CHECK(atomic_load(&fake_dtls_alive) == 0);
    close(udp[0]);
    udp_count = 0;
}

static inline uint64_t counted(const char *name)
{
    for (unsigned i = 0; i < WGE_COUNTER_COUNT; i++)
        if (strcmp(wge_counter_names[i], name) == 0)
            return wge_counters_read(&counters, i);
    CHECK(!"a counter of this name");
    return 0;
}

static inline bool nothing_told(void)
{
    struct wge_event event;
    return wge_events_take(events, &event, 1) == 0;
}

static inline void expect_told(uint64_t session, const char *state, const char *reason)
{
    struct wge_event event = next_event();
    CHECK(event.kind == WGE_EVENT_TUNNEL_DATAGRAM && event.id == session);
    const struct wge_datagram_told *told = (const struct wge_datagram_told *)(const void *)event.data;
    if (strcmp(told->state, state) != 0 || strcmp(event.reason, reason) != 0)
        fprintf(stderr, "expected %s \"%s\", got %s \"%s\"\n", state, reason, told->state, event.reason);
    CHECK(strcmp(told->state, state) == 0 && strcmp(event.reason, reason) == 0);
    wge_event_wipe(&event);
}

/* --- clients ------------------------------------------------------------------------------------------------------ */

struct peer {
    uint64_t session;
    int tls, udp;
    bool extended_master_secret;
    uint8_t app_id[WGE_APP_ID], random[32], cookie[FAKE_COOKIE], key[WGE_DTLS_KEY];
    uint32_t number; /* of the last record */
};

static inline struct wge_tunnel_params offer_of(uint64_t session)
{
    struct wge_tunnel_params params = params_of(session);
    params.datagram.offered = true;
    params.datagram.suites[0] = 0x00a9;
    params.datagram.suites[1] = 0x00a8;
    params.datagram.suite_count = 2;
    memset(params.datagram.app_id, (int)(session + 100), WGE_APP_ID);
    return params;
}

/* A tunnel over TLS, and a socket for datagrams. */
static inline struct peer meet(const struct wge_tunnel_params *params)
{
    struct peer p = {.session = params->session, .extended_master_secret = true};
    memcpy(p.app_id, params->datagram.app_id, WGE_APP_ID);
    p.tls = connect_client(params, true);
    fake_export(atomic_load(&fake_streams_made), WGE_EXPORTER_LABEL, p.key, sizeof p.key);
    p.udp = open_client(HOME);
    if (!has_thread)
        turn();
    return p;
}

static inline void part(struct peer *p)
{
    close(p->tls);
    close(p->udp);
}

static inline void send_datagram(const struct peer *p, const uint8_t *bytes, size_t length)
{
    CHECK(sendto(p->udp, bytes, length, 0, (struct sockaddr *)&gateway.address, gateway.length) == (ssize_t)length);
    sent++;
}

static inline bool nothing_for(const struct peer *p)
{
    uint8_t byte;
    return recv(p->udp, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* The next datagram from the gateway, which must begin with this byte; returns the length of the rest. */
static inline size_t expect_datagram(const struct peer *p, uint8_t what, uint8_t *rest)
{
    static uint8_t datagram[65536];
    wait_readable(p->udp);
    ssize_t got = recv(p->udp, datagram, sizeof datagram, 0);
    CHECK(got > 0);
    if (datagram[0] != what)
        fprintf(stderr, "expected a datagram %d, got %d\n", what, datagram[0]);
    CHECK(datagram[0] == what);
    if (rest != NULL)
        memcpy(rest, datagram + 1, (size_t)got - 1);
    return (size_t)got - 1;
}

static inline void new_random(struct peer *p)
{
    static uint32_t drawn;
    memcpy(p->random, datagram_random, sizeof p->random);
    drawn++;
    memcpy(p->random, &drawn, sizeof drawn);
    p->number = 0;
}

static const uint16_t usual_suites[] = {0xc0a7, 0x00a8, 0x00a9};

static inline size_t build_hello(struct hello_builder *b, const struct peer *p, bool with_cookie,
                                 const uint16_t *suites, size_t count)
{
    datagram_begin(b,
                   &(struct datagram_options){.version = 0xfefd,
                                              .random = p->random,
                                              .session_id_length = WGE_APP_ID,
                                              .cookie_length = with_cookie ? FAKE_COOKIE : 0,
                                              .message_sequence = with_cookie},
                   suites, count);
    if (p->extended_master_secret)
        hello_extension(b, 23, "", 0);
    hello_extension(b, 65281, "\0", 1);
    datagram_end(b);
    memcpy(b->bytes + DATAGRAM_SESSION_AT + 1, p->app_id, WGE_APP_ID);
    if (with_cookie)
        memcpy(b->bytes + FAKE_HELLO_COOKIE_AT, p->cookie, FAKE_COOKIE);
    return b->length;
}

static inline void send_hello(const struct peer *p, bool with_cookie)
{
    static struct hello_builder b;
    size_t length = build_hello(&b, p, with_cookie, usual_suites, 3);
    send_datagram(p, b.bytes, length);
}

static inline void maybe_turn(void)
{
    if (!has_thread)
        turn();
}

/* Up to the gateway's flight. */
static inline void begin_handshake(struct peer *p)
{
    new_random(p);
    send_hello(p, false);
    maybe_turn();
    CHECK(expect_datagram(p, FAKE_VERIFY, p->cookie) == FAKE_COOKIE);
    send_hello(p, true);
    maybe_turn();
    CHECK(expect_datagram(p, FAKE_FLIGHT, NULL) == 0);
}

static inline void send_record(struct peer *p, uint8_t what, const void *body, size_t length)
{
    static uint8_t record[65536];
    send_datagram(p, record, fake_record(record, what, p->random, ++p->number, body, length));
}

/* The client's last word, a handshake message under the new keys. */
static inline void send_last_word(struct peer *p)
{
    uint8_t record[256];
    size_t length = fake_record(record, FAKE_RECORD, p->random, ++p->number, p->key, sizeof p->key);
    record[0] = 22;
    send_datagram(p, record, length);
}

static inline void finish_handshake(struct peer *p)
{
    send_last_word(p);
    maybe_turn();
}

static inline void go_up(struct peer *p)
{
    begin_handshake(p);
    finish_handshake(p);
    CHECK(expect_datagram(p, FAKE_FINISHED, NULL) == 0);
    expect_told(p->session, "up", "");
}

static inline struct peer meet_and_go_up(const struct wge_tunnel_params *params)
{
    struct peer p = meet(params);
    go_up(&p);
    return p;
}

/* --- frames over datagrams ----------------------------------------------------------------------------------------- */

static inline void send_datagram_frame(struct peer *p, uint8_t type, const uint8_t *payload, size_t length)
{
    static uint8_t frame[65536];
    frame[0] = type;
    if (length > 0)
        memcpy(frame + 1, payload, length);
    send_record(p, FAKE_RECORD, frame, length + 1);
    maybe_turn();
}

/* A packet from the client by UDP that has to come in. */
static inline void upload_by_datagram(struct peer *p)
{
    uint8_t packet[2048], buffer[2048];
    struct packet_spec spec = upload(4, (uint8_t)p->session);
    size_t length = build_packet(packet, &spec);
    send_datagram_frame(p, WGE_FRAME_DATA, packet, length);
    wait_readable(tun);
    CHECK(recv(tun, buffer, sizeof buffer, 0) == (ssize_t)(WGE_VNET_HEADER + length));
    CHECK(memcmp(buffer + WGE_VNET_HEADER, packet, length) == 0);
}

static inline void upload_by_tls(struct peer *p)
{
    uint8_t buffer[2048];
    struct packet_spec spec = upload(4, (uint8_t)p->session);
    send_packet(p->tls, &spec);
    maybe_turn();
    wait_readable(tun);
    CHECK(recv(tun, buffer, sizeof buffer, 0) > WGE_VNET_HEADER);
}

/* A packet of this length from the inside. */
static inline struct packet_spec send_down(const struct peer *p, size_t length)
{
    struct packet_spec spec = upload(4, (uint8_t)p->session);
    spec.payload = length - 40;
    send_inside(&spec, 0);
    maybe_turn();
    return spec;
}

static inline void expect_down_by_tls(const struct peer *p, size_t length)
{
    struct packet_spec spec = send_down(p, length);
    expect_packet(p->tls, &spec);
    CHECK(nothing_for(p));
}

static inline void expect_down_by_datagram(const struct peer *p, size_t length)
{
    uint8_t expected[2048], frame[2048];
    struct packet_spec spec = send_down(p, length);
    CHECK(build_download(expected, &spec) == length);
    CHECK(expect_datagram(p, FAKE_RECORD, frame) == length + 1 && frame[0] == WGE_FRAME_DATA);
    CHECK(memcmp(frame + 1, expected, length) == 0);
}

static inline void expect_frame(const struct peer *p, uint8_t type, size_t length)
{
    uint8_t frame[20000];
    CHECK(expect_datagram(p, FAKE_RECORD, frame) == length + 1);
    CHECK(frame[0] == type);
}

#endif
