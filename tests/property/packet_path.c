/* SPDX-License-Identifier: GPL-3.0-or-later */
/* packet_path.c - one door for test_packet_path.py into coalesce.c and segment.c: packets in, joined, cut, packets out. */
#include <stdlib.h>
#include <string.h>

#include "coalesce.h"
#include "segment.h"

int round_trip(const uint8_t *in, size_t in_length, uint8_t *out, size_t out_capacity, size_t *out_length);

static bool put(uint8_t *out, size_t capacity, size_t *at, const uint8_t *packet, size_t length)
{
    if (capacity - *at < length + 2)
        return false;
    out[*at] = (uint8_t)(length >> 8);
    out[*at + 1] = (uint8_t)length;
    memcpy(out + *at + 2, packet, length);
    *at += length + 2;
    return true;
}

static bool cut(struct wge_coalescer *c, size_t group, uint8_t *out, size_t capacity, size_t *at)
{
    static uint8_t written[WGE_VNET_HEADER + 65535];
    struct iovec parts[WGE_COALESCE_IOVECS];
    size_t length = 0;
    size_t count = wge_coalesce_gather(c, group, parts);
    for (size_t i = 0; i < count; i++) {
        memcpy(written + length, parts[i].iov_base, parts[i].iov_len);
        length += parts[i].iov_len;
    }
    struct wge_segmenter segmenter;
    if (!wge_segment_begin(&segmenter, written, length))
        return false;
    uint8_t *packet;
    while (wge_segment_next(&segmenter, &packet, &length))
        if (!put(out, capacity, at, packet, length))
            return false;
    return true;
}

/* Packets stand behind two bytes of length each, on both sides. Returns the number of writes that the TUN would have seen,
 * or -1 if a packet does not parse or a super-packet does not cut. */
int round_trip(const uint8_t *in, size_t in_length, uint8_t *out, size_t out_capacity, size_t *out_length)
{
    static struct wge_coalescer coalescer;
    wge_coalesce_init(&coalescer, true, true);
    *out_length = 0;
    for (size_t at = 0; at < in_length;) {
        size_t length = (size_t)in[at] << 8 | in[at + 1];
        struct wge_inner inner;
        if (wge_coalesce_full(&coalescer) || !wge_inner_parse(in + at + 2, length, &inner))
            return -1;
        wge_coalesce_add(&coalescer, &inner);
        at += length + 2;
    }
    for (size_t group = 0; group < coalescer.group_count; group++)
        if (!cut(&coalescer, group, out, out_capacity, out_length))
            return -1;
    return coalescer.group_count;
}
