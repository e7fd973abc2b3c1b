/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spki.h - a SubjectPublicKeyInfo for RSA (RFC 5280 section 4.1, RFC 8017 appendix A.1.1). The module's own writer is
 * only there in builds with key generation, so these few bytes of DER are ours. */
#ifndef WGE_SPKI_H
#define WGE_SPKI_H

#include <stddef.h>
#include <stdint.h>

#define WGE_SPKI_MAX 1152 /* a modulus and an exponent of 4096 bits each */

/* Length of the number without leading zero bits; big-endian bytes. */
unsigned wge_unsigned_bits(const uint8_t *number, size_t length);

/* Writes into `out` (WGE_SPKI_MAX bytes) and returns the length, 0 when it does not fit. */
size_t wge_spki_encode_rsa(uint8_t *out, const uint8_t *modulus, size_t modulus_length, const uint8_t *exponent,
                           size_t exponent_length);

#endif
