/* SPDX-License-Identifier: GPL-3.0-or-later */
/* own_key.h - makes a private key for what the gateway itself says: ECDSA on P-384 (FIPS 186-5), by the module. Knows
 * files no more than private_key.c: it writes PEM into a descriptor. What the key is for is the caller's. */
#ifndef WGE_OWN_KEY_H
#define WGE_OWN_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "locked_memory.h"
#include "result.h"

#define WGE_OWN_KEY_SPKI_MAX 256

/* Writes "EC PRIVATE KEY" (RFC 5915) and gives the SubjectPublicKeyInfo (DER). `*why` is a sentence whenever the result
 * is not OK; then what was written is no key. keyd proves the pair when it loads it. */
enum wge_result wge_own_key_make(int fd, struct wge_lock_duty *duty, uint8_t spki[WGE_OWN_KEY_SPKI_MAX],
                                 size_t *spki_length, const char **why);

#endif
