/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_engine.c - the whole engine over TCP on loopback: from accept to CLOSED and to a tunnel, with strangers of all
 * kinds in between. */
#include "site_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "connection.h"
#include "engine.h"

#define WAIT_MS 20000

static struct wge_engine *engine;
static struct sockaddr_in address = {.sin_family = AF_INET};
static struct wge_event event; /* the one taken last */

static const struct wge_limits wide = {5000, 100000, 100000, 5000};

static int make_listener(void)
{
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = 0;
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 128) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    return fd;
}

static void start(struct wge_limits limits, uint32_t handshake_ms, uint32_t login_ms)
{
    char why[WGE_WHY_MAX];
    int listener = make_listener();
    struct wge_engine_config config = {
        .tun = -1,
        .listeners = &listener,
        .listener_count = 1,
        .traffic = -1,
        .handshake_threads = 2,
        .limits = limits,
        .handshake_ms = handshake_ms,
        .login_ms = login_ms,
    };
    CHECK(wge_engine_create(&engine, &config, why) == WGE_OK);
    close(listener); /* the engine has its own */
    CHECK(wge_engine_set_sites(engine, &default_site, 1, why) == WGE_OK);
    for (unsigned i = 0; i < 2; i++)
        CHECK(wge_engine_set_sign_channel(engine, i, key_channel()) == WGE_OK);
    CHECK(wge_engine_set_sign_channel(engine, 2, 0) == WGE_INVALID);
    CHECK(wge_engine_start(engine) == WGE_OK);
}

static void stop(void)
{
    wge_event_wipe(&event);
    wge_engine_stop(engine);
    wge_engine_free(engine);
}

static void next_event(void)
{
    wge_event_wipe(&event);
    while (wge_engine_poll(engine, &event, 1) == 0) {
        struct pollfd p = {.fd = wge_engine_eventfd(engine), .events = POLLIN};
        CHECK(poll(&p, 1, WAIT_MS) == 1);
    }
}

static void expect(enum wge_event_kind kind, uint64_t id, const char *reason)
{
    next_event();
    if (event.kind != kind)
        fprintf(stderr, "event %d (%s) instead of %d\n", event.kind, event.reason == NULL ? "" : event.reason, kind);
    CHECK(event.kind == kind && event.id == id);
    if (reason != NULL && strcmp(event.reason, reason) != 0)
        fprintf(stderr, "%s instead of %s\n", event.reason, reason);
    CHECK(reason == NULL || strcmp(event.reason, reason) == 0);
}

/* Refusals are told each second; others may come first when a test made several. */
static void expect_refusal(const char *reason)
{
    next_event();
    if (event.kind != WGE_EVENT_REFUSED || strcmp(event.reason, reason) != 0)
        fprintf(stderr, "event %d (%s) instead of refusal %s\n", event.kind, event.reason, reason);
    CHECK(event.kind == WGE_EVENT_REFUSED && strcmp(event.reason, reason) == 0 && event.code >= 1);
    CHECK(event.length == 9 && memcmp(event.data, "127.0.0.1", 9) == 0);
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    /* who is turned away may hear of it before connect() is done */
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno == ECONNRESET);
    return fd;
}

static WOLFSSL *connect_client(int *fd)
{
    *fd = dial();
    WOLFSSL *ssl = client_object(&(struct client_options){.server_name = "VPN.example.com"}, *fd);
    int result = wolfSSL_connect(ssl);
    if (result != WOLFSSL_SUCCESS)
        fprintf(stderr, "client: %d\n", wolfSSL_get_error(ssl, result));
    CHECK(result == WOLFSSL_SUCCESS);
    return ssl;
}

static uint64_t told(void)
{
    next_event();
    CHECK(event.kind == WGE_EVENT_OPENED && event.length == sizeof(struct wge_opened));
    const struct wge_opened *facts = (const struct wge_opened *)(const void *)event.data;
    CHECK(strcmp(facts->site, "main") == 0 && strcmp(facts->server_name, "vpn.example.com") == 0);
    CHECK(facts->local.port == ntohs(address.sin_port) && facts->peer.port != 0);
    return event.id;
}

