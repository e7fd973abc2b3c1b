/* SPDX-License-Identifier: GPL-3.0-or-later */
/* data.c - see data.h. One loop: wait, serve what is ready, do what is due, flush what was written, bury what ended. */
#include "data.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "datagrams.h"
#include "tunnel_life.h"

#define READY_MAX 128
/* Reads of the TUN in a row, each up to 64 KiB, before sockets get their turn. */
#define INSIDE_READS 32

static uint64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t clock_ms(void)
{
    return clock_us() / 1000;
}

/* --- what is due ------------------------------------------------------------------------------------------------ */

static void tell_timer(struct wge_data *d, const struct wge_tunnel *t, const char *timer)
{
    wge_life_tell(
        d, &(struct wge_event){
               .kind = WGE_EVENT_TUNNEL_TIMER, .id = t->params.session, .epoch = t->params.epoch, .reason = timer});
}

static const char *rekey(struct wge_data *d, struct wge_tunnel *t)
{
    bool rekeyed;
    const char *end = wge_tunnel_rekey(t, &d->loop, &rekeyed);
    if (rekeyed)
        wge_life_tell(d, &(struct wge_event){.kind = WGE_EVENT_TUNNEL_REKEYED,
                                             .id = t->params.session,
                                             .epoch = t->params.epoch,
                                             .reason = "rekeyed"});
    return end;
}

static void timer_due(struct wge_data *d, struct wge_tunnel *t)
{
    if (t->state == WGE_TUNNEL_LINGERING) {
        wge_life_end(d, t, "ended");
        return;
    }
    uint64_t next;
    unsigned due = wge_liveness_due(&t->liveness, d->loop.now_ms, &next);
    const char *end = wge_tunnel_stay_alive(t, &d->loop, due);
    if (end == NULL && (due & WGE_DUE_REKEY) != 0)
        end = rekey(d, t);
    uint64_t nudge = end == NULL ? wge_tunnel_nudge(t, &d->loop, &end) : WGE_TIMER_NEVER;
    if (end != NULL) {
        wge_life_end(d, t, end);
        return;
    }
    if ((due & WGE_DUE_IDLE) != 0) {
        WGE_TALLY(&d->loop.tally, idle_expired);
        tell_timer(d, t, "idle");
    }
    if ((due & WGE_DUE_EXPIRED) != 0) {
        WGE_TALLY(&d->loop.tally, lifetime_expired);
        tell_timer(d, t, "expired");
    }
    wge_timers_set(&d->timers, &t->timer, next < nudge ? next : nudge);
}

static void timers_due(struct wge_data *d)
{
    struct wge_timer *timer;
    while ((timer = wge_timers_take(&d->timers, d->loop.now_ms)) != NULL) {
        if (timer->kind == WGE_TIMER_OF_KEY_MEMORY)
            wge_datagrams_purge(d);
        else if (timer->kind == WGE_TIMER_OF_ASSOCIATION)
            wge_datagrams_due(d, timer->owner);
        else
            timer_due(d, timer->owner);
    }
}

/* Worn keys are renewed here, right after a flush, when the queue has room. */
static const char *flush(struct wge_data *d, struct wge_tunnel *t)
{
    const char *end = wge_tunnel_flush(t, &d->loop);
    if (end != NULL || t->state != WGE_TUNNEL_OPEN)
        return end;
    enum wge_key_wear wear = wge_channel_key_wear(&t->tls);
    if (wear == WGE_KEYS_FRESH)
        return NULL;
    if (wear == WGE_KEYS_SPENT)
        return "keys_spent";
    return t->tls.blocked ? NULL : rekey(d, t);
}

static void flush_unsent(struct wge_data *d)
{
    while (d->loop.unsent != NULL) {
        struct wge_tunnel *t = d->loop.unsent;
        d->loop.unsent = t->next_unsent;
        t->in_unsent = false;
        if (t->state == WGE_TUNNEL_GONE)
            continue;
        const char *end = flush(d, t);
        if (end != NULL)
            wge_life_end(d, t, end);
        else
            wge_life_watch(d, t);
    }
}

