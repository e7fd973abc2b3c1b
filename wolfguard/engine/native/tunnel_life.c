/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tunnel_life.c - see tunnel_life.h. */
#include "tunnel_life.h"

#include <string.h>
#include <sys/epoll.h>

#include "datagrams.h"

/* How long the peer has to close after BYE: closing first could reset the connection and destroy the BYE. */
#define LINGER_MS 2000
/* In a client's DISCONNECT: its user has ended the session. */
#define BYE_USER 0xb0

void wge_life_tell(struct wge_data *d, const struct wge_event *event)
{
    if (wge_events_push(d->events, event) != WGE_OK)
        WGE_COUNT(d->counters, events_lost);
}

static void tell_closed(struct wge_data *d, const struct wge_tunnel_params *params, const char *reason)
{
    wge_life_tell(d, &(struct wge_event){.kind = WGE_EVENT_TUNNEL_CLOSED,
                                         .id = params->session,
                                         .epoch = params->epoch,
                                         .reason = reason,
                                         .code = -1});
    wge_events_release(d->events, WGE_EVENTS_PER_TUNNEL);
}

static enum wge_result add_routes(struct wge_data *d, struct wge_tunnel *t)
{
    const struct wge_tunnel_params *p = &t->params;
    enum wge_result result = WGE_OK;
    if (p->has_ipv4)
        result = wge_routes_add(d->routes, 4, p->ipv4, 32, t);
    if (result == WGE_OK && p->has_ipv6)
        result = wge_routes_add(d->routes, 6, p->ipv6, 128, t);
    for (size_t i = 0; result == WGE_OK && i < p->network_count; i++)
        result = wge_routes_add(d->routes, p->networks[i].family, p->networks[i].address, p->networks[i].prefix, t);
    return result;
}

static void remove_routes(struct wge_data *d, const struct wge_tunnel *t)
{
    const struct wge_tunnel_params *p = &t->params;
    if (p->has_ipv4)
        wge_routes_remove(d->routes, 4, p->ipv4, 32, t);
    if (p->has_ipv6)
        wge_routes_remove(d->routes, 6, p->ipv6, 128, t);
    for (size_t i = 0; i < p->network_count; i++)
        wge_routes_remove(d->routes, p->networks[i].family, p->networks[i].address, p->networks[i].prefix, t);
}

/* --- the end of a tunnel ---------------------------------------------------------------------------------------- */

/* Whether the client may want its session again, with what it remembers of this tunnel. */
static bool comes_back(const struct wge_tunnel *t, const char *reason)
{
    return t->bye_code != BYE_USER && strcmp(reason, "replaced") != 0 && strcmp(reason, "ended") != 0;
}

/* From here on the session has no tunnel: no packets, no place in the tables; the event tells why. */
static void leave(struct wge_data *d, struct wge_tunnel *t, const char *reason)
{
    remove_routes(d, t);
    wge_sessions_remove(d->sessions, t);
    wge_datagrams_leave(d, t, comes_back(t, reason));
    wge_tunnel_account(t, &d->loop);
    WGE_TALLY(&d->loop.tally, tunnels_ended);
    wge_life_tell(d, &(struct wge_event){.kind = WGE_EVENT_TUNNEL_CLOSED,
                                         .id = t->params.session,
                                         .epoch = t->params.epoch,
                                         .reason = reason,
                                         .code = t->bye_code,
                                         .data = t->bye_detail,
                                         .length = t->bye_length});
    t->bye_detail = NULL;
    wge_events_release(d->events, WGE_EVENTS_PER_TUNNEL);
}

static void bury(struct wge_data *d, struct wge_tunnel *t)
{
    wge_timers_release(&d->timers, &t->timer);
    epoll_ctl(d->epoll, EPOLL_CTL_DEL, wge_stream_fd(t->tls.stream), NULL);
    t->state = WGE_TUNNEL_GONE;
    t->next_gone = d->gone;
    d->gone = t;
}

void wge_life_end(struct wge_data *d, struct wge_tunnel *t, const char *reason)
{
    if (t->state == WGE_TUNNEL_GONE)
        return;
    if (t->state == WGE_TUNNEL_OPEN)
        leave(d, t, reason);
    bury(d, t);
}

void wge_life_reap(struct wge_data *d)
{
    while (d->gone != NULL) {
        struct wge_tunnel *t = d->gone;
        d->gone = t->next_gone;
        wge_tunnel_free(t, true);
    }
}

/* epoll is told only of changes. */
void wge_life_watch(struct wge_data *d, struct wge_tunnel *t)
{
    uint32_t wanted = (t->reading_stalled ? 0 : (uint32_t)EPOLLIN) | (t->tls.blocked ? (uint32_t)EPOLLOUT : 0);
    if (t->state == WGE_TUNNEL_GONE || wanted == t->events_wanted)
        return;
    struct epoll_event event = {.events = wanted, .data.ptr = t};
    if (epoll_ctl(d->epoll, EPOLL_CTL_MOD, wge_stream_fd(t->tls.stream), &event) == 0)
        t->events_wanted = wanted;
    else
        wge_life_end(d, t, "connection_lost");
}

