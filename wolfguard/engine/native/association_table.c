/* SPDX-License-Identifier: GPL-3.0-or-later */
/* association_table.c - two chained hash tables over the same associations. Hashes are keyed, since strangers choose
 * addresses and ports. */
#include "association_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "association.h"

#define BUCKET_BITS 13
#define BUCKETS (1u << BUCKET_BITS)

struct wge_association_table {
    uint64_t secret;
    struct wge_association *by_path[BUCKETS];
    struct wge_association *by_address[BUCKETS];
};

enum wge_result wge_associations_create(struct wge_association_table **out)
{
    struct wge_association_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return WGE_NO_MEMORY;
    if (getrandom(&t->secret, sizeof t->secret, 0) != sizeof t->secret) {
        free(t);
        return WGE_SYSTEM_ERROR;
    }
    *out = t;
    return WGE_OK;
}

void wge_associations_free(struct wge_association_table *t)
{
    free(t);
}

static size_t path_bucket(const struct wge_association_table *t, const struct wge_path *path)
{
    return wge_path_hash(path, t->secret) >> (64 - BUCKET_BITS);
}

static size_t address_bucket(const struct wge_association_table *t, const struct wge_path *path)
{
    struct wge_path portless = *path;
    portless.peer.port = 0;
    return path_bucket(t, &portless);
}

void wge_associations_add(struct wge_association_table *t, struct wge_association *a)
{
    struct wge_association **bucket = &t->by_path[path_bucket(t, &a->way.path)];
    a->next_on_path = *bucket;
    *bucket = a;
    bucket = &t->by_address[address_bucket(t, &a->way.path)];
    a->next_at_address = *bucket;
    *bucket = a;
}

void wge_associations_remove(struct wge_association_table *t, struct wge_association *a)
{
    struct wge_association **link = &t->by_path[path_bucket(t, &a->way.path)];
    while (*link != NULL && *link != a)
        link = &(*link)->next_on_path;
    if (*link == NULL)
        return;
    *link = a->next_on_path;
    link = &t->by_address[address_bucket(t, &a->way.path)];
    while (*link != a)
        link = &(*link)->next_at_address;
    *link = a->next_at_address;
}

struct wge_association *wge_associations_find(const struct wge_association_table *t, const struct wge_path *path)
{
    struct wge_association *a = t->by_path[path_bucket(t, path)];
    while (a != NULL && !wge_path_equal(&a->way.path, path))
        a = a->next_on_path;
    return a;
}

size_t wge_associations_at(const struct wge_association_table *t, const struct wge_path *path,
                           struct wge_association **out, size_t most)
{
    size_t count = 0;
    struct wge_association *a = t->by_address[address_bucket(t, path)];
    for (; a != NULL && count <= most; a = a->next_at_address) {
        struct wge_path same_port = a->way.path;
        same_port.peer.port = path->peer.port;
        if (!wge_path_equal(&same_port, path))
            continue;
        if (count < most)
            out[count] = a;
        count++;
    }
    return count;
}
