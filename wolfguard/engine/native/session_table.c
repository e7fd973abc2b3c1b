/* SPDX-License-Identifier: GPL-3.0-or-later */
/* session_table.c - see session_table.h. */
#include "session_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel.h"

#define BUCKET_BITS 12
#define BUCKETS (1u << BUCKET_BITS)
#define FIRST_CAPACITY 256

struct wge_session_table {
    struct wge_tunnel *buckets[BUCKETS];
    struct wge_tunnel *by_app_id[BUCKETS];
    pthread_mutex_t lock; /* of what other threads read: live, pairs, count */
    struct wge_tunnel **live;
    uint64_t (*pairs)[2]; /* beside `live`: readers never touch a tunnel */
    size_t count, capacity;
};

static struct wge_tunnel **bucket_of(struct wge_session_table *t, uint64_t session)
{
    return &t->buckets[(session * 0x9e3779b97f4a7c15u) >> (64 - BUCKET_BITS)];
}

/* All bytes but the first are random. */
static struct wge_tunnel **app_id_bucket_of(struct wge_session_table *t, const uint8_t *app_id)
{
    return &t->by_app_id[(app_id[1] | (unsigned)app_id[2] << 8) & (BUCKETS - 1)];
}

enum wge_result wge_sessions_create(struct wge_session_table **out)
{
    struct wge_session_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return WGE_NO_MEMORY;
    pthread_mutex_init(&t->lock, NULL);
    *out = t;
    return WGE_OK;
}

void wge_sessions_free(struct wge_session_table *t)
{
    if (t == NULL)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t->live);
    free(t->pairs);
    free(t);
}

/* Called with the lock held. */
static enum wge_result grow(struct wge_session_table *t)
{
    size_t capacity = t->capacity == 0 ? FIRST_CAPACITY : t->capacity * 2;
    struct wge_tunnel **live = realloc(t->live, capacity * sizeof(struct wge_tunnel *));
    if (live == NULL)
        return WGE_NO_MEMORY;
    t->live = live;
    uint64_t(*pairs)[2] = realloc(t->pairs, capacity * sizeof *pairs);
    if (pairs == NULL)
        return WGE_NO_MEMORY;
    t->pairs = pairs;
    t->capacity = capacity;
    return WGE_OK;
}

enum wge_result wge_sessions_add(struct wge_session_table *t, struct wge_tunnel *tunnel)
{
    enum wge_result result = WGE_OK;
    pthread_mutex_lock(&t->lock);
    if (t->count == t->capacity)
        result = grow(t);
    if (result == WGE_OK) {
        tunnel->live_place = t->count;
        t->live[t->count] = tunnel;
        t->pairs[t->count][0] = tunnel->params.session;
        t->pairs[t->count][1] = tunnel->params.epoch;
        t->count++;
    }
    pthread_mutex_unlock(&t->lock);
    if (result == WGE_OK) {
        struct wge_tunnel **bucket = bucket_of(t, tunnel->params.session);
        tunnel->next_in_bucket = *bucket;
        *bucket = tunnel;
        if (tunnel->params.datagram.offered) {
            bucket = app_id_bucket_of(t, tunnel->params.datagram.app_id);
            tunnel->next_by_app_id = *bucket;
            *bucket = tunnel;
        }
    }
    return result;
}

void wge_sessions_remove(struct wge_session_table *t, struct wge_tunnel *tunnel)
{
    struct wge_tunnel **link = bucket_of(t, tunnel->params.session);
    while (*link != NULL && *link != tunnel)
        link = &(*link)->next_in_bucket;
    if (*link == NULL)
        return;
    *link = tunnel->next_in_bucket;
    if (tunnel->params.datagram.offered) {
        link = app_id_bucket_of(t, tunnel->params.datagram.app_id);
        while (*link != NULL && *link != tunnel)
            link = &(*link)->next_by_app_id;
        if (*link != NULL)
            *link = tunnel->next_by_app_id;
    }
    pthread_mutex_lock(&t->lock);
    size_t place = tunnel->live_place;
    size_t last = --t->count;
    t->live[place] = t->live[last];
    t->live[place]->live_place = place;
    t->pairs[place][0] = t->pairs[last][0];
    t->pairs[place][1] = t->pairs[last][1];
    pthread_mutex_unlock(&t->lock);
}

struct wge_tunnel *wge_sessions_find(struct wge_session_table *t, uint64_t session)
{
    struct wge_tunnel *tunnel = *bucket_of(t, session);
    while (tunnel != NULL && tunnel->params.session != session)
        tunnel = tunnel->next_in_bucket;
    return tunnel;
}

struct wge_tunnel *wge_sessions_find_by_app_id(struct wge_session_table *t, const uint8_t *app_id)
{
    struct wge_tunnel *tunnel = *app_id_bucket_of(t, app_id);
    while (tunnel != NULL && memcmp(tunnel->params.datagram.app_id, app_id, WGE_APP_ID) != 0)
        tunnel = tunnel->next_by_app_id;
    return tunnel;
}

struct wge_tunnel *wge_sessions_any(struct wge_session_table *t)
{
    return t->count == 0 ? NULL : t->live[t->count - 1];
}

size_t wge_sessions_list(struct wge_session_table *t, uint64_t (*out)[2], size_t capacity)
{
    pthread_mutex_lock(&t->lock);
    size_t count = t->count < capacity ? t->count : capacity;
    for (size_t i = 0; i < count; i++) {
        out[i][0] = t->pairs[i][0];
        out[i][1] = t->pairs[i][1];
    }
    pthread_mutex_unlock(&t->lock);
    return count;
}