/* --- adoption and orders --------------------------------------------------------------------------------------------
 */

static enum wge_result enlist(struct wge_data *d, struct wge_tunnel *t)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = t};
    if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, wge_stream_fd(t->tls.stream), &event) != 0)
        return WGE_SYSTEM_ERROR;
    t->events_wanted = EPOLLIN;
    enum wge_result result = wge_sessions_add(d->sessions, t);
    if (result != WGE_OK)
        return result;
    result = add_routes(d, t);
    if (result != WGE_OK) {
        remove_routes(d, t);
        wge_sessions_remove(d->sessions, t);
    }
    return result;
}

static enum wge_result bring_up(struct wge_data *d, struct wge_tunnel *t)
{
    enum wge_result result = wge_timers_reserve(&d->timers);
    if (result != WGE_OK)
        return result;
    result = enlist(d, t);
    if (result != WGE_OK)
        wge_timers_release(&d->timers, &t->timer);
    return result;
}

void wge_life_adopt(struct wge_data *d, struct wge_command *command)
{
    const struct wge_tunnel_params *params = &command->params;
    struct wge_stream *stream = command->stream;
    const char *refusal = NULL;
    struct wge_tunnel *t = NULL;
    struct wge_tunnel *before = wge_sessions_find(d->sessions, params->session);
    command->stream = NULL;
    if (!wge_tunnel_params_valid(params))
        refusal = "invalid";
    else if (before != NULL && before->params.epoch > params->epoch)
        refusal = "replaced";
    if (refusal != NULL)
        goto refuse;
    struct wge_traffic *traffic = params->index < d->traffic_entries ? &d->traffic[params->index] : NULL;
    if (wge_tunnel_create(&t, stream, params, traffic, d->loop.now_ms) != WGE_OK) {
        refusal = "no_memory";
        goto refuse;
    }
    wge_datagrams_prepare(d, t, before);
    if (before != NULL)
        wge_life_end(d, before, "replaced");
    if (bring_up(d, t) != WGE_OK) {
        tell_closed(d, params, "no_memory");
        wge_tunnel_free(t, true);
        return;
    }
    WGE_TALLY(&d->loop.tally, tunnels_started);
    uint64_t next;
    wge_liveness_due(&t->liveness, d->loop.now_ms, &next);
    wge_timers_set(&d->timers, &t->timer, next);
    /* the CONNECT response waits to be sent, and frames may have come along with the request */
    wge_tunnel_want_flush(t, &d->loop);
    const char *end = wge_tunnel_receive(t, &d->loop, false);
    if (end != NULL)
        wge_life_end(d, t, end);
    else
        wge_life_watch(d, t);
    return;

refuse:
    wge_stream_free(stream, true);
    tell_closed(d, params, refusal);
}

/* Without BYE the client comes back with its cookie; with it the client quits, if it gets the chance to read it. */
void wge_life_end_by_order(struct wge_data *d, const struct wge_command *command)
{
    struct wge_tunnel *t = wge_sessions_find(d->sessions, command->params.session);
    if (t == NULL || t->params.epoch > command->params.epoch)
        return;
    if (!command->has_bye ||
        wge_tunnel_send_frame(t, &d->loop, WGE_FRAME_DISCONNECT, command->bye, command->bye_length) != NULL) {
        wge_life_end(d, t, "ended");
        return;
    }
    leave(d, t, "ended");
    t->state = WGE_TUNNEL_LINGERING;
    wge_stream_close_notify(t->tls.stream);
    wge_tunnel_want_flush(t, &d->loop);
    wge_timers_set(&d->timers, &t->timer, d->loop.now_ms + LINGER_MS);
}

void wge_life_set_rates(struct wge_data *d, const struct wge_command *command)
{
    const struct wge_tunnel_params *params = &command->params;
    struct wge_tunnel *t = wge_sessions_find(d->sessions, params->session);
    if (t == NULL || t->params.epoch != params->epoch || !wge_rate_valid(&params->up) || !wge_rate_valid(&params->down))
        return;
    wge_byte_bucket_change(&t->up, &params->up, d->loop.now_ms);
    wge_byte_bucket_change(&t->down, &params->down, d->loop.now_ms);
}

void wge_life_end_all(struct wge_data *d)
{
    struct wge_tunnel *t;
    while ((t = wge_sessions_any(d->sessions)) != NULL) {
        remove_routes(d, t);
        wge_sessions_remove(d->sessions, t);
        wge_datagrams_leave(d, t, false);
        wge_tunnel_account(t, &d->loop);
        bury(d, t);
    }
    wge_datagrams_bury(d);
    wge_timers_set(&d->timers, &d->first_keys_timer, WGE_TIMER_NEVER);
    struct wge_timer *lingering;
    while ((lingering = wge_timers_take(&d->timers, WGE_TIMER_NEVER)) != NULL)
        bury(d, lingering->owner);
}
