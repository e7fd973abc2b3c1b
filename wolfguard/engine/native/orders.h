/* SPDX-License-Identifier: GPL-3.0-or-later */
/* orders.h - the queue of what Python asks of a handshake thread, and the eventfd that wakes the thread. */
#ifndef WGE_ORDERS_H
#define WGE_ORDERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handshake.h"

struct wge_order {
    struct wge_order *next;
    enum wge_order_kind kind;
    bool close;
    uint64_t connection;
    struct wge_tunnel_params *params;
    size_t length;
    uint8_t data[]; /* may be a form or a cookie: wiped when freed */
};

struct wge_orders {
    pthread_mutex_t lock;
    int fd;
    struct wge_order *first, **last;
};

enum wge_result wge_orders_open(struct wge_orders *q);
void wge_orders_close(struct wge_orders *q);
/* Takes the order over. */
void wge_orders_put(struct wge_orders *q, struct wge_order *order);
/* All there are, oldest first, as a list. */
struct wge_order *wge_orders_take(struct wge_orders *q);
void wge_orders_ring(struct wge_orders *q);

struct wge_order *wge_order_create(enum wge_order_kind kind, uint64_t connection, const uint8_t *data, size_t length,
                                   bool close, const struct wge_tunnel_params *params);
void wge_order_free(struct wge_order *order);

#endif
