/* SPDX-License-Identifier: GPL-3.0-or-later */
/* segment.h - cuts a packet read from the TUN, which may be a super-packet of up to 64 KiB, into the packets that a
 * client gets. Works in place: the headers of a segment are written over the end of the segment before it, which has
 * been encrypted by then. Hence no allocation and no copy of payload. */
#ifndef WGE_SEGMENT_H
#define WGE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inner.h"
#include "vnet.h"

#define WGE_SEGMENT_HEAD_MAX 192 /* IP with extensions + TCP with options; longer ones are refused */

struct wge_segmenter {
    struct wge_inner inner; /* of the super-packet; source and destination stay valid to the end */
    uint8_t *packet;
    size_t payload_at; /* offset of the next segment's payload */
    size_t gso_size;   /* 0: a single packet */
    size_t largest;    /* length of the longest packet that comes out */
    bool done;
    uint8_t upper; /* protocol above IP when cutting */
    uint16_t head_length;
    uint16_t index;     /* segments given so far */
    uint64_t ip_sum;    /* IPv4 header without total length, identification and checksum */
    uint64_t upper_sum; /* pseudo header and upper header without what changes */
    uint8_t head[WGE_SEGMENT_HEAD_MAX];
};

/* `buffer` is what a read of the TUN gave: vnet header, packet. It belongs to the segmenter until the last
 * wge_segment_next(). False: the headers are absurd, nothing was changed. */
bool wge_segment_begin(struct wge_segmenter *s, uint8_t *buffer, size_t length);

/* The next packet. At least WGE_VNET_HEADER bytes in front of it may be overwritten by the caller; the packet given
 * before is gone. False: that was all. */
bool wge_segment_next(struct wge_segmenter *s, uint8_t **packet, size_t *length);

#endif
