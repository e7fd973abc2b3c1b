/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inner.h - what is inside the tunnel: a strict look at IPv4 (RFC 791) and IPv6 (RFC 8200) packets, and the check that
 * a client speaks with its own addresses only. Pure; the packet is never changed. */
#ifndef WGE_INNER_H
#define WGE_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data.h"

#define WGE_INNER_EXTENSIONS_MAX 8    /* headers between IPv6 and the upper layer */
#define WGE_INNER_EXTENSION_BYTES 512 /* ... and their bytes: no honest chain comes near */

enum {
    WGE_PROTOCOL_TCP = 6,
    WGE_PROTOCOL_UDP = 17,
};

struct wge_inner {
    const uint8_t *packet;
    const uint8_t *source, *destination; /* 4 or 16 bytes, unaligned */
    size_t length;                       /* of the packet, equal to what its header says */
    uint16_t header_length;              /* IP header with options or extension headers */
    uint8_t version;                     /* 4 or 6 */
    uint8_t protocol;                    /* of what follows header_length */
    bool fragment;                       /* more fragments, or an offset */
    bool plain;                          /* no options, no extension headers */
};

/* False unless version, header lengths, total length and the chain of extension headers are all consistent. The IPv4
 * header checksum is not looked at: the kernel does it on arrival. Routing headers of type 0 are refused (RFC 5095). */
bool wge_inner_parse(const uint8_t *packet, size_t length, struct wge_inner *out);

/* True if the source is the tunnel's lease or lies in one of its networks. Sources that can never be a client's
 * (unspecified, loopback, multicast, broadcast, IPv6 link-local) are refused whatever the networks say. */
bool wge_inner_source_allowed(const struct wge_inner *inner, const struct wge_tunnel_params *tunnel);

#endif
