/* SPDX-License-Identifier: GPL-3.0-or-later */
/* front.h - what the handshake threads of a worker share. All of it is safe to use from any of them. */
#ifndef WGE_FRONT_H
#define WGE_FRONT_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "counters.h"
#include "data.h"
#include "events.h"
#include "limiter.h"
#include "refusals.h"
#include "sites.h"

#define WGE_LISTENERS_MAX 64

struct wge_front {
    struct wge_counters *counters;
    struct wge_events *events;
    struct wge_limiter *limiter;
    struct wge_refusals *refusals;
    struct wge_data *data;
    uint32_t handshake_ms, login_ms;
    int listeners[WGE_LISTENERS_MAX];
    size_t listener_count;
    pthread_mutex_t sites_lock;
    struct wge_sites *sites; /* NULL until the first set_sites: strangers are refused */
};

/* A reference to the sites of this moment, or NULL. */
struct wge_sites *wge_front_sites(struct wge_front *front);
/* Takes the reference over. */
void wge_front_set_sites(struct wge_front *front, struct wge_sites *sites);

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t wge_front_now(void);

#endif