/* Python hears of a client with the first that it says. */
static uint64_t opened(WOLFSSL *ssl)
{
    CHECK(wolfSSL_write(ssl, "hello", 5) == 5);
    const uint64_t id = told();
    expect(WGE_EVENT_DATA, id, NULL);
    CHECK(event.length == 5 && memcmp(event.data, "hello", 5) == 0);
    return id;
}

static uint64_t count(const char *name)
{
    for (unsigned i = 0; i < WGE_COUNTER_COUNT; i++)
        if (strcmp(wge_counter_names[i], name) == 0)
            return wge_counters_read(wge_engine_counters(engine), i);
    abort();
}

static void test_talk(void)
{
    char in[64];
    int fd;
    WOLFSSL *ssl = connect_client(&fd);
    uint64_t id = opened(ssl);
    CHECK(wge_engine_half_open(engine) == 1);
    CHECK(wge_engine_authenticated(engine, id) == WGE_OK);

    /* one record a grant, however many have come */
    CHECK(wolfSSL_write(ssl, "first", 5) == 5 && wolfSSL_write(ssl, "second", 6) == 6);
    CHECK(wge_engine_read(engine, id) == WGE_OK);
    expect(WGE_EVENT_DATA, id, NULL);
    CHECK(event.length == 5 && memcmp(event.data, "first", 5) == 0);
    CHECK(wge_engine_write(engine, id, (const uint8_t *)"answer", 6, false) == WGE_OK);
    CHECK(wolfSSL_read(ssl, in, sizeof(in)) == 6 && memcmp(in, "answer", 6) == 0);
    CHECK(wge_engine_half_open(engine) == 0);
    CHECK(wge_engine_read(engine, id) == WGE_OK);
    expect(WGE_EVENT_DATA, id, NULL);
    CHECK(event.length == 6 && memcmp(event.data, "second", 6) == 0);

    /* a large answer, then the end; what the client still sends does not destroy it */
    static uint8_t large[300000], got[sizeof(large)];
    memset(large, 0x5a, sizeof(large));
    CHECK(wolfSSL_write(ssl, "unread", 6) == 6);
    CHECK(wge_engine_write(engine, id, large, sizeof(large), true) == WGE_OK);
    size_t total = 0;
    int part;
    while ((part = wolfSSL_read(ssl, got + total, (int)(sizeof(got) - total))) > 0)
        total += (size_t)part;
    CHECK(total == sizeof(large) && memcmp(large, got, total) == 0);
    CHECK(wolfSSL_get_error(ssl, part) == WOLFSSL_ERROR_ZERO_RETURN);
    expect(WGE_EVENT_CLOSED, id, "closed");
    wolfSSL_free(ssl);
    close(fd);
    /* all of these are about nobody now */
    CHECK(wge_engine_read(engine, id) == WGE_OK && wge_engine_close(engine, id) == WGE_OK);
    CHECK(wge_engine_write(engine, id, large, 1, false) == WGE_OK &&
          wge_engine_read(engine, UINT64_MAX) == WGE_INVALID);
}

static void test_ends(void)
{
    int fd;
    WOLFSSL *ssl = connect_client(&fd);
    uint64_t id = opened(ssl);
    CHECK(wge_engine_read(engine, id) == WGE_OK);
    CHECK(wolfSSL_shutdown(ssl) >= 0);
    expect(WGE_EVENT_CLOSED, id, "closed_by_peer");
    wolfSSL_free(ssl);
    close(fd);

    ssl = connect_client(&fd);
    id = opened(ssl);
    const struct linger now = {.l_onoff = 1};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
    close(fd); /* a reset is heard without any grant */
    expect(WGE_EVENT_CLOSED, id, "reset_by_peer");
    wolfSSL_free(ssl);

    ssl = connect_client(&fd);
    id = opened(ssl);
    CHECK(wge_engine_read(engine, id) == WGE_OK);
    CHECK(send(fd, "\x17\x03\x03\x00\x20junkjunkjunkjunkjunkjunkjunkjunk", 37, 0) == 37);
    expect(WGE_EVENT_CLOSED, id, "record_broken");
    wolfSSL_free(ssl);
    close(fd);

    ssl = connect_client(&fd);
    id = opened(ssl);
    CHECK(wge_engine_close(engine, id) == WGE_OK);
    expect(WGE_EVENT_CLOSED, id, "closed");
    wolfSSL_free(ssl);
    close(fd);

    /* more than the queue takes, for a client that reads nothing */
    ssl = connect_client(&fd);
    id = opened(ssl);
    static uint8_t large[WGE_CONTROL_QUEUE_MAX];
    for (int i = 0; i < 40; i++)
        CHECK(wge_engine_write(engine, id, large, sizeof(large), false) == WGE_OK);
    expect(WGE_EVENT_CLOSED, id, "write_overflow");
    wolfSSL_free(ssl);
    close(fd);
}

