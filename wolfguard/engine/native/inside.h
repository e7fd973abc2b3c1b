/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inside.h - the TUN device of a worker: one read gives one (super-)packet; packets for it are gathered in a batch,
 * joined where the rules allow, and written together. Knows packets, but neither tunnels nor frames. Owned by the data
 * thread. */
#ifndef WGE_INSIDE_H
#define WGE_INSIDE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coalesce.h"
#include "offload.h"
#include "tally.h"

#define WGE_INSIDE_READ_MAX (WGE_VNET_HEADER + 65535)
/* Decrypted records lie here until the batch is written: more than one read of a socket brings, less than a core's
 * cache. */
#define WGE_INSIDE_ARENA (96 * 1024)
#define WGE_INSIDE_STALE_MAX 500

struct wge_inside {
    int fd; /* -1: none, packets are counted and dropped */
    struct wge_tally *tally;
    size_t used; /* bytes of the arena that hold packets of the batch */
    uint8_t *arena;
    uint8_t *read_buffer;
    _Atomic int tcp, udp; /* enum wge_offload: super-packets of this kind; any thread may read them */
    struct wge_coalescer coalescer;
};

/* Makes the descriptor non-blocking; it stays the caller's. */
enum wge_result wge_inside_open(struct wge_inside *in, int tun, struct wge_tally *tally);
void wge_inside_close(struct wge_inside *in);

/* Throws away what was queued for the owner before. */
void wge_inside_drain(struct wge_inside *in);

/* WGE_OK: *buffer holds *length bytes, vnet header first, until the next call. WANT_READ: nothing there. SYSTEM_ERROR:
 * the device is gone. */
enum wge_result wge_inside_read(struct wge_inside *in, uint8_t **buffer, size_t *length);

/* Room for one record of WGE_RECORD_PLAIN_MAX bytes; writes the batch first where the arena or the list is full. */
uint8_t *wge_inside_slot(struct wge_inside *in);

/* The packet lies in the slot given last and joins the batch. Its memory is the batch's now. */
void wge_inside_add(struct wge_inside *in, const struct wge_inner *inner);

/* Writes the batch. */
void wge_inside_flush(struct wge_inside *in);

#endif
