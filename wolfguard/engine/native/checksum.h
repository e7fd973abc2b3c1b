/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checksum.h - the Internet checksum (RFC 1071, 1624). Sums are kept in memory order: 16-bit words as they lie in the
 * packet, whatever the machine's byte order, so that nothing is swapped per word. Values from the program enter with
 * htons(). A sum is unfolded and may be carried on from part to part, if each part but the last has an even length. */
#ifndef WGE_CHECKSUM_H
#define WGE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t wge_sum(const uint8_t *data, size_t length, uint64_t sum);
uint16_t wge_sum_fold(uint64_t sum); /* not complemented */

/* Pseudo headers (RFC 793, RFC 8200 section 8.1); `length` is that of the upper layer's header and payload. */
uint64_t wge_sum_pseudo(uint8_t version, const uint8_t *source, const uint8_t *destination, uint8_t protocol,
                        size_t length);

/* What stands in a checksum field after one 16-bit word of what it covers changes (RFC 1624 equation 3). */
uint16_t wge_checksum_replaced(uint16_t checksum, uint16_t before, uint16_t after);

/* Finishes a partial checksum (VIRTIO_NET_HDR_F_NEEDS_CSUM): the field at start + offset holds the pseudo header's sum.
 * False if the field does not lie in the packet. */
bool wge_checksum_finish(uint8_t *packet, size_t length, size_t start, size_t offset);

#endif