/* --- what is ready ---------------------------------------------------------------------------------------------- */

static void deliver(struct wge_data *d, uint8_t *buffer, size_t length)
{
    struct wge_segmenter *s = &d->segmenter;
    if (length <= WGE_VNET_HEADER || (buffer[WGE_VNET_HEADER] >> 4 != 4 && buffer[WGE_VNET_HEADER] >> 4 != 6))
        goto drop_not_ip;
    if (!wge_segment_begin(s, buffer, length))
        goto drop_segment_malformed;
    struct wge_tunnel *t = wge_routes_find(d->routes, s->inner.version, s->inner.destination);
    if (t == NULL)
        goto drop_no_session;
    if (s->largest > t->params.mtu)
        goto drop_tx_mtu;
    uint8_t *packet;
    size_t bytes;
    while (wge_segment_next(s, &packet, &bytes)) {
        const char *end = wge_tunnel_send_packet(t, &d->loop, packet, bytes);
        if (end != NULL) {
            wge_life_end(d, t, end);
            return;
        }
    }
    wge_tunnel_account(t, &d->loop);
    wge_life_watch(d, t); /* a flush on the way may have filled the socket */
    return;

drop_not_ip:
    WGE_TALLY(&d->loop.tally, drop_not_ip);
    return;
drop_segment_malformed:
    WGE_TALLY(&d->loop.tally, drop_segment_malformed);
    return;
drop_no_session:
    WGE_TALLY(&d->loop.tally, drop_no_session);
    return;
drop_tx_mtu:
    WGE_TALLY(&d->loop.tally, drop_tx_mtu); /* the route's MTU tells senders: only a race comes here */
}

static void inside_ready(struct wge_data *d)
{
    for (unsigned i = 0; i < INSIDE_READS; i++) {
        uint8_t *buffer;
        size_t length;
        enum wge_result result = wge_inside_read(&d->loop.inside, &buffer, &length);
        if (result == WGE_WANT_READ)
            return;
        if (result != WGE_OK) {
            /* The device is gone: go on without one, rather than spin on its descriptor. */
            epoll_ctl(d->epoll, EPOLL_CTL_DEL, d->loop.inside.fd, NULL);
            d->loop.inside.fd = -1;
            return;
        }
        deliver(d, buffer, length);
    }
}

