/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connection_table.h - a thread's connections: by id, and by deadline. Every deadline class has one duration, so its
 * queue is in order without sorting. An id is never used twice while somebody may still remember it. */
#ifndef WGE_CONNECTION_TABLE_H
#define WGE_CONNECTION_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "connection.h"

#define WGE_TABLE_MAX 65536

enum wge_deadline {
    WGE_DEADLINE_HANDSHAKE = 0,
    WGE_DEADLINE_LOGIN,
    WGE_DEADLINE_CLOSING,
    WGE_DEADLINE_CLASSES,
    WGE_DEADLINE_NONE = WGE_DEADLINE_CLASSES,
};

#define WGE_PLACE_NONE UINT32_MAX

struct wge_place {
    struct wge_connection *connection; /* NULL: free */
    uint32_t generation;
    uint32_t interest; /* what epoll has been told */
    enum wge_deadline deadline;
    uint64_t due_ms;
    uint32_t before, after; /* in the queue of its deadline; `after` also links free places */
};

struct wge_table {
    unsigned index; /* of the thread */
    struct wge_place *places;
    uint32_t count, capacity, free;
    uint32_t first[WGE_DEADLINE_CLASSES], last[WGE_DEADLINE_CLASSES];
    uint32_t duration_ms[WGE_DEADLINE_CLASSES];
};

void wge_table_open(struct wge_table *t, unsigned index, uint32_t handshake_ms, uint32_t login_ms, uint32_t closing_ms);
void wge_table_close(struct wge_table *t); /* frees all connections */

/* A free place and the id of what will be there; NULL when the table is full. wge_table_remove gives it back. */
struct wge_place *wge_table_add(struct wge_table *t, uint64_t *id);
struct wge_place *wge_table_find(struct wge_table *t, uint64_t id);
void wge_table_remove(struct wge_table *t, struct wge_place *place);

/* Restarts the clock when the class changes. */
void wge_table_set_deadline(struct wge_table *t, struct wge_place *place, enum wge_deadline deadline, uint64_t now_ms);
/* Somebody whose time is over, or NULL. */
struct wge_place *wge_table_expired(struct wge_table *t, uint64_t now_ms);
/* Milliseconds until the next deadline, at most `most`. */
int wge_table_patience(const struct wge_table *t, uint64_t now_ms, int most);

#endif
