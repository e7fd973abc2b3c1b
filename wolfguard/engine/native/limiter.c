/* SPDX-License-Identifier: GPL-3.0-or-later */
/* limiter.c - token buckets in a set-associative table of fixed size under a keyed hash. What a full set forgets:
 * - never a source with live connections, since its count would be lost; there are at most `half_open` of these, and
 * the table has room for eight times as many, so a set full of them is out of an attacker's reach and is refused;
 * - else the source that has recovered most. A newcomer inherits its debt down to one handshake, so that cycling
 * through addresses does not mint new bursts out of old places. */
#include "limiter.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8
#define SETS_MIN 1024u
#define WHOLE 1000u /* tokens are kept in thousandths: rate per second is then thousandths per millisecond */

struct source {
    uint8_t bytes[16];
    uint64_t updated_ms;
    uint64_t tokens; /* thousandths */
    uint32_t connections;
    bool used;
};

struct wge_limiter {
    pthread_mutex_t lock;
    struct wge_limits limits;
    uint64_t secret[2];
    uint32_t half_open;
    uint32_t set_mask;
    struct source *table;
};

enum wge_result wge_limiter_create(struct wge_limiter **out, const struct wge_limits *limits, const uint8_t secret[16])
{
    if (limits->half_open == 0 || limits->handshakes_per_second == 0 || limits->handshake_burst == 0 ||
        limits->unauthenticated == 0 || limits->half_open > 1u << 20)
        return WGE_INVALID;
    struct wge_limiter *l = calloc(1, sizeof(*l));
    uint32_t sets = SETS_MIN;
    while (sets < limits->half_open)
        sets *= 2;
    if (l != NULL)
        l->table = calloc((size_t)sets * WAYS, sizeof(*l->table));
    if (l == NULL || l->table == NULL) {
        free(l);
        return WGE_NO_MEMORY;
    }
    l->limits = *limits;
    l->set_mask = sets - 1;
    memcpy(l->secret, secret, sizeof(l->secret));
    pthread_mutex_init(&l->lock, NULL);
    *out = l;
    return WGE_OK;
}

void wge_limiter_free(struct wge_limiter *l)
{
    if (l == NULL)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l->table);
    free(l);
}

#define ROTATE(x, n) ((x) << (n) | (x) >> (64 - (n)))

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = ROTATE(v[1], 13) ^ v[0];
    v[3] = ROTATE(v[3], 16) ^ v[2];
    v[0] = ROTATE(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = ROTATE(v[1], 17) ^ v[2];
    v[3] = ROTATE(v[3], 21) ^ v[0];
    v[2] = ROTATE(v[2], 32);
}

/* SipHash-2-4 of 16 bytes. */
static uint64_t hash(const uint64_t secret[2], const uint8_t bytes[16])
{
    uint64_t v[4] = {secret[0] ^ UINT64_C(0x736f6d6570736575), secret[1] ^ UINT64_C(0x646f72616e646f6d),
                     secret[0] ^ UINT64_C(0x6c7967656e657261), secret[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t words[3];
    memcpy(words, bytes, 16);
    words[2] = UINT64_C(16) << 56;
    for (int i = 0; i < 3; i++) {
        v[3] ^= words[i];
        sip_round(v);
        sip_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void refill(const struct wge_limiter *l, struct source *s, uint64_t now_ms)
{
    const uint64_t full = (uint64_t)l->limits.handshake_burst * WHOLE;
    uint64_t passed = now_ms > s->updated_ms ? now_ms - s->updated_ms : 0;
    /* far beyond any refill, and short of an overflow */
    if (passed > full)
        passed = full;
    s->tokens += passed * l->limits.handshakes_per_second;
    if (s->tokens > full)
        s->tokens = full;
    s->updated_ms = now_ms;
}

static struct source *set_of(struct wge_limiter *l, const struct wge_address *source)
{
    return l->table + (size_t)(hash(l->secret, source->bytes) & l->set_mask) * WAYS;
}

static struct source *find(struct source *set, const struct wge_address *source)
{
    for (int i = 0; i < WAYS; i++)
        if (set[i].used && memcmp(set[i].bytes, source->bytes, sizeof(set[i].bytes)) == 0)
            return &set[i];
    return NULL;
}

/* NULL: all places belong to sources with live connections. */
static struct source *settle(struct wge_limiter *l, struct source *set, const struct wge_address *source,
                             uint64_t now_ms)
{
    struct source *place = NULL;
    for (int i = 0; i < WAYS; i++) {
        if (!set[i].used) {
            place = &set[i];
            place->tokens = (uint64_t)l->limits.handshake_burst * WHOLE;
            break;
        }
        if (set[i].connections > 0)
            continue;
        refill(l, &set[i], now_ms);
        if (place == NULL || set[i].tokens > place->tokens)
            place = &set[i];
    }
    if (place == NULL)
        return NULL;
    if (place->tokens < WHOLE)
        place->tokens = WHOLE;
    memcpy(place->bytes, source->bytes, sizeof(place->bytes));
    place->used = true;
    place->connections = 0;
    place->updated_ms = now_ms;
    return place;
}

enum wge_admission wge_limiter_enter(struct wge_limiter *l, const struct wge_address *peer, uint64_t now_ms)
{
    const struct wge_address source = wge_address_source(peer);
    enum wge_admission admission = WGE_ADMITTED;
    pthread_mutex_lock(&l->lock);
    struct source *set = set_of(l, &source);
    struct source *s = find(set, &source);
    if (s == NULL)
        s = settle(l, set, &source, now_ms);
    else
        refill(l, s, now_ms);
    if (s == NULL || l->half_open >= l->limits.half_open)
        admission = WGE_REFUSED_HALF_OPEN;
    else if (s->connections >= l->limits.unauthenticated)
        admission = WGE_REFUSED_SOURCE_CONNECTIONS;
    else if (s->tokens < WHOLE)
        admission = WGE_REFUSED_SOURCE_RATE;
    if (admission == WGE_ADMITTED) {
        s->tokens -= WHOLE;
        s->connections++;
        l->half_open++;
    }
    pthread_mutex_unlock(&l->lock);
    return admission;
}

void wge_limiter_leave(struct wge_limiter *l, const struct wge_address *peer)
{
    const struct wge_address source = wge_address_source(peer);
    pthread_mutex_lock(&l->lock);
    struct source *s = find(set_of(l, &source), &source);
    if (s != NULL && s->connections > 0 && l->half_open > 0) {
        s->connections--;
        l->half_open--;
    }
    pthread_mutex_unlock(&l->lock);
}

uint32_t wge_limiter_half_open(struct wge_limiter *l)
{
    pthread_mutex_lock(&l->lock);
    uint32_t count = l->half_open;
    pthread_mutex_unlock(&l->lock);
    return count;
}