static const char *serve_tunnel(struct wge_data *d, struct wge_tunnel *t, uint32_t ready)
{
    if ((ready & EPOLLOUT) != 0) {
        const char *end = flush(d, t);
        if (end != NULL)
            return end;
        if (t->reading_stalled && !t->tls.blocked) {
            t->reading_stalled = false;
            end = wge_tunnel_receive(t, &d->loop, false);
            if (end != NULL)
                return end;
        }
    }
    if (t->reading_stalled)
        return (ready & (EPOLLERR | EPOLLHUP)) != 0 ? "connection_lost" : NULL;
    return (ready & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 ? wge_tunnel_receive(t, &d->loop, true) : NULL;
}

static void tunnel_ready(struct wge_data *d, struct wge_tunnel *t, uint32_t ready)
{
    if (t->state == WGE_TUNNEL_GONE)
        return;
    const char *end = serve_tunnel(d, t, ready);
    if (end != NULL)
        wge_life_end(d, t, end);
    else
        wge_life_watch(d, t);
}

/* --- orders of other threads ------------------------------------------------------------------------------------- */

static void orders_ready(struct wge_data *d)
{
    struct wge_command *command = wge_commands_take(d->commands);
    while (command != NULL) {
        struct wge_command *next = command->next;
        if (command->kind == WGE_COMMAND_ADOPT)
            wge_life_adopt(d, command);
        else if (command->kind == WGE_COMMAND_END)
            wge_life_end_by_order(d, command);
        else
            wge_life_set_rates(d, command);
        wge_command_free(command);
        command = next;
    }
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

static int patience(const struct wge_data *d)
{
    uint64_t next = wge_timers_next(&d->timers);
    uint64_t now = d->loop.now_ms; /* a loop old, hence at worst late by its length */
    if (next == WGE_TIMER_NEVER)
        return -1;
    return next <= now ? 0 : next - now > 60000 ? 60000 : (int)(next - now);
}

static bool is_outside(const struct wge_data *d, const void *mark)
{
    const struct wge_outside_socket *socket = mark;
    return socket >= d->loop.outside.sockets && socket < d->loop.outside.sockets + d->loop.outside.socket_count;
}

/* Under load, so that the next turn finds a batch. */
static void rest(struct wge_data *d)
{
    uint64_t packets = d->loop.tally.rx_records + d->loop.tally.tun_reads;
    uint32_t us = wge_moderation_rest(&d->moderation, clock_us(), packets);
    const struct timespec pause = {.tv_nsec = (long)us * 1000};
    if (us > 0)
        nanosleep(&pause, NULL);
}

static void one_loop(struct wge_data *d)
{
    struct epoll_event ready[READY_MAX];
    int count = epoll_wait(d->epoll, ready, READY_MAX, patience(d));
    d->loop.now_ms = clock_ms();
    for (int i = 0; i < count; i++)
        if (ready[i].data.ptr == &d->loop.inside)
            inside_ready(d);
        else if (ready[i].data.ptr == d->commands)
            orders_ready(d);
        else if (is_outside(d, ready[i].data.ptr))
            wge_datagrams_ready(d, (size_t)((struct wge_outside_socket *)ready[i].data.ptr - d->loop.outside.sockets));
        else
            tunnel_ready(d, ready[i].data.ptr, ready[i].events);
    timers_due(d);
    flush_unsent(d);
    wge_outside_flush(&d->loop.outside);
    wge_datagrams_bury(d);
    wge_life_reap(d);
    rest(d);
    wge_tally_flush(&d->loop.tally, d->counters);
}

static void *run(void *argument)
{
    struct wge_data *d = argument;
    d->loop.now_ms = clock_ms();
    wge_inside_drain(&d->loop.inside);
    wge_outside_drain(&d->loop.outside);
    while (!wge_commands_stopped(d->commands))
        one_loop(d);
    wge_life_end_all(d);
    wge_outside_flush(&d->loop.outside);
    wge_datagrams_bury(d);
    wge_life_reap(d);
    wge_tally_flush(&d->loop.tally, d->counters);
    return NULL;
}

static enum wge_result watch_own(struct wge_data *d, int fd, void *mark)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};
    return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? WGE_OK : WGE_SYSTEM_ERROR;
}

static enum wge_result build_outside(struct wge_data *d, const struct wge_data_config *config)
{
    enum wge_result result =
        wge_outside_open(&d->loop.outside, config->datagrams, config->datagram_count, &d->loop.tally);
    if (result == WGE_OK)
        result = wge_associations_create(&d->associations);
    if (result == WGE_OK)
        result = wge_key_memory_create(&d->first_keys);
    d->first_keys_timer.kind = WGE_TIMER_OF_KEY_MEMORY;
    if (result == WGE_OK)
        result = wge_timers_reserve(&d->timers);
    if (result == WGE_OK && config->datagram_count > 0)
        result = wge_dtls_acceptor_create(&d->acceptor, clock_ms());
    return result;
}

static enum wge_result build(struct wge_data *d, const struct wge_data_config *config)
{
    enum wge_result result = wge_inside_open(&d->loop.inside, config->tun, &d->loop.tally);
    if (result == WGE_OK)
        result = build_outside(d, config);
    if (result == WGE_OK)
        result = wge_routes_create(&d->routes);
    if (result == WGE_OK)
        result = wge_sessions_create(&d->sessions);
    if (result == WGE_OK)
        result = wge_commands_create(&d->commands);
    if (result != WGE_OK)
        return result;
    d->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (d->epoll < 0)
        return WGE_SYSTEM_ERROR;
    result = watch_own(d, wge_commands_fd(d->commands), d->commands);
    if (result == WGE_OK && config->tun >= 0)
        result = watch_own(d, config->tun, &d->loop.inside);
    for (size_t i = 0; result == WGE_OK && i < config->datagram_count; i++)
        result = watch_own(d, config->datagrams[i], &d->loop.outside.sockets[i]);
    return result;
}

