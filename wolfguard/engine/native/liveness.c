/* SPDX-License-Identifier: GPL-3.0-or-later */
/* liveness.c - see liveness.h. */
#include "liveness.h"

void wge_liveness_start(struct wge_liveness *l, uint64_t now_ms)
{
    l->heard_at = now_ms;
    l->spoke_at = now_ms;
    l->data_at = now_ms;
    l->asked_at = now_ms;
    l->rekey_at = l->rekey_ms == 0 ? WGE_TIMER_NEVER : now_ms + l->rekey_ms;
    l->idle_told = false;
    l->expired_told = false;
}

static void sooner(uint64_t *next, uint64_t candidate)
{
    if (candidate < *next)
        *next = candidate;
}

static unsigned dpd(struct wge_liveness *l, uint64_t now_ms, uint64_t *next)
{
    uint64_t dead_at = l->heard_at + WGE_DPD_PERIODS * l->dpd_ms;
    if (now_ms >= dead_at)
        return WGE_DUE_DPD_TIMEOUT;
    unsigned due = 0;
    uint64_t since = l->asked_at > l->heard_at ? l->asked_at : l->heard_at;
    if (now_ms >= since + l->dpd_ms) {
        due = WGE_DUE_DPD_REQUEST;
        l->asked_at = now_ms;
        since = now_ms;
    }
    sooner(next, since + l->dpd_ms);
    sooner(next, dead_at);
    return due;
}

static unsigned idle(struct wge_liveness *l, uint64_t now_ms, uint64_t *next)
{
    if (l->idle_told && l->idle_told_for == l->data_at) {
        sooner(next, now_ms + l->idle_ms); /* told once; look again later whether packets came */
        return 0;
    }
    l->idle_told = false;
    if (now_ms >= l->data_at + l->idle_ms) {
        l->idle_told = true;
        l->idle_told_for = l->data_at;
        sooner(next, now_ms + l->idle_ms);
        return WGE_DUE_IDLE;
    }
    sooner(next, l->data_at + l->idle_ms);
    return 0;
}

unsigned wge_liveness_due(struct wge_liveness *l, uint64_t now_ms, uint64_t *next)
{
    unsigned due = 0;
    *next = WGE_TIMER_NEVER;
    if (l->dpd_ms != 0)
        due |= dpd(l, now_ms, next);
    if (l->keepalive_ms != 0) {
        if (now_ms >= l->spoke_at + l->keepalive_ms) {
            due |= WGE_DUE_KEEPALIVE;
            l->spoke_at = now_ms; /* even if the queue is full: then bytes are on their way */
        }
        sooner(next, l->spoke_at + l->keepalive_ms);
    }
    if (l->rekey_at != WGE_TIMER_NEVER) {
        if (now_ms >= l->rekey_at) {
            due |= WGE_DUE_REKEY;
            l->rekey_at = now_ms + WGE_REKEY_RETRY_MS; /* success sets the full period */
        }
        sooner(next, l->rekey_at);
    }
    if (l->idle_ms != 0)
        due |= idle(l, now_ms, next);
    if (!l->expired_told) {
        if (now_ms >= l->expires_at) {
            l->expired_told = true;
            due |= WGE_DUE_EXPIRED;
        } else {
            sooner(next, l->expires_at);
        }
    }
    return due;
}
