/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timers.c - see timers.h. A binary heap; places count from 1, so that children of p are 2p and 2p + 1. */
#include "timers.h"

#include <stdlib.h>

#define FIRST_CAPACITY 64

void wge_timers_init(struct wge_timers *t)
{
    t->heap = NULL;
    t->count = 0;
    t->reserved = 0;
    t->capacity = 0;
}

void wge_timers_free(struct wge_timers *t)
{
    free(t->heap);
    wge_timers_init(t);
}

enum wge_result wge_timers_reserve(struct wge_timers *t)
{
    if (t->reserved + 1 >= t->capacity) {
        size_t capacity = t->capacity == 0 ? FIRST_CAPACITY : t->capacity * 2;
        struct wge_timer **heap = realloc(t->heap, capacity * sizeof(struct wge_timer *));
        if (heap == NULL)
            return WGE_NO_MEMORY;
        t->heap = heap;
        t->capacity = capacity;
    }
    t->reserved++;
    return WGE_OK;
}

void wge_timers_release(struct wge_timers *t, struct wge_timer *timer)
{
    wge_timers_set(t, timer, WGE_TIMER_NEVER);
    t->reserved--;
}

static void put(struct wge_timers *t, size_t place, struct wge_timer *timer)
{
    t->heap[place] = timer;
    timer->place = place;
}

static void rise(struct wge_timers *t, struct wge_timer *timer)
{
    size_t place = timer->place;
    while (place > 1 && t->heap[place / 2]->due_ms > timer->due_ms) {
        put(t, place, t->heap[place / 2]);
        place /= 2;
    }
    put(t, place, timer);
}

static void sink(struct wge_timers *t, struct wge_timer *timer)
{
    size_t place = timer->place;
    for (;;) {
        size_t child = place * 2;
        if (child > t->count)
            break;
        if (child < t->count && t->heap[child + 1]->due_ms < t->heap[child]->due_ms)
            child++;
        if (t->heap[child]->due_ms >= timer->due_ms)
            break;
        put(t, place, t->heap[child]);
        place = child;
    }
    put(t, place, timer);
}

static void take_out(struct wge_timers *t, struct wge_timer *timer)
{
    size_t place = timer->place;
    struct wge_timer *last = t->heap[t->count--];
    timer->place = 0;
    if (last != timer) {
        put(t, place, last);
        rise(t, last);
        sink(t, last);
    }
}

void wge_timers_set(struct wge_timers *t, struct wge_timer *timer, uint64_t due_ms)
{
    if (due_ms == WGE_TIMER_NEVER) {
        if (timer->place != 0)
            take_out(t, timer);
        return;
    }
    timer->due_ms = due_ms;
    if (timer->place == 0)
        put(t, ++t->count, timer);
    rise(t, timer);
    sink(t, timer);
}

void wge_timers_hasten(struct wge_timers *t, struct wge_timer *timer, uint64_t due_ms)
{
    if (timer->place == 0 || timer->due_ms > due_ms)
        wge_timers_set(t, timer, due_ms);
}

uint64_t wge_timers_next(const struct wge_timers *t)
{
    return t->count == 0 ? WGE_TIMER_NEVER : t->heap[1]->due_ms;
}

struct wge_timer *wge_timers_take(struct wge_timers *t, uint64_t now_ms)
{
    if (t->count == 0 || t->heap[1]->due_ms > now_ms)
        return NULL;
    struct wge_timer *timer = t->heap[1];
    take_out(t, timer);
    return timer;
}
