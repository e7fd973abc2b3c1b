/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Against a list that is searched from end to end. */
#include "route_table.h"

#include "check.h"
#include "packets.h"

#define PLAIN_MAX 3000

struct plain_route {
    uint8_t address[16], version, prefix;
    int *target;
};

static struct plain_route plain[PLAIN_MAX];
static size_t plain_count;
static int targets[65]; /* the last owns nothing */

static bool covers(const struct plain_route *r, uint8_t version, const uint8_t *address)
{
    if (r->version != version)
        return false;
    for (unsigned bit = 0; bit < r->prefix; bit++)
        if (((r->address[bit / 8] ^ address[bit / 8]) >> (7 - bit % 8) & 1) != 0)
            return false;
    return true;
}

static struct plain_route *same_route(uint8_t version, const uint8_t *address, uint8_t prefix)
{
    for (size_t i = 0; i < plain_count; i++)
        if (plain[i].prefix == prefix && covers(&plain[i], version, address))
            return &plain[i];
    return NULL;
}

static int *longest(uint8_t version, const uint8_t *address)
{
    const struct plain_route *best = NULL;
    for (size_t i = 0; i < plain_count; i++)
        if (covers(&plain[i], version, address) && (best == NULL || plain[i].prefix > best->prefix))
            best = &plain[i];
    return best == NULL ? NULL : best->target;
}

/* Few distinct addresses, so that routes meet. */
static void draw_address(struct sequence *s, uint8_t address[16])
{
    memset(address, 0, 16);
    for (size_t i = 0; i < 16; i++)
        address[i] = (uint8_t)(below(s, 6) == 0 ? below(s, 4) : 0);
    address[3] = (uint8_t)draw(s);
}

static void random_changes(struct sequence *s)
{
    struct wge_route_table *t;
    CHECK(wge_routes_create(&t) == WGE_OK);
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t address[16];
        uint8_t version = below(s, 2) ? 4 : 6;
        uint8_t prefix = (uint8_t)(below(s, 2) ? (version == 4 ? 32 : 128) : below(s, version == 4 ? 33 : 129));
        int *target = &targets[below(s, 64)];
        draw_address(s, address);
        struct plain_route *known = same_route(version, address, prefix);
        if (below(s, 5) < 2 && plain_count < PLAIN_MAX) {
            CHECK(wge_routes_add(t, version, address, prefix, target) == WGE_OK);
            if (known == NULL) {
                known = &plain[plain_count++];
                memcpy(known->address, address, 16);
                known->version = version;
                known->prefix = prefix;
            }
            known->target = target;
        } else if (below(s, 3) < 2 && plain_count > 0) {
            struct plain_route gone = known != NULL ? *known : plain[below(s, (uint32_t)plain_count)];
            bool owner = below(s, 4) != 0;
            wge_routes_remove(t, gone.version, gone.address, gone.prefix, owner ? gone.target : &targets[64]);
            if (owner) {
                struct plain_route *place = same_route(gone.version, gone.address, gone.prefix);
                *place = plain[--plain_count];
            }
        }
        draw_address(s, address);
        CHECK(wge_routes_find(t, version, address) == longest(version, address));
        CHECK(wge_routes_count(t) == plain_count);
    }
    wge_routes_free(t);
}

static void many_leases(void)
{
    struct wge_route_table *t;
    CHECK(wge_routes_create(&t) == WGE_OK);
    for (uint32_t i = 0; i < 20000; i++) {
        uint8_t address[16] = {10};
        put32(address, 0x0a000000u + i);
        CHECK(wge_routes_add(t, 4, address, 32, &targets[i % 64]) == WGE_OK);
    }
    for (uint32_t i = 0; i < 20000; i += 2) {
        uint8_t address[16];
        put32(address, 0x0a000000u + i);
        wge_routes_remove(t, 4, address, 32, &targets[i % 64]);
    }
    for (uint32_t i = 0; i < 20001; i++) {
        uint8_t address[16];
        put32(address, 0x0a000000u + i);
        CHECK(wge_routes_find(t, 4, address) == (i % 2 == 1 && i < 20000 ? &targets[i % 64] : NULL));
    }
    wge_routes_free(t);
}

static void nonsense_is_refused(void)
{
    struct wge_route_table *t;
    const uint8_t address[16] = {0};
    CHECK(wge_routes_create(&t) == WGE_OK);
    CHECK(wge_routes_add(t, 4, address, 33, &targets[0]) == WGE_INVALID);
    CHECK(wge_routes_add(t, 6, address, 129, &targets[0]) == WGE_INVALID);
    CHECK(wge_routes_add(t, 5, address, 1, &targets[0]) == WGE_INVALID);
    CHECK(wge_routes_add(t, 4, address, 1, NULL) == WGE_INVALID);
    wge_routes_remove(t, 4, address, 200, &targets[0]);
    wge_routes_remove(t, 4, address, 32, &targets[0]);
    CHECK(wge_routes_count(t) == 0 && wge_routes_find(t, 4, address) == NULL);
    wge_routes_free(t);
    wge_routes_free(NULL);
}

int main(void)
{
    struct sequence s = {0x5eed};
    random_changes(&s);
    many_leases();
    nonsense_is_refused();
    return 0;
}
