/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine.c - puts the parts together and takes them apart in the right order: handshake threads feed the data thread,
 * so they start after it and stop before it. */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "front.h"
#include "handshake.h"
#include "library.h"
#include "outside.h"

#define TIME_MAX_MS 3600000u
#define BYE_MAX 128

struct wge_engine {
    struct wge_counters counters;
    struct wge_front front;
    struct wge_handshake *handshakes[WGE_HANDSHAKE_THREADS_MAX];
    unsigned handshake_count;
    void *traffic;
    size_t traffic_bytes;
    int tun;
    int datagrams[WGE_OUTSIDE_SOCKETS];
    size_t datagram_count;
    bool started, stopped;
};

static enum wge_result complain(char *why, enum wge_result result, const char *text)
{
    if (result == WGE_SYSTEM_ERROR)
        snprintf(why, WGE_WHY_MAX, "%s: %s", text, strerror(errno));
    else
        snprintf(why, WGE_WHY_MAX, "%s", text);
    return result;
}

static enum wge_result check(const struct wge_engine_config *config, char *why)
{
    if (config->listener_count > WGE_LISTENERS_MAX) {
        snprintf(why, WGE_WHY_MAX, "at most %d listeners", WGE_LISTENERS_MAX);
        return WGE_INVALID;
    }
    if (config->datagram_count > WGE_OUTSIDE_SOCKETS) {
        snprintf(why, WGE_WHY_MAX, "at most %d datagram sockets", WGE_OUTSIDE_SOCKETS);
        return WGE_INVALID;
    }
    if (config->handshake_threads == 0 || config->handshake_threads > WGE_HANDSHAKE_THREADS_MAX) {
        snprintf(why, WGE_WHY_MAX, "1 to %d handshake threads", WGE_HANDSHAKE_THREADS_MAX);
        return WGE_INVALID;
    }
    bool times = config->handshake_ms > 0 && config->handshake_ms <= TIME_MAX_MS && config->login_ms > 0 &&
                 config->login_ms <= TIME_MAX_MS;
    return times ? WGE_OK : complain(why, WGE_INVALID, "handshake_ms and login_ms must be 1 to 3600000");
}

