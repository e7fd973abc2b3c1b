/* SPDX-License-Identifier: GPL-3.0-or-later */
/* liveness.h - what silence and age mean for a tunnel: dead peer detection, keepalive, rekey, idle, lifetime. A pure
 * function of times; it sends nothing and ends nothing. All times are milliseconds of CLOCK_MONOTONIC, periods 0 =
 * never. */
#ifndef WGE_LIVENESS_H
#define WGE_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "timers.h"

/* A peer is asked after one period of silence and after two, and given up after three. */
#define WGE_DPD_PERIODS 3
#define WGE_REKEY_RETRY_MS 1000

enum {
    WGE_DUE_DPD_REQUEST = 1,
    WGE_DUE_DPD_TIMEOUT = 2,
    WGE_DUE_KEEPALIVE = 4,
    WGE_DUE_REKEY = 8,
    WGE_DUE_IDLE = 16,
    WGE_DUE_EXPIRED = 32,
};

struct wge_liveness {
    uint64_t dpd_ms, keepalive_ms, rekey_ms, idle_ms;
    uint64_t expires_at;    /* WGE_TIMER_NEVER: does not */
    uint64_t heard_at;      /* any record from the peer */
    uint64_t spoke_at;      /* any record to the peer */
    uint64_t data_at;       /* a packet, either way */
    uint64_t rekey_at;      /* when the next is due; WGE_TIMER_NEVER: not on this channel */
    uint64_t idle_told_for; /* the data_at whose idleness has been reported */
    uint64_t asked_at;      /* last DPD request */
    bool idle_told, expired_told;
};

void wge_liveness_start(struct wge_liveness *l, uint64_t now_ms);

/* Which WGE_DUE_* are due now; each is reported once per cause. `*next` is when to ask again. */
unsigned wge_liveness_due(struct wge_liveness *l, uint64_t now_ms, uint64_t *next);

#endif
