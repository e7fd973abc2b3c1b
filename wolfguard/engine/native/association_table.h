/* SPDX-License-Identifier: GPL-3.0-or-later */
/* association_table.h - associations by the path of their datagrams, and by the peer's address alone: where a NAT gives
 * a client another port in mid-session, the few others at its address are asked whose keys fit. Single-threaded. */
#ifndef WGE_ASSOCIATION_TABLE_H
#define WGE_ASSOCIATION_TABLE_H

#include <stddef.h>

#include "path.h"
#include "result.h"

struct wge_association;
struct wge_association_table;

enum wge_result wge_associations_create(struct wge_association_table **out);
void wge_associations_free(struct wge_association_table *t);

/* By its path, which must not change while it is in the table. */
void wge_associations_add(struct wge_association_table *t, struct wge_association *a);
void wge_associations_remove(struct wge_association_table *t, struct wge_association *a);

struct wge_association *wge_associations_find(const struct wge_association_table *t, const struct wge_path *path);

/* Those whose path differs from this one in the peer's port alone; returns how many there are, `most` + 1 meaning more
 * than fit into `out`. */
size_t wge_associations_at(const struct wge_association_table *t, const struct wge_path *path,
                           struct wge_association **out, size_t most);

#endif