/* Who says nothing is nobody's client: Python hears of none of them, unless there is an offence to tell. */
static void test_silent_clients(void)
{
    const uint64_t before = count("closed_silent"), done = count("handshake_ok");
    const struct linger now = {.l_onoff = 1};
    int fd;
    WOLFSSL *ssl = connect_client(&fd);
    CHECK(wolfSSL_shutdown(ssl) >= 0);
    wolfSSL_free(ssl);
    close(fd);
    ssl = connect_client(&fd);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
    wolfSSL_free(ssl);
    close(fd);
    while (count("closed_silent") < before + 2 || wge_engine_half_open(engine) > 0)
        sched_yield();
    CHECK(count("handshake_ok") == done + 2);

    ssl = connect_client(&fd);
    CHECK(send(fd, "\x17\x03\x03\x00\x20junkjunkjunkjunkjunkjunkjunkjunk", 37, 0) == 37);
    expect(WGE_EVENT_CLOSED, told(), "record_broken"); /* the first event since */
    wolfSSL_free(ssl);
    close(fd);
}

static void test_strangers(void)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *label;
    } cases[] = {
        {"GET / HTTP/1.0\r\n\r\n", 18, "handshake_not_tls"},
        {"\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff", 10, "handshake_malformed"},
        {"\x16\x03\x01", 3, "handshake_closed"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char in[16];
        int fd = dial();
        CHECK(send(fd, cases[i].bytes, cases[i].length, 0) == (ssize_t)cases[i].length);
        CHECK(shutdown(fd, SHUT_WR) == 0);
        ssize_t got = recv(fd, in, sizeof(in), MSG_WAITALL);
        if (strcmp(cases[i].label, "handshake_malformed") == 0)
            CHECK(got == 7 && in[0] == 21 && in[5] == 2 && in[6] == 50);
        else
            CHECK(got <= 0); /* no word to those */
        close(fd);
        expect_refusal(cases[i].label);
        CHECK(count(cases[i].label) >= 1);
    }
    int fd = dial();
    WOLFSSL *ssl = client_object(&(struct client_options){.tls12 = true, .no_ems = true}, fd);
    CHECK(wolfSSL_connect(ssl) != WOLFSSL_SUCCESS);
    WOLFSSL_ALERT_HISTORY history;
    wolfSSL_get_alert_history(ssl, &history);
    CHECK(history.last_rx.level == 2 && history.last_rx.code == 40);
    wolfSSL_free(ssl);
    close(fd);
    expect_refusal("handshake_no_ems");
}

static void *tunnel_client(void *given)
{
    (void)given;
    static const uint8_t dpd[] = {'S', 'T', 'F', 1, 0, 3, 3, 0, 'a', 'b', 'c'};
    uint8_t in[64];
    int fd;
    WOLFSSL *ssl = connect_client(&fd);
    CHECK(wolfSSL_write(ssl, "CONNECT", 7) == 7);
    CHECK(wolfSSL_read(ssl, in, sizeof(in)) == 4 && memcmp(in, "HEAD", 4) == 0);
    for (int i = 0; i < 50; i++) {
        CHECK(wolfSSL_write(ssl, dpd, sizeof(dpd)) == sizeof(dpd));
        CHECK(wolfSSL_read(ssl, in, sizeof(in)) == sizeof(dpd));
        CHECK(in[6] == 4 && memcmp(in + 8, "abc", 3) == 0);
    }
    /* until the gateway ends it */
    CHECK(wolfSSL_read(ssl, in, sizeof(in)) == 9 && in[6] == 5);
    wolfSSL_free(ssl);
    close(fd);
    return NULL;
}

