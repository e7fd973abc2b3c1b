/* SPDX-License-Identifier: GPL-3.0-or-later */
/* coalesce.h - joins consecutive packets of a client's flow into super-packets for the TUN (TCP, and UDP where the
 * kernel takes it), by rules as strict as those of the kernel's own receive offload: what the kernel cuts again later
 * is what the client sent. Order within a flow is kept; all that cannot be joined passes unchanged.
 *
 * Zero copy: a group lists the packets' memory, which must stay untouched until wge_coalesce_clear(). */
#ifndef WGE_COALESCE_H
#define WGE_COALESCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "inner.h"
#include "vnet.h"

#define WGE_COALESCE_PACKETS 256 /* in one batch */
#define WGE_COALESCE_SEGMENTS 64 /* in one super-packet: the kernel's bound for UDP */
#define WGE_COALESCE_FLOWS 16    /* that can grow at the same time */
#define WGE_COALESCE_IOVECS (WGE_COALESCE_SEGMENTS + 1)
#define WGE_COALESCE_HEAD_MAX 112 /* vnet 12 + IPv6 40 + TCP 60 */

struct wge_coalesce_packet {
    const uint8_t *data;
    uint32_t length;
    uint16_t next; /* of the same group; WGE_COALESCE_PACKETS ends it */
};

struct wge_coalesce_group {
    uint32_t payload;     /* bytes of all packets */
    uint32_t sequence;    /* TCP: what the next packet must have */
    uint16_t first, last; /* packets */
    uint16_t count;
    uint16_t segment;        /* payload bytes of each packet but the last */
    uint16_t identification; /* IPv4: of the last packet */
    uint8_t ip_length, upper_length;
    uint8_t protocol; /* 0: passes unchanged */
    uint8_t version;
    uint8_t ending_flags; /* TCP: FIN and PSH of the last packet */
    bool same_identification;
};

struct wge_coalescer {
    bool tcp, udp; /* the TUN takes super-packets of this kind */
    uint16_t packet_count, group_count, flow_count;
    uint16_t flow_groups[WGE_COALESCE_FLOWS];
    uint32_t flow_hashes[WGE_COALESCE_FLOWS];
    struct wge_coalesce_packet packets[WGE_COALESCE_PACKETS];
    struct wge_coalesce_group groups[WGE_COALESCE_PACKETS];
    uint8_t head[WGE_COALESCE_HEAD_MAX];
};

void wge_coalesce_init(struct wge_coalescer *c, bool tcp, bool udp);
void wge_coalesce_clear(struct wge_coalescer *c);
static inline bool wge_coalesce_full(const struct wge_coalescer *c)
{
    return c->packet_count == WGE_COALESCE_PACKETS;
}

/* Adds a parsed packet; the caller has made sure that there is room. */
void wge_coalesce_add(struct wge_coalescer *c, const struct wge_inner *inner);

/* Group 0 .. group_count - 1 as one write for the TUN: vnet header, headers, payloads. Returns the number of parts. The
 * parts are valid until the next call. */
size_t wge_coalesce_gather(struct wge_coalescer *c, size_t group, struct iovec parts[WGE_COALESCE_IOVECS]);

#endif