enum wge_result wge_data_create(struct wge_data **out, const struct wge_data_config *config)
{
    struct wge_data *d = calloc(1, sizeof *d);
    if (d == NULL)
        return WGE_NO_MEMORY;
    d->epoll = -1;
    d->counters = config->counters;
    d->events = config->events;
    d->traffic = config->traffic;
    d->traffic_entries = config->traffic == NULL ? 0 : config->traffic_bytes / sizeof(struct wge_traffic);
    d->loop.timers = &d->timers;
    wge_timers_init(&d->timers);
    enum wge_result result = build(d, config);
    if (result != WGE_OK) {
        wge_data_free(d);
        return result;
    }
    *out = d;
    return WGE_OK;
}

/* Signals belong to Python's main thread. */
enum wge_result wge_data_start(struct wge_data *d)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    d->started = pthread_create(&d->thread, NULL, run, d) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return d->started ? WGE_OK : WGE_SYSTEM_ERROR;
}

void wge_data_stop(struct wge_data *d)
{
    if (!d->started)
        return;
    wge_commands_stop(d->commands);
    pthread_join(d->thread, NULL);
    d->started = false;
}

void wge_data_free(struct wge_data *d)
{
    if (d == NULL)
        return;
    wge_data_stop(d);
    wge_commands_free(d->commands);
    wge_sessions_free(d->sessions);
    wge_routes_free(d->routes);
    wge_timers_free(&d->timers);
    wge_inside_close(&d->loop.inside);
    wge_outside_close(&d->loop.outside);
    wge_dtls_acceptor_free(d->acceptor);
    wge_associations_free(d->associations);
    wge_key_memory_free(d->first_keys);
    if (d->epoll >= 0)
        close(d->epoll);
    free(d);
}

void wge_data_adopt(struct wge_data *d, struct wge_stream *stream, const struct wge_tunnel_params *params)
{
    if (wge_events_reserve(d->events, WGE_EVENTS_PER_TUNNEL) == WGE_OK) {
        if (wge_commands_adopt(d->commands, stream, params) == WGE_OK)
            return;
        wge_events_release(d->events, WGE_EVENTS_PER_TUNNEL);
    }
    wge_stream_free(stream, true);
    wge_life_tell(d, &(struct wge_event){.kind = WGE_EVENT_TUNNEL_CLOSED,
                                         .id = params->session,
                                         .epoch = params->epoch,
                                         .reason = "no_memory",
                                         .code = -1});
}

void wge_data_end(struct wge_data *d, uint64_t session, uint64_t epoch, const uint8_t *bye, size_t bye_length)
{
    if (wge_commands_end(d->commands, session, epoch, bye, bye_length) != WGE_OK)
        WGE_COUNT(d->counters, events_lost);
}

void wge_data_set_rates(struct wge_data *d, uint64_t session, uint64_t epoch, const struct wge_rate *up,
                        const struct wge_rate *down)
{
    if (wge_commands_set_rates(d->commands, session, epoch, up, down) != WGE_OK)
        WGE_COUNT(d->counters, events_lost);
}

struct wge_offloads wge_data_offloads(const struct wge_data *d)
{
    return (struct wge_offloads){
        .outside_send = (enum wge_offload)atomic_load(&d->loop.outside.gso),
        .outside_receive = (enum wge_offload)atomic_load(&d->loop.outside.gro),
        .inside_tcp = (enum wge_offload)atomic_load(&d->loop.inside.tcp),
        .inside_udp = (enum wge_offload)atomic_load(&d->loop.inside.udp),
    };
}

size_t wge_data_tunnels(struct wge_data *d, uint64_t (*out)[2], size_t capacity)
{
    return wge_sessions_list(d->sessions, out, capacity);
}
