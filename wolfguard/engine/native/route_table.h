/* SPDX-License-Identifier: GPL-3.0-or-later */
/* route_table.h - which tunnel leads to an inside destination. One bounded hash table holds hosts and prefixes of both
 * families; a look-up tries only the prefix lengths in use, longest first, so leases alone cost one probe.
 * Single-threaded. What a route leads to is opaque here. */
#ifndef WGE_ROUTE_TABLE_H
#define WGE_ROUTE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "result.h"

#define WGE_ROUTES_MAX (1u << 19)

struct wge_route_table;

enum wge_result wge_routes_create(struct wge_route_table **out);
void wge_routes_free(struct wge_route_table *t);

/* `version` 4 or 6; bits of `address` past `prefix` are ignored. An existing route of the same prefix is taken over:
 * the newest owner has it. NO_MEMORY: the table is at its bound. INVALID: no such family or prefix. */
enum wge_result wge_routes_add(struct wge_route_table *t, uint8_t version, const uint8_t *address, uint8_t prefix,
                               void *target);

/* Removes the route if it still leads to `target`. */
void wge_routes_remove(struct wge_route_table *t, uint8_t version, const uint8_t *address, uint8_t prefix,
                       const void *target);

/* NULL: nobody. */
void *wge_routes_find(const struct wge_route_table *t, uint8_t version, const uint8_t *address);

size_t wge_routes_count(const struct wge_route_table *t);

#endif
