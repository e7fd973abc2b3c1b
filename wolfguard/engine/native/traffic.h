/* SPDX-License-Identifier: GPL-3.0-or-later */
/* traffic.h - one entry of the traffic counters that a worker shares with the supervisor and sessiond, so that
 * accounting outlives the worker. The data thread is the only writer; readers may see the fields of one batch half
 * updated. */
#ifndef WGE_TRAFFIC_H
#define WGE_TRAFFIC_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

struct wge_traffic {
    _Atomic uint64_t session;
    _Atomic uint64_t rx_packets, rx_bytes; /* from the client */
    _Atomic uint64_t tx_packets, tx_bytes; /* to the client */
    _Atomic uint64_t last_active_ms;       /* CLOCK_MONOTONIC */
    uint64_t reserved[2];
};

static_assert(sizeof(struct wge_traffic) == 64, "an entry is one cache line");

/* The data thread is the only writer, so no read-modify-write of the bus is needed. */
static inline void wge_traffic_add(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by, memory_order_relaxed);
}

#endif
