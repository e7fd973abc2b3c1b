/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outside_boxes.h - the two halves of struct wge_outside: the inbox (outside_receive.c) and the outbox (outside_send.c)
 * are made and freed by outside.c; nobody else looks inside. */
#ifndef WGE_OUTSIDE_BOXES_H
#define WGE_OUTSIDE_BOXES_H

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "outside.h"

/* Linux 4.18 and 5.0; older headers do not know them. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* NULL: no memory. */
struct wge_outside_inbox *wge_outside_inbox_create(void);
void wge_outside_inbox_free(struct wge_outside_inbox *in); /* NULL is fine */
struct wge_outside_outbox *wge_outside_outbox_create(void);
void wge_outside_outbox_free(struct wge_outside_outbox *out); /* NULL is fine */

/* A store only where something changes: others read the cache line. */
static inline void wge_outside_learn(_Atomic int *offload, enum wge_offload known)
{
    if (atomic_load_explicit(offload, memory_order_relaxed) != (int)known)
        atomic_store_explicit(offload, (int)known, memory_order_relaxed);
}

#endif
