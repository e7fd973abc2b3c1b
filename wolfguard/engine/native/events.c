/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events.c - a ring that grows with the promises made, under one lock, and an eventfd that is written only when the
 * ring turns from empty to filled. */
#include "events.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Room beyond all promises, for REFUSED events; a flood may lose those and nothing else. */
#define UNPROMISED 4096
/* 100,000 tunnels and 50,000 connections promise 550,000 events; twice that is a fault of ours, not a load. */
#define CAPACITY_MAX ((size_t)1 << 20)

struct wge_events {
    pthread_mutex_t lock;
    int fd;
    struct wge_event *ring;
    size_t capacity, head, count;
    size_t promised;
    size_t unpromised; /* REFUSED events in the ring */
};

enum wge_result wge_events_create(struct wge_events **out)
{
    struct wge_events *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return WGE_NO_MEMORY;
    e->capacity = (size_t)2 * UNPROMISED;
    e->ring = calloc(e->capacity, sizeof(*e->ring));
    e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (e->ring == NULL || e->fd < 0) {
        enum wge_result result = e->ring == NULL ? WGE_NO_MEMORY : WGE_SYSTEM_ERROR;
        if (e->fd >= 0)
            close(e->fd);
        free(e->ring);
        free(e);
        return result;
    }
    pthread_mutex_init(&e->lock, NULL);
    *out = e;
    return WGE_OK;
}

void wge_event_wipe(struct wge_event *event)
{
    if (event->data != NULL)
        explicit_bzero(event->data, event->length);
    free(event->data);
    event->data = NULL;
    event->length = 0;
}

void wge_events_free(struct wge_events *e)
{
    if (e == NULL)
        return;
    for (size_t i = 0; i < e->count; i++)
        wge_event_wipe(&e->ring[(e->head + i) % e->capacity]);
    pthread_mutex_destroy(&e->lock);
    close(e->fd);
    free(e->ring);
    free(e);
}

int wge_events_fd(const struct wge_events *e)
{
    return e->fd;
}

/* Called with the lock held. */
static enum wge_result grow(struct wge_events *e, size_t needed)
{
    size_t capacity = e->capacity;
    while (capacity < needed)
        capacity *= 2;
    if (capacity == e->capacity)
        return WGE_OK;
    if (capacity > CAPACITY_MAX)
        return WGE_NO_MEMORY;
    struct wge_event *ring = calloc(capacity, sizeof(*ring));
    if (ring == NULL)
        return WGE_NO_MEMORY;
    for (size_t i = 0; i < e->count; i++)
        ring[i] = e->ring[(e->head + i) % e->capacity];
    free(e->ring);
    e->ring = ring;
    e->capacity = capacity;
    e->head = 0;
    return WGE_OK;
}

enum wge_result wge_events_reserve(struct wge_events *e, size_t count)
{
    pthread_mutex_lock(&e->lock);
    enum wge_result result = count > CAPACITY_MAX ? WGE_NO_MEMORY : grow(e, e->promised + count + UNPROMISED);
    if (result == WGE_OK)
        e->promised += count;
    pthread_mutex_unlock(&e->lock);
    return result;
}

void wge_events_release(struct wge_events *e, size_t count)
{
    pthread_mutex_lock(&e->lock);
    e->promised -= count < e->promised ? count : e->promised;
    pthread_mutex_unlock(&e->lock);
}

static void ring_bell(struct wge_events *e)
{
    const uint64_t one = 1;
    /* can only fail when the counter is full, and then the reader is awake anyway */
    ssize_t ignored = write(e->fd, &one, sizeof(one));
    (void)ignored;
}

enum wge_result wge_events_push(struct wge_events *e, const struct wge_event *event)
{
    enum wge_result result = WGE_OK;
    bool was_empty = false;
    pthread_mutex_lock(&e->lock);
    if (event->kind == WGE_EVENT_REFUSED && e->unpromised >= UNPROMISED)
        result = WGE_NO_MEMORY;
    else if (e->count == e->capacity)
        result = grow(e, e->count + 1);
    if (result == WGE_OK) {
        was_empty = e->count == 0;
        e->ring[(e->head + e->count) % e->capacity] = *event;
        e->count++;
        if (event->kind == WGE_EVENT_REFUSED)
            e->unpromised++;
    }
    pthread_mutex_unlock(&e->lock);
    if (result != WGE_OK) {
        struct wge_event lost = *event;
        wge_event_wipe(&lost);
    } else if (was_empty) {
        ring_bell(e);
    }
    return result;
}

size_t wge_events_take(struct wge_events *e, struct wge_event *out, size_t capacity)
{
    uint64_t rung;
    /* before the lock: a push after this read rings again */
    ssize_t ignored = read(e->fd, &rung, sizeof(rung));
    (void)ignored;
    pthread_mutex_lock(&e->lock);
    size_t taken = e->count < capacity ? e->count : capacity;
    for (size_t i = 0; i < taken; i++) {
        out[i] = e->ring[e->head];
        if (out[i].kind == WGE_EVENT_REFUSED)
            e->unpromised--;
        e->head = (e->head + 1) % e->capacity;
    }
    e->count -= taken;
    bool more = e->count > 0;
    pthread_mutex_unlock(&e->lock);
    if (more)
        ring_bell(e);
    return taken;
}
