/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sign_request.h - judges the form of one packet from a worker before a key is touched: sizes, reserved field, scheme,
 * hash, digest length, DigestInfo. Pure: bytes in, verdict out. Permissions, rates and keys are the server's business. */
#ifndef WGE_SIGN_REQUEST_H
#define WGE_SIGN_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "sign_wire.h"

/* Copies the packet into `*out` (unused data bytes zero) and answers OK or MALFORMED. `out->id` holds the
 * packet's id whenever its head was whole, else 0, so that a refusal can be addressed. */
enum wge_sign_status wge_sign_request_parse(struct wge_sign_request *out, const uint8_t *packet, size_t length);

/* Bytes of a digest; 0 for an unknown hash. */
size_t wge_sign_digest_length(uint8_t hash);

#endif
