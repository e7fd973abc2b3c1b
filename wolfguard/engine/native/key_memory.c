/* SPDX-License-Identifier: GPL-3.0-or-later */
/* key_memory.c - one place a session number, modulo the table's size. */
#include "key_memory.h"

#include <stdlib.h>
#include <string.h>

#include "timers.h"

struct place {
    uint64_t session;
    uint64_t until_ms; /* 0: free */
    uint8_t key[WGE_DTLS_KEY];
};

struct wge_key_memory {
    struct place places[WGE_KEY_MEMORY_PLACES];
};

enum wge_result wge_key_memory_create(struct wge_key_memory **out)
{
    *out = calloc(1, sizeof **out);
    return *out == NULL ? WGE_NO_MEMORY : WGE_OK;
}

void wge_key_memory_free(struct wge_key_memory *m)
{
    if (m == NULL)
        return;
    explicit_bzero(m, sizeof *m);
    free(m);
}

uint64_t wge_key_memory_purge(struct wge_key_memory *m, uint64_t now_ms)
{
    uint64_t next = WGE_TIMER_NEVER;
    for (size_t i = 0; i < WGE_KEY_MEMORY_PLACES; i++) {
        struct place *place = &m->places[i];
        if (place->until_ms == 0)
            continue;
        if (now_ms >= place->until_ms)
            explicit_bzero(place, sizeof *place);
        else if (place->until_ms < next)
            next = place->until_ms;
    }
    return next;
}

void wge_key_memory_put(struct wge_key_memory *m, uint64_t session, const uint8_t key[WGE_DTLS_KEY], uint64_t now_ms)
{
    struct place *place = &m->places[session % WGE_KEY_MEMORY_PLACES];
    place->session = session;
    place->until_ms = now_ms + WGE_KEY_MEMORY_MS;
    memcpy(place->key, key, WGE_DTLS_KEY);
}

bool wge_key_memory_take(struct wge_key_memory *m, uint64_t session, uint8_t key[WGE_DTLS_KEY], uint64_t now_ms)
{
    struct place *place = &m->places[session % WGE_KEY_MEMORY_PLACES];
    if (place->session != session || place->until_ms == 0)
        return false;
    bool fresh = now_ms < place->until_ms;
    if (fresh)
        memcpy(key, place->key, WGE_DTLS_KEY);
    explicit_bzero(place, sizeof *place);
    return fresh;
}
