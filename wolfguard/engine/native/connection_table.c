/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connection_table.c - places in an array, linked by their numbers. An id is thread (8 bits), generation (24), place
 * (24). */
#include "connection_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "handshake.h"

#define PLACE_BITS 24
#define GENERATION_BITS 24
#define PLACE_MASK ((UINT64_C(1) << PLACE_BITS) - 1)
#define GENERATION_MASK ((UINT32_C(1) << GENERATION_BITS) - 1)

static_assert(WGE_HANDSHAKE_THREADS_MAX <= 256 && WGE_TABLE_MAX <= 1 << PLACE_BITS, "ids have room for both");

unsigned wge_handshake_index_of(uint64_t connection)
{
    return (unsigned)(connection >> (PLACE_BITS + GENERATION_BITS));
}

void wge_table_open(struct wge_table *t, unsigned index, uint32_t handshake_ms, uint32_t login_ms, uint32_t closing_ms)
{
    memset(t, 0, sizeof(*t));
    t->index = index;
    t->free = WGE_PLACE_NONE;
    for (int i = 0; i < WGE_DEADLINE_CLASSES; i++)
        t->first[i] = t->last[i] = WGE_PLACE_NONE;
    t->duration_ms[WGE_DEADLINE_HANDSHAKE] = handshake_ms;
    t->duration_ms[WGE_DEADLINE_LOGIN] = login_ms;
    t->duration_ms[WGE_DEADLINE_CLOSING] = closing_ms;
}

void wge_table_close(struct wge_table *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        wge_connection_free(t->places[i].connection);
    free(t->places);
    t->places = NULL;
    t->count = t->capacity = 0;
}

static uint32_t number_of(const struct wge_table *t, const struct wge_place *place)
{
    return (uint32_t)(place - t->places);
}

struct wge_place *wge_table_add(struct wge_table *t, uint64_t *id)
{
    if (t->free == WGE_PLACE_NONE) {
        if (t->count == t->capacity) {
            uint32_t capacity = t->capacity == 0 ? 64 : t->capacity * 2;
            if (capacity > WGE_TABLE_MAX)
                return NULL;
            struct wge_place *places = realloc(t->places, capacity * sizeof(*places));
            if (places == NULL)
                return NULL;
            t->places = places;
            t->capacity = capacity;
        }
        struct wge_place *fresh = &t->places[t->count];
        memset(fresh, 0, sizeof(*fresh));
        fresh->after = WGE_PLACE_NONE;
        t->free = t->count++;
    }
    struct wge_place *place = &t->places[t->free];
    t->free = place->after;
    place->generation = (place->generation + 1) & GENERATION_MASK;
    place->interest = 0;
    place->deadline = WGE_DEADLINE_NONE;
    place->before = place->after = WGE_PLACE_NONE;
    *id = (uint64_t)t->index << (PLACE_BITS + GENERATION_BITS) | (uint64_t)place->generation << PLACE_BITS |
          number_of(t, place);
    return place;
}

struct wge_place *wge_table_find(struct wge_table *t, uint64_t id)
{
    uint64_t number = id & PLACE_MASK;
    if (wge_handshake_index_of(id) != t->index || number >= t->count)
        return NULL;
    struct wge_place *place = &t->places[number];
    bool same = place->generation == ((id >> PLACE_BITS) & GENERATION_MASK);
    return same && place->connection != NULL ? place : NULL;
}

static void unlink_place(struct wge_table *t, struct wge_place *place)
{
    if (place->deadline == WGE_DEADLINE_NONE)
        return;
    if (place->before == WGE_PLACE_NONE)
        t->first[place->deadline] = place->after;
    else
        t->places[place->before].after = place->after;
    if (place->after == WGE_PLACE_NONE)
        t->last[place->deadline] = place->before;
    else
        t->places[place->after].before = place->before;
    place->before = place->after = WGE_PLACE_NONE;
    place->deadline = WGE_DEADLINE_NONE;
}

void wge_table_remove(struct wge_table *t, struct wge_place *place)
{
    unlink_place(t, place);
    place->connection = NULL;
    place->after = t->free;
    t->free = number_of(t, place);
}

void wge_table_set_deadline(struct wge_table *t, struct wge_place *place, enum wge_deadline deadline, uint64_t now_ms)
{
    if (place->deadline == deadline)
        return;
    unlink_place(t, place);
    if (deadline == WGE_DEADLINE_NONE)
        return;
    place->deadline = deadline;
    place->due_ms = now_ms + t->duration_ms[deadline];
    place->before = t->last[deadline];
    if (place->before == WGE_PLACE_NONE)
        t->first[deadline] = number_of(t, place);
    else
        t->places[place->before].after = number_of(t, place);
    t->last[deadline] = number_of(t, place);
}

struct wge_place *wge_table_expired(struct wge_table *t, uint64_t now_ms)
{
    for (int i = 0; i < WGE_DEADLINE_CLASSES; i++)
        if (t->first[i] != WGE_PLACE_NONE && t->places[t->first[i]].due_ms <= now_ms)
            return &t->places[t->first[i]];
    return NULL;
}

int wge_table_patience(const struct wge_table *t, uint64_t now_ms, int most)
{
    int patience = most;
    for (int i = 0; i < WGE_DEADLINE_CLASSES; i++) {
        if (t->first[i] == WGE_PLACE_NONE)
            continue;
        uint64_t due = t->places[t->first[i]].due_ms;
        if (due <= now_ms)
            return 0;
        if (due - now_ms < (uint64_t)patience)
            patience = (int)(due - now_ms);
    }
    return patience;
}
