/* SPDX-License-Identifier: GPL-3.0-or-later */
/* limiter.h - what strangers may have: so many handshakes a second and so many connections without a login from one
 * source (address.h: an IPv4 address or an IPv6 /64), and so many unfinished connections over all. Shared by the
 * handshake threads. Knows no sockets and no clock: time comes in as milliseconds. */
#ifndef WGE_LIMITER_H
#define WGE_LIMITER_H

#include <stdint.h>

#include "address.h"
#include "result.h"

struct wge_limits {
    uint32_t half_open;             /* connections that have not logged in, of all sources */
    uint32_t handshakes_per_second; /* of one source, in the long run */
    uint32_t handshake_burst;       /* of one source, at once */
    uint32_t unauthenticated;       /* connections of one source that have not logged in */
};

enum wge_admission {
    WGE_ADMITTED = 0,
    WGE_REFUSED_HALF_OPEN,
    WGE_REFUSED_SOURCE_RATE,
    WGE_REFUSED_SOURCE_CONNECTIONS,
};

struct wge_limiter;

/* `secret`: 16 random bytes, so that nobody can choose addresses that share a place in the table. INVALID: a limit of
 * 0. */
enum wge_result wge_limiter_create(struct wge_limiter **out, const struct wge_limits *limits, const uint8_t secret[16]);
void wge_limiter_free(struct wge_limiter *l);

/* When WGE_ADMITTED, wge_limiter_leave must follow, once. */
enum wge_admission wge_limiter_enter(struct wge_limiter *l, const struct wge_address *peer, uint64_t now_ms);
/* The connection has logged in, or ended. */
void wge_limiter_leave(struct wge_limiter *l, const struct wge_address *peer);
uint32_t wge_limiter_half_open(struct wge_limiter *l);

#endif
