/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timers.h - a heap of deadlines, one for each tunnel and association. Traffic hardly touches it: a tunnel notes when it
 * last heard something, and its deadline is computed anew only when the old one is due. Single-threaded; time is given.
 */
#ifndef WGE_TIMERS_H
#define WGE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "result.h"

#define WGE_TIMER_NEVER UINT64_MAX

struct wge_timer {
    uint64_t due_ms;
    size_t place; /* in the heap, from 1; 0: not armed */
    void *owner;
    int kind; /* of the owner; the caller's */
};

struct wge_timers {
    struct wge_timer **heap;
    size_t count;    /* armed */
    size_t reserved; /* that may be armed */
    size_t capacity;
};

void wge_timers_init(struct wge_timers *t);
void wge_timers_free(struct wge_timers *t);

/* Makes room for one more timer, so that arming it cannot fail, however many others rest now. */
enum wge_result wge_timers_reserve(struct wge_timers *t);
/* Disarms a timer and gives its room back. */
void wge_timers_release(struct wge_timers *t, struct wge_timer *timer);

/* Arms, moves or (WGE_TIMER_NEVER) disarms. */
void wge_timers_set(struct wge_timers *t, struct wge_timer *timer, uint64_t due_ms);

/* Arms it, unless it is due even sooner. */
void wge_timers_hasten(struct wge_timers *t, struct wge_timer *timer, uint64_t due_ms);

/* The earliest deadline, or WGE_TIMER_NEVER. */
uint64_t wge_timers_next(const struct wge_timers *t);

/* Takes out one timer that is due, or returns NULL. */
struct wge_timer *wge_timers_take(struct wge_timers *t, uint64_t now_ms);

#endif
