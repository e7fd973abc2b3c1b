/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_association_table.c - against a list that is searched from end to end. */
#include "association_table.h"

#include "association.h"
#include "check.h"
#include "packets.h"

#define COUNT 400
#define MOST 8

static struct wge_association all[COUNT];
static bool inside[COUNT];

/* Few addresses, sockets and ports, so that many meet; no two have all in common. */
static struct wge_path path_of(unsigned number)
{
    struct wge_path path = {.socket = (uint8_t)(number % 2), .interface = number / 2 % 2};
    path.peer.bytes[15] = (uint8_t)(number / 4 % 3);
    path.local.bytes[15] = (uint8_t)(number / 12 % 2);
    path.peer.port = (uint16_t)(1000 + number / 24);
    return path;
}

static bool same_but_port(const struct wge_path *a, const struct wge_path *b)
{
    return a->socket == b->socket && a->interface == b->interface && a->peer.bytes[15] == b->peer.bytes[15] &&
           a->local.bytes[15] == b->local.bytes[15];
}

static void check_all(const struct wge_association_table *t)
{
    struct wge_association *found[MOST + 1] = {0};
    for (unsigned i = 0; i < COUNT; i++) {
        struct wge_path path = path_of(i);
        CHECK(wge_associations_find(t, &path) == (inside[i] ? &all[i] : NULL));
        size_t expected = 0;
        for (unsigned k = 0; k < COUNT; k++)
            expected += inside[k] && same_but_port(&all[k].way.path, &path);
        size_t count = wge_associations_at(t, &path, found, MOST);
        CHECK(count == (expected > MOST ? MOST + 1 : expected) && found[MOST] == NULL);
        for (size_t k = 0; k < count && k < MOST; k++) {
            CHECK(inside[found[k] - all] && same_but_port(&found[k]->way.path, &path));
            for (size_t before = 0; before < k; before++)
                CHECK(found[before] != found[k]);
        }
    }
}

int main(void)
{
    struct sequence s = {0xa550c};
    struct wge_association_table *t;
    CHECK(wge_associations_create(&t) == WGE_OK);
    for (unsigned i = 0; i < COUNT; i++)
        all[i].way.path = path_of(i);
    for (unsigned round = 0; round < 30; round++) {
        for (unsigned i = 0; i < COUNT; i++) {
            unsigned one = below(&s, COUNT);
            if (inside[one])
                wge_associations_remove(t, &all[one]);
            else if (below(&s, 20) <= round % 20)
                wge_associations_add(t, &all[one]);
            else
                continue;
            inside[one] = !inside[one];
        }
        check_all(t);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        wge_associations_remove(t, &all[i]); /* also what is not there, or no longer */
        wge_associations_remove(t, &all[i]);
        inside[i] = false;
    }
    check_all(t);
    wge_associations_free(t);
    return 0;
}
