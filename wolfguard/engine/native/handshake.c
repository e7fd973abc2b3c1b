/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handshake.c - the loop of a handshake thread: listeners (shared with its siblings, EPOLLEXCLUSIVE), connections,
 * orders, deadlines. */
#include "handshake.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "connection_table.h"
#include "orders.h"

#define EVENTS_MAX 64
#define ACCEPTS_MAX 16
#define PATIENCE_MS 500
/* After the kernel has no descriptor or memory left for a connection: what is closed meanwhile makes room. */
#define ACCEPT_PAUSE_MS 100
/* Epoll keys that are not connections: theirs are below 2^56. */
#define KEY_ORDERS (UINT64_C(1) << 63)
#define KEY_LISTENER (UINT64_C(1) << 62)

struct wge_handshake {
    struct wge_front *front;
    struct wge_sign_client *signer;
    struct wge_orders orders;
    struct wge_table table;
    pthread_t thread;
    bool started;
    unsigned index;
    int epoll;
    _Atomic bool stop, stop_accepting;
    bool listening;
    uint64_t listen_again_ms;
    uint8_t scratch[WGE_RECORD_PLAIN_MAX];
};

enum wge_result wge_handshake_create(struct wge_handshake **out, struct wge_front *front, unsigned index)
{
    struct wge_handshake *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return WGE_NO_MEMORY;
    enum wge_result result = wge_sign_client_create(&h->signer, front->counters);
    if (result != WGE_OK)
        goto no_signer;
    result = wge_orders_open(&h->orders);
    if (result != WGE_OK)
        goto no_commands;
    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN, .data.u64 = KEY_ORDERS};
    if (h->epoll < 0 || epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->orders.fd, &wanted) != 0)
        goto no_epoll;
    h->front = front;
    h->index = index;
    wge_table_open(&h->table, index, front->handshake_ms, front->login_ms, WGE_LINGER_MS);
    *out = h;
    return WGE_OK;

no_epoll:
    result = WGE_SYSTEM_ERROR;
    if (h->epoll >= 0)
        close(h->epoll);
    wge_orders_close(&h->orders);
no_commands:
    wge_sign_client_free(h->signer);
no_signer:
    free(h);
    return result;
}

void wge_handshake_free(struct wge_handshake *h)
{
    if (h == NULL)
        return;
    wge_handshake_stop(h);
    wge_table_close(&h->table);
    wge_orders_close(&h->orders);
    wge_sign_client_free(h->signer);
    close(h->epoll);
    free(h);
}

struct wge_sign_client *wge_handshake_signer(struct wge_handshake *h)
{
    return h->signer;
}

/* --- listeners ---------------------------------------------------------------------------------------------------- */

static void set_listening(struct wge_handshake *h, bool wanted)
{
    if (h->listening == wanted)
        return;
    for (size_t i = 0; i < h->front->listener_count; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = KEY_LISTENER | i};
        epoll_ctl(h->epoll, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, h->front->listeners[i], &event);
    }
    h->listening = wanted;
}

/* What a connection waits for now, told to epoll and to the deadlines; the dead are buried. */
static void settle(struct wge_handshake *h, struct wge_place *place, uint64_t now_ms)
{
    struct wge_connection *c = place->connection;
    if (c->state == WGE_CONNECTION_DEAD) {
        wge_connection_free(c);
        wge_table_remove(&h->table, place);
        return;
    }
    uint32_t interest = wge_connection_interest(c);
    if (interest != place->interest) {
        struct epoll_event event = {.events = interest, .data.u64 = c->id};
        epoll_ctl(h->epoll, EPOLL_CTL_MOD, wge_stream_fd(c->stream), &event);
        place->interest = interest;
    }
    enum wge_deadline deadline = WGE_DEADLINE_NONE;
    if (c->state == WGE_CONNECTION_HELLO || c->state == WGE_CONNECTION_HANDSHAKE)
        deadline = WGE_DEADLINE_HANDSHAKE;
    else if (c->state == WGE_CONNECTION_LINGER || c->closing)
        deadline = WGE_DEADLINE_CLOSING;
    else if (c->limited)
        deadline = WGE_DEADLINE_LOGIN;
    wge_table_set_deadline(&h->table, place, deadline, now_ms);
}

