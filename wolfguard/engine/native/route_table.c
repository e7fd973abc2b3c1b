/* SPDX-License-Identifier: GPL-3.0-or-later */
/* route_table.c - see route_table.h. Open addressing with linear probing, never more than half full; a removal shifts
 * what follows back, so there are no tombstones and probes stay short however often leases come and go. */
#include "route_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 1024u
#define PREFIXES 129

struct route {
    uint8_t address[16]; /* masked; IPv4 in the first four bytes */
    void *target;        /* NULL: free slot */
    uint8_t version;
    uint8_t prefix;
};

/* How many routes have each prefix length, and the lengths in use, longest first. */
struct lengths {
    uint32_t routes[PREFIXES];
    uint8_t in_use[PREFIXES];
    size_t count;
};

struct wge_route_table {
    struct route *slots;
    size_t slot_count; /* a power of two */
    size_t route_count;
    struct lengths ipv4, ipv6;
};

static void mask(uint8_t out[16], uint8_t version, const uint8_t *address, uint8_t prefix)
{
    size_t whole = prefix / 8;
    unsigned rest = prefix % 8;
    memset(out, 0, 16);
    if (whole == (version == 4 ? 4u : 16u)) {
        memcpy(out, address, whole);
        return;
    }
    memcpy(out, address, whole);
    out[whole] = (uint8_t)(address[whole] & (0xff00u >> rest));
}

static size_t hash(const uint8_t masked[16], uint8_t version, uint8_t prefix)
{
    uint64_t high;
    uint64_t low;
    memcpy(&high, masked, 8);
    memcpy(&low, masked + 8, 8);
    uint64_t h = (high ^ ((uint64_t)version << 56 | (uint64_t)prefix << 48)) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32 ^ low) * 0xd6e8feb86659fd93u;
    return (size_t)(h ^ h >> 32);
}

/* The route's slot, or the free slot where it would go. */
static size_t locate(const struct wge_route_table *t, const uint8_t masked[16], uint8_t version, uint8_t prefix)
{
    size_t at = hash(masked, version, prefix) & (t->slot_count - 1);
    for (;; at = (at + 1) & (t->slot_count - 1)) {
        const struct route *r = &t->slots[at];
        if (r->target == NULL || (r->version == version && r->prefix == prefix && memcmp(r->address, masked, 16) == 0))
            return at;
    }
}

static bool valid(uint8_t version, uint8_t prefix)
{
    return (version == 4 && prefix <= 32) || (version == 6 && prefix <= 128);
}

static void length_used(struct lengths *l, uint8_t prefix)
{
    if (l->routes[prefix]++ > 0)
        return;
    size_t at = l->count++;
    for (; at > 0 && l->in_use[at - 1] < prefix; at--)
        l->in_use[at] = l->in_use[at - 1];
    l->in_use[at] = prefix;
}

static void length_unused(struct lengths *l, uint8_t prefix)
{
    if (--l->routes[prefix] > 0)
        return;
    size_t at = 0;
    while (l->in_use[at] != prefix)
        at++;
    l->count--;
    memmove(&l->in_use[at], &l->in_use[at + 1], l->count - at);
}

enum wge_result wge_routes_create(struct wge_route_table **out)
{
    struct wge_route_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return WGE_NO_MEMORY;
    t->slot_count = FIRST_SLOTS;
    t->slots = calloc(t->slot_count, sizeof *t->slots);
    if (t->slots == NULL) {
        free(t);
        return WGE_NO_MEMORY;
    }
    *out = t;
    return WGE_OK;
}

void wge_routes_free(struct wge_route_table *t)
{
    if (t != NULL) {
        free(t->slots);
        free(t);
    }
}

static enum wge_result grow(struct wge_route_table *t)
{
    struct route *before = t->slots;
    size_t slots_before = t->slot_count;
    struct route *slots = calloc(slots_before * 2, sizeof *slots);
    if (slots == NULL)
        return WGE_NO_MEMORY;
    t->slots = slots;
    t->slot_count = slots_before * 2;
    for (size_t i = 0; i < slots_before; i++)
        if (before[i].target != NULL)
            t->slots[locate(t, before[i].address, before[i].version, before[i].prefix)] = before[i];
    free(before);
    return WGE_OK;
}

enum wge_result wge_routes_add(struct wge_route_table *t, uint8_t version, const uint8_t *address, uint8_t prefix,
                               void *target)
{
    if (!valid(version, prefix) || target == NULL)
        return WGE_INVALID;
    uint8_t masked[16];
    mask(masked, version, address, prefix);
    struct route *r = &t->slots[locate(t, masked, version, prefix)];
    if (r->target != NULL) {
        r->target = target;
        return WGE_OK;
    }
    if (t->route_count == WGE_ROUTES_MAX)
        return WGE_NO_MEMORY;
    if ((t->route_count + 1) * 2 > t->slot_count) {
        enum wge_result result = grow(t);
        if (result != WGE_OK)
            return result;
        r = &t->slots[locate(t, masked, version, prefix)];
    }
    memcpy(r->address, masked, sizeof masked);
    r->version = version;
    r->prefix = prefix;
    r->target = target;
    t->route_count++;
    length_used(version == 4 ? &t->ipv4 : &t->ipv6, prefix);
    return WGE_OK;
}

void wge_routes_remove(struct wge_route_table *t, uint8_t version, const uint8_t *address, uint8_t prefix,
                       const void *target)
{
    if (!valid(version, prefix))
        return;
    uint8_t masked[16];
    mask(masked, version, address, prefix);
    size_t hole = locate(t, masked, version, prefix);
    if (t->slots[hole].target == NULL || t->slots[hole].target != target)
        return;
    size_t wrap = t->slot_count - 1;
    for (size_t at = (hole + 1) & wrap; t->slots[at].target != NULL; at = (at + 1) & wrap) {
        const struct route *r = &t->slots[at];
        size_t home = hash(r->address, r->version, r->prefix) & wrap;
        if (((at - home) & wrap) >= ((at - hole) & wrap)) {
            t->slots[hole] = *r;
            hole = at;
        }
    }
    t->slots[hole].target = NULL;
    t->route_count--;
    length_unused(version == 4 ? &t->ipv4 : &t->ipv6, prefix);
}

void *wge_routes_find(const struct wge_route_table *t, uint8_t version, const uint8_t *address)
{
    const struct lengths *l = version == 4 ? &t->ipv4 : &t->ipv6;
    for (size_t i = 0; i < l->count; i++) {
        uint8_t masked[16];
        mask(masked, version, address, l->in_use[i]);
        void *target = t->slots[locate(t, masked, version, l->in_use[i])].target;
        if (target != NULL)
            return target;
    }
    return NULL;
}

size_t wge_routes_count(const struct wge_route_table *t)
{
    return t->route_count;
}
