/* SPDX-License-Identifier: GPL-3.0-or-later */
/* key_memory.c - one place a session number, modulo the table's size. */
#include "key_memory.h"

#include <stdlib.h>
#include <string.h>

/* Places that are looked at for old keys at each call: all of them within a few hundred tunnels. */
#define SWEEP 4

struct place {
    uint64_t session;
    uint64_t until_ms; /* 0: free */
    uint8_t key[WGE_DTLS_KEY];
};

struct wge_key_memory {
    struct place places[WGE_KEY_MEMORY_PLACES];
    size_t hand; /* the next to be looked at */
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

static void sweep(struct wge_key_memory *m, uint64_t now_ms)
{
    for (unsigned i = 0; i < SWEEP; i++) {
        struct place *place = &m->places[m->hand++ % WGE_KEY_MEMORY_PLACES];
        if (place->until_ms != 0 && now_ms >= place->until_ms)
            explicit_bzero(place, sizeof *place);
    }
}

void wge_key_memory_put(struct wge_key_memory *m, uint64_t session, const uint8_t key[WGE_DTLS_KEY], uint64_t now_ms)
{
    struct place *place = &m->places[session % WGE_KEY_MEMORY_PLACES];
    place->session = session;
    place->until_ms = now_ms + WGE_KEY_MEMORY_MS;
    memcpy(place->key, key, WGE_DTLS_KEY);
    sweep(m, now_ms);
}

bool wge_key_memory_take(struct wge_key_memory *m, uint64_t session, uint8_t key[WGE_DTLS_KEY], uint64_t now_ms)
{
    struct place *place = &m->places[session % WGE_KEY_MEMORY_PLACES];
    sweep(m, now_ms);
    if (place->session != session || place->until_ms == 0)
        return false;
    bool fresh = now_ms < place->until_ms;
    if (fresh)
        memcpy(key, place->key, WGE_DTLS_KEY);
    explicit_bzero(place, sizeof *place);
    return fresh;
}