/* Away without a word, and without a TIME_WAIT of ours. */
static void reset(int fd)
{
    const struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}

static const char *refusal(enum wge_admission admission)
{
    switch (admission) {
    case WGE_REFUSED_HALF_OPEN:
        return "refused_half_open";
    case WGE_REFUSED_SOURCE_RATE:
        return "refused_source_rate";
    case WGE_REFUSED_SOURCE_CONNECTIONS:
        return "refused_source_connections";
    case WGE_ADMITTED:
        break;
    }
    return NULL;
}

static void welcome(struct wge_handshake *h, int fd, const struct sockaddr_storage *from, uint64_t now_ms)
{
    struct wge_front *front = h->front;
    struct wge_address peer, local;
    struct sockaddr_storage at;
    socklen_t length = sizeof(at);
    WGE_COUNT(front->counters, accepted);
    if (!wge_address_from(&peer, from) || getsockname(fd, (struct sockaddr *)&at, &length) != 0 ||
        !wge_address_from(&local, &at)) {
        WGE_COUNT(front->counters, accept_failed);
        reset(fd);
        return;
    }
    const char *label = refusal(wge_limiter_enter(front->limiter, &peer, now_ms));
    if (label != NULL) {
        wge_refusals_add(front->refusals, &peer, label);
        reset(fd);
        return;
    }
    uint64_t id;
    struct wge_place *place = wge_table_add(&h->table, &id);
    if (place == NULL || wge_events_reserve(front->events, WGE_EVENTS_PER_CONNECTION) != WGE_OK) {
        if (place != NULL)
            wge_table_remove(&h->table, place);
        wge_limiter_leave(front->limiter, &peer);
        wge_refusals_add(front->refusals, &peer, "refused_no_memory");
        reset(fd);
        return;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = id};
    place->interest = EPOLLIN;
    place->connection = wge_connection_create(front, h->signer, fd, id, &peer, &local);
    if (place->connection == NULL) {
        wge_table_remove(&h->table, place);
        wge_refusals_add(front->refusals, &peer, "refused_no_memory");
    } else if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        wge_connection_free(place->connection);
        wge_table_remove(&h->table, place);
        wge_refusals_add(front->refusals, &peer, "refused_no_memory");
    } else {
        settle(h, place, now_ms);
    }
}

static void accept_some(struct wge_handshake *h, int listener, uint64_t now_ms)
{
    for (int i = 0; i < ACCEPTS_MAX && !atomic_load(&h->stop_accepting); i++) {
        struct sockaddr_storage from;
        socklen_t length = sizeof(from);
        int fd = accept4(listener, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            welcome(h, fd, &from, now_ms);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            WGE_COUNT(h->front->counters, accept_failed);
            set_listening(h, false);
            h->listen_again_ms = now_ms + ACCEPT_PAUSE_MS;
            return;
        }
        /* the connection died in the queue: the next one may be well */
        WGE_COUNT(h->front->counters, accept_failed);
    }
}

/* --- orders ----------------------------------------------------------------------------------------------------- */

static void start_tunnel(struct wge_handshake *h, struct wge_place *place, struct wge_order *order)
{
    struct wge_connection *c = place->connection;
    wge_connection_authenticated(c);
    struct wge_stream *stream = wge_connection_take_stream(c, order->data, order->length);
    if (stream == NULL)
        return; /* Python has been told that the connection is closed */
    epoll_ctl(h->epoll, EPOLL_CTL_DEL, wge_stream_fd(stream), NULL);
    wge_data_adopt(h->front->data, stream, order->params);
}