static void test_tunnels(void)
{
    enum { CLIENTS = 8 };
    pthread_t threads[CLIENTS];
    unsigned started = 0, closed = 0, ended = 0;
    for (int i = 0; i < CLIENTS; i++)
        CHECK(pthread_create(&threads[i], NULL, tunnel_client, NULL) == 0);
    while (closed < CLIENTS) {
        next_event();
        if (event.kind == WGE_EVENT_OPENED) {
            continue; /* its first record follows */
        } else if (event.kind == WGE_EVENT_DATA) {
            started++;
            struct wge_tunnel_params params = {
                .session = started, .epoch = 5, .has_ipv4 = true, .ipv4 = {10, 99, 0, (uint8_t)started}, .mtu = 1400};
            CHECK(wge_engine_start_tunnel(engine, event.id, (const uint8_t *)"HEAD", 4, &params) == WGE_OK);
        } else {
            CHECK(event.kind == WGE_EVENT_TUNNEL_CLOSED && event.epoch == 5);
            closed++;
        }
        if (started < CLIENTS || ended > 0)
            continue;
        while (count("dpd_request_in") < 50 * CLIENTS)
            sched_yield();
        uint64_t pairs[CLIENTS + 1][2];
        CHECK(wge_engine_tunnels(engine, pairs, CLIENTS + 1) == CLIENTS);
        for (; ended < CLIENTS; ended++)
            wge_engine_end_tunnel(engine, ended + 1, 5, (const uint8_t *)"\xb0", 1);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    CHECK(wge_engine_half_open(engine) == 0);
}

static void test_reload(void)
{
    char why[WGE_WHY_MAX];
    struct wge_site_config bad = default_site;
    bad.groups = (struct wge_names)NAMES("nonsense");
    CHECK(wge_engine_set_sites(engine, &bad, 1, why) == WGE_INVALID && strstr(why, "nonsense") != NULL);
    int fd;
    WOLFSSL *ssl = connect_client(&fd); /* the sites before still serve */
    uint64_t id = opened(ssl);
    CHECK(wge_engine_set_sites(engine, &default_site, 1, why) == WGE_OK);
    CHECK(wge_engine_set_sign_channel(engine, 0, key_channel()) == WGE_OK);
    CHECK(wge_engine_set_sign_channel(engine, 1, key_channel()) == WGE_OK);
    CHECK(wolfSSL_write(ssl, "x", 1) == 1 && wge_engine_read(engine, id) == WGE_OK);
    expect(WGE_EVENT_DATA, id, NULL); /* and open connections live on */
    CHECK(wge_engine_close(engine, id) == WGE_OK);
    expect(WGE_EVENT_CLOSED, id, "closed");
    wolfSSL_free(ssl);
    close(fd);
    ssl = connect_client(&fd);
    id = opened(ssl);
    wolfSSL_free(ssl);
    close(fd);
    CHECK(wge_engine_read(engine, id) == WGE_OK);
    expect(WGE_EVENT_CLOSED, id, NULL);
}

static void test_stop_accepting(void)
{
    int fd;
    WOLFSSL *ssl = connect_client(&fd);
    uint64_t id = opened(ssl);
    wge_engine_stop_accepting(engine);
    CHECK(wolfSSL_write(ssl, "x", 1) == 1 && wge_engine_read(engine, id) == WGE_OK);
    expect(WGE_EVENT_DATA, id, NULL);
    wolfSSL_free(ssl);
    close(fd);
}

static void test_time_limits(void)
{
    start(wide, 200, 300);
    char in;
    int fd = dial();
    CHECK(recv(fd, &in, 1, 0) == 0); /* a stranger who says nothing */
    close(fd);
    expect_refusal("handshake_timeout");
    WOLFSSL *ssl = connect_client(&fd); /* of one who says nothing after the handshake the sum alone is told */
    expect_refusal("login_timeout");
    wolfSSL_free(ssl);
    close(fd);
    ssl = connect_client(&fd);
    uint64_t id = opened(ssl);
    expect(WGE_EVENT_CLOSED, id, "login_timeout");
    expect_refusal("login_timeout");
    wolfSSL_free(ssl);
    close(fd);
    ssl = connect_client(&fd);
    id = opened(ssl);
    CHECK(wge_engine_authenticated(engine, id) == WGE_OK);
    int second;
    WOLFSSL *other = connect_client(&second); /* expires long after the first would have */
    uint64_t late = opened(other);
    expect(WGE_EVENT_CLOSED, late, "login_timeout");
    CHECK(wolfSSL_write(ssl, "x", 1) == 1 && wge_engine_read(engine, id) == WGE_OK);
    next_event();
    if (event.kind == WGE_EVENT_REFUSED)
        next_event();
    CHECK(event.kind == WGE_EVENT_DATA && event.id == id);
    wolfSSL_free(ssl);
    wolfSSL_free(other);
    close(fd);
    close(second);
    stop();
}

static void test_source_limits(void)
{
    start((struct wge_limits){.half_open = 10, .handshakes_per_second = 1, .handshake_burst = 3, .unauthenticated = 2},
          5000, 5000);
    char in;
    int fds[4];
    for (int i = 0; i < 3; i++)
        fds[i] = dial();
    CHECK(recv(fds[2], &in, 1, 0) <= 0); /* the third of two */
    expect_refusal("refused_source_connections");
    close(fds[0]);
    expect_refusal("handshake_closed");
    fds[3] = dial();
    int more = dial();
    CHECK(recv(more, &in, 1, 0) <= 0);
    next_event();
    CHECK(event.kind == WGE_EVENT_REFUSED);
    CHECK(count("refused_source_connections") + count("refused_source_rate") == 2);
    for (int i = 1; i < 4; i++)
        close(fds[i]);
    close(more);
    stop();
}

static void test_bad_configurations(void)
{
    char why[WGE_WHY_MAX];
    struct wge_engine *made;
    struct wge_engine_config good = {
        .tun = -1, .traffic = -1, .handshake_threads = 1, .limits = wide, .handshake_ms = 1, .login_ms = 1};
    struct wge_engine_config config = good;
    config.handshake_threads = 0;
    CHECK(wge_engine_create(&made, &config, why) == WGE_INVALID && strstr(why, "threads") != NULL);
    config = good;
    config.login_ms = 0;
    CHECK(wge_engine_create(&made, &config, why) == WGE_INVALID && strstr(why, "login_ms") != NULL);
    config = good;
    config.limits.half_open = 0;
    CHECK(wge_engine_create(&made, &config, why) == WGE_INVALID && strstr(why, "half_open") != NULL);
    config = good;
    int odd = memfd_create("odd", MFD_CLOEXEC);
    CHECK(ftruncate(odd, 100) == 0);
    config.traffic = odd;
    CHECK(wge_engine_create(&made, &config, why) == WGE_INVALID && strstr(why, "64") != NULL);
    CHECK(ftruncate(odd, 6400) == 0 && wge_engine_create(&made, &config, why) == WGE_OK);
    wge_engine_free(made); /* never started */
    close(odd);
    config = good;
    int closed_fd = 9999;
    config.listeners = &closed_fd;
    config.listener_count = 1;
    CHECK(wge_engine_create(&made, &config, why) == WGE_SYSTEM_ERROR && strstr(why, "listener") != NULL);
}

int main(void)
{
    start_key_server();
    start(wide, 10000, 10000);
    test_talk();
    test_ends();
    test_silent_clients();
    test_strangers();
    test_tunnels();
    test_reload();
    test_stop_accepting();
    stop();
    test_time_limits();
    test_source_limits();
    test_bad_configurations();
    stop_key_server();
    wolfSSL_Cleanup();
    return 0;
}
