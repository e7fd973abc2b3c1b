/* SPDX-License-Identifier: GPL-3.0-or-later */
/* signature.h - verifies ECDSA P-384 with SHA-384 (FIPS 186-5), for files that somebody else has signed. */
#ifndef WGE_SIGNATURE_H
#define WGE_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "result.h"

/* `spki` is the public key (SubjectPublicKeyInfo, DER), `signature` is DER. OK: the signature is this key's over `data`.
 * INVALID: it is not, or key or signature are malformed, or the curve is another. SYSTEM_ERROR: the module refused. */
enum wge_result wge_verify_p384(const uint8_t *spki, size_t spki_length, const uint8_t *data, size_t length,
                                const uint8_t *signature, size_t signature_length);

#endif