static void obey(struct wge_handshake *h, struct wge_order *order, uint64_t now_ms)
{
    struct wge_place *place = wge_table_find(&h->table, order->connection);
    if (place == NULL)
        return; /* it has ended meanwhile, and Python has been told */
    struct wge_connection *c = place->connection;
    switch (order->kind) {
    case WGE_ORDER_READ:
        wge_connection_grant(c);
        break;
    case WGE_ORDER_WRITE:
        wge_connection_write(c, order->data, order->length, order->close);
        break;
    case WGE_ORDER_CLOSE:
        wge_connection_close(c);
        break;
    case WGE_ORDER_AUTHENTICATED:
        wge_connection_authenticated(c);
        break;
    case WGE_ORDER_START_TUNNEL:
        start_tunnel(h, place, order);
        break;
    }
    wge_connection_advance(c, h->scratch);
    settle(h, place, now_ms);
}

enum wge_result wge_handshake_order(struct wge_handshake *h, enum wge_order_kind kind, uint64_t connection,
                                    const uint8_t *data, size_t length, bool close_after,
                                    const struct wge_tunnel_params *params)
{
    struct wge_order *order = wge_order_create(kind, connection, data, length, close_after, params);
    if (order == NULL)
        return WGE_NO_MEMORY;
    wge_orders_put(&h->orders, order);
    return WGE_OK;
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void obey_all(struct wge_handshake *h, uint64_t now_ms)
{
    struct wge_order *next, *order = wge_orders_take(&h->orders);
    for (; order != NULL; order = next) {
        next = order->next;
        obey(h, order, now_ms);
        wge_order_free(order);
    }
}

static void serve(struct wge_handshake *h, const struct epoll_event *event, uint64_t now_ms)
{
    struct wge_place *place = wge_table_find(&h->table, event->data.u64);
    if (place == NULL)
        return; /* ended earlier in this round */
    struct wge_connection *c = place->connection;
    /* with EPOLLIN there may be bytes to read before the end */
    if ((event->events & (EPOLLERR | EPOLLHUP)) != 0 && (event->events & EPOLLIN) == 0)
        wge_connection_broken(c);
    else
        wge_connection_advance(c, h->scratch);
    settle(h, place, now_ms);
}

static void expire(struct wge_handshake *h, uint64_t now_ms)
{
    struct wge_place *place;
    while ((place = wge_table_expired(&h->table, now_ms)) != NULL) {
        wge_connection_expired(place->connection);
        settle(h, place, now_ms);
    }
}

static void *run(void *given)
{
    struct wge_handshake *h = given;
    struct epoll_event events[EVENTS_MAX];
    while (!atomic_load(&h->stop)) {
        uint64_t now_ms = wge_front_now();
        if (atomic_load(&h->stop_accepting))
            set_listening(h, false);
        else if (now_ms >= h->listen_again_ms)
            set_listening(h, true);
        int count = epoll_wait(h->epoll, events, EVENTS_MAX, wge_table_patience(&h->table, now_ms, PATIENCE_MS));
        now_ms = wge_front_now();
        for (int i = 0; i < count; i++) {
            uint64_t key = events[i].data.u64;
            if (key == KEY_ORDERS)
                obey_all(h, now_ms);
            else if ((key & KEY_LISTENER) != 0)
                accept_some(h, h->front->listeners[key & ~KEY_LISTENER], now_ms);
            else
                serve(h, &events[i], now_ms);
        }
        expire(h, now_ms);
        wge_refusals_flush(h->front->refusals, now_ms);
    }
    return NULL;
}

enum wge_result wge_handshake_start(struct wge_handshake *h)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are Python's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&h->thread, NULL, run, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        errno = error;
        return WGE_SYSTEM_ERROR;
    }
    h->started = true;
    return WGE_OK;
}

void wge_handshake_stop_accepting(struct wge_handshake *h)
{
    atomic_store(&h->stop_accepting, true);
    wge_orders_ring(&h->orders);
}

void wge_handshake_stop(struct wge_handshake *h)
{
    if (!h->started)
        return;
    atomic_store(&h->stop, true);
    wge_orders_ring(&h->orders);
    pthread_join(h->thread, NULL);
    h->started = false;
}