static enum wge_result map_traffic(struct wge_engine *e, int fd, char *why)
{
    struct stat facts;
    if (fd < 0)
        return WGE_OK;
    if (fstat(fd, &facts) != 0)
        return complain(why, WGE_SYSTEM_ERROR, "traffic counters");
    if (facts.st_size < 64 || facts.st_size % 64 != 0)
        return complain(why, WGE_INVALID, "traffic counters: the memory must be a multiple of 64 bytes");
    void *memory = mmap(NULL, (size_t)facts.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return complain(why, WGE_SYSTEM_ERROR, "traffic counters");
    e->traffic = memory;
    e->traffic_bytes = (size_t)facts.st_size;
    return WGE_OK;
}

static enum wge_result take_descriptors(struct wge_engine *e, const struct wge_engine_config *config, char *why)
{
    if (config->tun >= 0 && (e->tun = fcntl(config->tun, F_DUPFD_CLOEXEC, 0)) < 0)
        return complain(why, WGE_SYSTEM_ERROR, "TUN descriptor");
    for (size_t i = 0; i < config->datagram_count; i++) {
        int fd = fcntl(config->datagrams[i], F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return complain(why, WGE_SYSTEM_ERROR, "datagram socket");
        e->datagrams[e->datagram_count++] = fd;
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        int fd = fcntl(config->listeners[i], F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return complain(why, WGE_SYSTEM_ERROR, "listener");
        e->front.listeners[e->front.listener_count++] = fd;
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || (flags & O_NONBLOCK) == 0)
            return complain(why, WGE_INVALID, "listeners must be non-blocking");
    }
    return WGE_OK;
}

static enum wge_result build(struct wge_engine *e, const struct wge_engine_config *config, char *why)
{
    uint8_t secret[16];
    enum wge_result result = check(config, why);
    if (result == WGE_OK && wge_library_start() != WGE_OK)
        result = complain(why, WGE_INVALID, "libwolfssl does not start: its self-tests fail");
    if (result == WGE_OK)
        result = take_descriptors(e, config, why);
    if (result == WGE_OK)
        result = map_traffic(e, config->traffic, why);
    if (result != WGE_OK)
        return result;
    if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
        return complain(why, WGE_SYSTEM_ERROR, "getrandom");
    struct wge_front *front = &e->front;
    front->counters = &e->counters;
    front->handshake_ms = config->handshake_ms;
    front->login_ms = config->login_ms;
    result = wge_limiter_create(&front->limiter, &config->limits, secret);
    explicit_bzero(secret, sizeof(secret));
    if (result == WGE_INVALID)
        return complain(why, result, "limits must be at least 1, and half_open at most 1048576");
    if (result == WGE_OK)
        result = wge_events_create(&front->events);
    if (result == WGE_OK)
        result = wge_refusals_create(&front->refusals, &e->counters, front->events);
    if (result != WGE_OK)
        return complain(why, result, "events");
    result = wge_data_create(&front->data, &(struct wge_data_config){.tun = e->tun,
                                                                     .datagrams = e->datagrams,
                                                                     .datagram_count = e->datagram_count,
                                                                     .traffic = e->traffic,
                                                                     .traffic_bytes = e->traffic_bytes,
                                                                     .counters = &e->counters,
                                                                     .events = front->events});
    if (result != WGE_OK)
        return complain(why, result, "data thread");
    while (result == WGE_OK && e->handshake_count < config->handshake_threads) {
        result = wge_handshake_create(&e->handshakes[e->handshake_count], front, e->handshake_count);
        if (result == WGE_OK)
            e->handshake_count++;
    }
    return result == WGE_OK ? WGE_OK : complain(why, result, "handshake thread");
}

enum wge_result wge_engine_create(struct wge_engine **out, const struct wge_engine_config *config, char *why)
{
    why[0] = '\0';
    struct wge_engine *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return complain(why, WGE_NO_MEMORY, "no memory");
    e->tun = -1;
    pthread_mutex_init(&e->front.sites_lock, NULL);
    enum wge_result result = build(e, config, why);
    if (result != WGE_OK) {
        wge_engine_free(e);
        return result;
    }
    *out = e;
    return WGE_OK;
}

enum wge_result wge_engine_start(struct wge_engine *e)
{
    if (e->started)
        return WGE_INVALID;
    e->started = true;
    enum wge_result result = wge_data_start(e->front.data);
    for (unsigned i = 0; result == WGE_OK && i < e->handshake_count; i++)
        result = wge_handshake_start(e->handshakes[i]);
    if (result != WGE_OK)
        wge_engine_stop(e);
    return result;
}

void wge_engine_stop_accepting(struct wge_engine *e)
{
    for (unsigned i = 0; i < e->handshake_count; i++)
        wge_handshake_stop_accepting(e->handshakes[i]);
}

void wge_engine_stop(struct wge_engine *e)
{
    if (!e->started || e->stopped)
        return;
    e->stopped = true;
    for (unsigned i = 0; i < e->handshake_count; i++)
        wge_handshake_stop(e->handshakes[i]);
    wge_data_stop(e->front.data);
}

void wge_engine_free(struct wge_engine *e)
{
    if (e == NULL)
        return;
    wge_engine_stop(e);
    struct wge_front *front = &e->front;
    for (unsigned i = 0; i < e->handshake_count; i++)
        wge_handshake_free(e->handshakes[i]);
    if (front->data != NULL)
        wge_data_free(front->data);
    wge_refusals_free(front->refusals);
    wge_events_free(front->events);
    wge_limiter_free(front->limiter);
    wge_sites_release(front->sites);
    pthread_mutex_destroy(&front->sites_lock);
    for (size_t i = 0; i < front->listener_count; i++)
        close(front->listeners[i]);
    for (size_t i = 0; i < e->datagram_count; i++)
        close(e->datagrams[i]);
    if (e->traffic != NULL)
        munmap(e->traffic, e->traffic_bytes);
    if (e->tun >= 0)
        close(e->tun);
    free(e);
}

enum wge_result wge_engine_set_sites(struct wge_engine *e, const struct wge_site_config *configs, size_t count,
                                     char *why)
{
    struct wge_sites *sites = NULL;
    enum wge_result result = wge_sites_create(&sites, configs, count, why);
    if (result == WGE_OK)
        wge_front_set_sites(&e->front, sites);
    return result;
}

enum wge_result wge_engine_set_sign_channel(struct wge_engine *e, unsigned thread, int fd)
{
    if (thread >= e->handshake_count || fd < 0)
        return WGE_INVALID;
    wge_sign_client_set_channel(wge_handshake_signer(e->handshakes[thread]), fd);
    return WGE_OK;
}

int wge_engine_eventfd(const struct wge_engine *e)
{
    return wge_events_fd(e->front.events);
}

size_t wge_engine_poll(struct wge_engine *e, struct wge_event *out, size_t capacity)
{
    return wge_events_take(e->front.events, out, capacity);
}

static enum wge_result order(struct wge_engine *e, enum wge_order_kind kind, uint64_t connection, const uint8_t *data,
                             size_t length, bool close_after, const struct wge_tunnel_params *params)
{
    unsigned index = wge_handshake_index_of(connection);
    if (index >= e->handshake_count)
        return WGE_INVALID;
    return wge_handshake_order(e->handshakes[index], kind, connection, data, length, close_after, params);
}

enum wge_result wge_engine_read(struct wge_engine *e, uint64_t connection)
{
    return order(e, WGE_ORDER_READ, connection, NULL, 0, false, NULL);
}

enum wge_result wge_engine_write(struct wge_engine *e, uint64_t connection, const uint8_t *data, size_t length,
                                 bool close_after)
{
    return order(e, WGE_ORDER_WRITE, connection, data, length, close_after, NULL);
}

enum wge_result wge_engine_close(struct wge_engine *e, uint64_t connection)
{
    return order(e, WGE_ORDER_CLOSE, connection, NULL, 0, true, NULL);
}

enum wge_result wge_engine_authenticated(struct wge_engine *e, uint64_t connection)
{
    return order(e, WGE_ORDER_AUTHENTICATED, connection, NULL, 0, false, NULL);
}

enum wge_result wge_engine_start_tunnel(struct wge_engine *e, uint64_t connection, const uint8_t *head, size_t length,
                                        const struct wge_tunnel_params *params)
{
    return order(e, WGE_ORDER_START_TUNNEL, connection, head, length, false, params);
}

void wge_engine_end_tunnel(struct wge_engine *e, uint64_t session, uint64_t epoch, const uint8_t *bye, size_t length)
{
    wge_data_end(e->front.data, session, epoch, bye, length < BYE_MAX ? length : BYE_MAX);
}

void wge_engine_set_rates(struct wge_engine *e, uint64_t session, uint64_t epoch, const struct wge_rate *up,
                          const struct wge_rate *down)
{
    wge_data_set_rates(e->front.data, session, epoch, up, down);
}

size_t wge_engine_tunnels(struct wge_engine *e, uint64_t (*out)[2], size_t capacity)
{
    return wge_data_tunnels(e->front.data, out, capacity);
}

struct wge_offloads wge_engine_offloads(const struct wge_engine *e)
{
    return wge_data_offloads(e->front.data);
}

const struct wge_counters *wge_engine_counters(const struct wge_engine *e)
{
    return &e->counters;
}

uint32_t wge_engine_half_open(struct wge_engine *e)
{
    return wge_limiter_half_open(e->front.limiter);
}
