/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnet.h - the 12-byte header in front of every packet of a TUN with IFF_VNET_HDR (virtio specification 5.1.6, native
 * byte order). Defined here since the system headers of older kernels do not know UDP_L4. */
#ifndef WGE_VNET_H
#define WGE_VNET_H

#include <assert.h>
#include <stdint.h>

#define WGE_VNET_HEADER 12

enum {
    WGE_VNET_NEEDS_CHECKSUM = 1, /* flags */

    WGE_VNET_GSO_NONE = 0, /* gso_type */
    WGE_VNET_GSO_TCP4 = 1,
    WGE_VNET_GSO_TCP6 = 4,
    WGE_VNET_GSO_UDP = 5,    /* UDP_L4: datagrams, not fragments; Linux 6.2 and later */
    WGE_VNET_GSO_ECN = 0x80, /* with TCP: the first segment carries CWR */
};

struct wge_vnet {
    uint8_t flags;
    uint8_t gso_type;
    uint16_t header_length;
    uint16_t gso_size;
    uint16_t checksum_start;
    uint16_t checksum_offset;
    uint16_t buffers; /* unused by TUN */
};

static_assert(sizeof(struct wge_vnet) == WGE_VNET_HEADER, "the header has no padding");

#endif
