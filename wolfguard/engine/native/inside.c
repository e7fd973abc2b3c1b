/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inside.c - see inside.h. A kernel that refuses a kind of super-packet (UDP before Linux 6.2) is asked once: the
 * packets of the refused group go out one by one, and a kind that never worked is not joined again. */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tls.h"

#define ARENA_ALIGN 64

static enum wge_result make_non_blocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return WGE_SYSTEM_ERROR;
    if ((flags & O_NONBLOCK) == 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return WGE_SYSTEM_ERROR;
    return WGE_OK;
}

enum wge_result wge_inside_open(struct wge_inside *in, int tun, struct wge_tally *tally)
{
    in->fd = tun;
    in->tally = tally;
    in->used = 0;
    in->arena = NULL;
    in->read_buffer = NULL;
    atomic_init(&in->tcp, WGE_OFFLOAD_UNASKED);
    atomic_init(&in->udp, WGE_OFFLOAD_UNASKED);
    if (tun >= 0 && make_non_blocking(tun) != WGE_OK)
        return WGE_SYSTEM_ERROR;
    in->arena = aligned_alloc(ARENA_ALIGN, WGE_INSIDE_ARENA + WGE_RECORD_PLAIN_MAX);
    in->read_buffer = malloc(WGE_INSIDE_READ_MAX);
    if (in->arena == NULL || in->read_buffer == NULL) {
        wge_inside_close(in);
        return WGE_NO_MEMORY;
    }
    wge_coalesce_init(&in->coalescer, true, true);
    return WGE_OK;
}

void wge_inside_close(struct wge_inside *in)
{
    free(in->arena);
    free(in->read_buffer);
    in->arena = NULL;
    in->read_buffer = NULL;
}

static ssize_t read_one(struct wge_inside *in)
{
    ssize_t got;
    do {
        got = read(in->fd, in->read_buffer, WGE_INSIDE_READ_MAX);
    } while (got < 0 && errno == EINTR);
    return got;
}

void wge_inside_drain(struct wge_inside *in)
{
    for (unsigned i = 0; in->fd >= 0 && i < WGE_INSIDE_STALE_MAX && read_one(in) > 0; i++)
        WGE_TALLY(in->tally, tun_stale_drained);
}

enum wge_result wge_inside_read(struct wge_inside *in, uint8_t **buffer, size_t *length)
{
    ssize_t got = read_one(in);
    if (got > 0) {
        WGE_TALLY(in->tally, tun_reads);
        *buffer = in->read_buffer;
        *length = (size_t)got;
        return WGE_OK;
    }
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? WGE_WANT_READ : WGE_SYSTEM_ERROR;
}

uint8_t *wge_inside_slot(struct wge_inside *in)
{
    if (in->used >= WGE_INSIDE_ARENA || wge_coalesce_full(&in->coalescer))
        wge_inside_flush(in);
    return in->arena + in->used;
}

void wge_inside_add(struct wge_inside *in, const struct wge_inner *inner)
{
    size_t end = (size_t)(inner->packet - in->arena) + inner->length;
    in->used = (end + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    wge_coalesce_add(&in->coalescer, inner);
}

static bool write_parts(struct wge_inside *in, struct iovec *parts, size_t count)
{
    ssize_t wrote;
    do {
        wrote = writev(in->fd, parts, (int)count);
    } while (wrote < 0 && errno == EINTR);
    if (wrote >= 0)
        WGE_TALLY(in->tally, tun_writes);
    return wrote >= 0;
}

/* The packets of a group as they came: their memory is untouched, only the joined headers were built elsewhere. */
static void write_apart(struct wge_inside *in, const struct wge_coalesce_group *group)
{
    static uint8_t no_vnet[WGE_VNET_HEADER];
    for (size_t place = group->first; place != WGE_COALESCE_PACKETS; place = in->coalescer.packets[place].next) {
        const struct wge_coalesce_packet *packet = &in->coalescer.packets[place];
        struct iovec parts[2] = {
            {.iov_base = no_vnet, .iov_len = sizeof no_vnet},
            {.iov_base = (void *)(uintptr_t)packet->data, .iov_len = packet->length},
        };
        if (!write_parts(in, parts, 2))
            WGE_TALLY(in->tally, drop_tun_write);
    }
}

static void write_group(struct wge_inside *in, size_t index)
{
    const struct wge_coalesce_group *group = &in->coalescer.groups[index];
    struct iovec parts[WGE_COALESCE_IOVECS];
    size_t count = wge_coalesce_gather(&in->coalescer, index, parts);
    bool wrote = write_parts(in, parts, count);
    if (wrote && group->count == 1)
        return;
    bool tcp = group->protocol == WGE_PROTOCOL_TCP;
    _Atomic int *offload = tcp ? &in->tcp : &in->udp;
    if (wrote) {
        atomic_store_explicit(offload, WGE_OFFLOAD_ON, memory_order_relaxed);
        return;
    }
    if (errno == EINVAL && group->count > 1) {
        /* A kind that has worked is not given up for one odd packet: a client could send it on purpose. */
        if (atomic_load_explicit(offload, memory_order_relaxed) != WGE_OFFLOAD_ON) {
            *(tcp ? &in->coalescer.tcp : &in->coalescer.udp) = false;
            atomic_store_explicit(offload, WGE_OFFLOAD_REFUSED, memory_order_relaxed);
        }
        write_apart(in, group);
        return;
    }
    WGE_TALLY_BY(in->tally, drop_tun_write, group->count);
}

void wge_inside_flush(struct wge_inside *in)
{
    if (in->fd < 0)
        WGE_TALLY_BY(in->tally, drop_tun_write, in->coalescer.packet_count);
    else
        for (size_t i = 0; i < in->coalescer.group_count; i++)
            write_group(in, i);
    wge_coalesce_clear(&in->coalescer);
    in->used = 0;
}
