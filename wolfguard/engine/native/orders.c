/* SPDX-License-Identifier: GPL-3.0-or-later */
/* orders.c - a linked list under a lock. Its producer is this process's own Python, so it needs no bound of its own:
 * what Python may have outstanding for a peer is bounded where it is written (connection.c). */
#include "orders.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum wge_result wge_orders_open(struct wge_orders *q)
{
    q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (q->fd < 0)
        return WGE_SYSTEM_ERROR;
    pthread_mutex_init(&q->lock, NULL);
    q->first = NULL;
    q->last = &q->first;
    return WGE_OK;
}

void wge_orders_close(struct wge_orders *q)
{
    struct wge_order *next, *order = wge_orders_take(q);
    for (; order != NULL; order = next) {
        next = order->next;
        wge_order_free(order);
    }
    pthread_mutex_destroy(&q->lock);
    close(q->fd);
}

void wge_orders_ring(struct wge_orders *q)
{
    const uint64_t one = 1;
    ssize_t ignored = write(q->fd, &one, sizeof(one)); /* fails only when the thread is awake anyway */
    (void)ignored;
}

void wge_orders_put(struct wge_orders *q, struct wge_order *order)
{
    pthread_mutex_lock(&q->lock);
    bool was_empty = q->first == NULL;
    order->next = NULL;
    *q->last = order;
    q->last = &order->next;
    pthread_mutex_unlock(&q->lock);
    if (was_empty)
        wge_orders_ring(q);
}

struct wge_order *wge_orders_take(struct wge_orders *q)
{
    uint64_t rung;
    ssize_t ignored = read(q->fd, &rung, sizeof(rung));
    (void)ignored;
    pthread_mutex_lock(&q->lock);
    struct wge_order *first = q->first;
    q->first = NULL;
    q->last = &q->first;
    pthread_mutex_unlock(&q->lock);
    return first;
}

struct wge_order *wge_order_create(enum wge_order_kind kind, uint64_t connection, const uint8_t *data, size_t length,
                                   bool close, const struct wge_tunnel_params *params)
{
    struct wge_order *order = calloc(1, sizeof(*order) + length);
    if (order == NULL)
        return NULL;
    if (params != NULL) {
        order->params = malloc(sizeof(*params));
        if (order->params == NULL) {
            free(order);
            return NULL;
        }
        *order->params = *params;
    }
    order->kind = kind;
    order->connection = connection;
    order->close = close;
    order->length = length;
    if (length > 0)
        memcpy(order->data, data, length);
    return order;
}

void wge_order_free(struct wge_order *order)
{
    if (order == NULL)
        return;
    explicit_bzero(order->data, order->length);
    free(order->params);
    free(order);
}
