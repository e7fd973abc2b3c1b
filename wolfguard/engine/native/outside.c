/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outside.c - the sockets and what belongs to them; see outside.h. */
#include "outside.h"

#include <assert.h>
#include <errno.h>

#include "front.h"
#include "outside_boxes.h"

static_assert(WGE_OUTSIDE_SOCKETS >= WGE_LISTENERS_MAX, "each listener address may have its UDP socket");
static_assert(WGE_OUTSIDE_SOCKETS <= UINT8_MAX + 1, "a path has one byte for the socket");

static enum wge_result add_socket(struct wge_outside *o, int fd)
{
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0)
        return WGE_SYSTEM_ERROR;
    if (bound.ss_family != AF_INET && bound.ss_family != AF_INET6) {
        errno = EAFNOSUPPORT;
        return WGE_SYSTEM_ERROR;
    }
    o->sockets[o->socket_count++] = (struct wge_outside_socket){.fd = fd, .family = bound.ss_family};
    return WGE_OK;
}

enum wge_result wge_outside_open(struct wge_outside *o, const int *sockets, size_t count, struct wge_tally *tally)
{
    o->socket_count = 0;
    o->tally = tally;
    o->inbox = NULL;
    o->outbox = NULL;
    atomic_init(&o->gso, WGE_OFFLOAD_UNASKED);
    atomic_init(&o->gro, WGE_OFFLOAD_UNASKED);
    if (count > WGE_OUTSIDE_SOCKETS)
        return WGE_INVALID;
    for (size_t i = 0; i < count; i++)
        if (add_socket(o, sockets[i]) != WGE_OK)
            return WGE_SYSTEM_ERROR;
    o->inbox = wge_outside_inbox_create();
    o->outbox = wge_outside_outbox_create();
    if (o->inbox == NULL || o->outbox == NULL) {
        wge_outside_close(o);
        return WGE_NO_MEMORY;
    }
    return WGE_OK;
}

void wge_outside_close(struct wge_outside *o)
{
    wge_outside_inbox_free(o->inbox);
    wge_outside_outbox_free(o->outbox);
    o->inbox = NULL;
    o->outbox = NULL;
}
