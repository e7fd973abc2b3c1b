/* SPDX-License-Identifier: GPL-3.0-or-later */
/* private_key.h - one private key of keyd: read from PEM, checked, kept in locked memory, and able to sign digests.
 * Accepts ECDSA on P-256, P-384, P-521 and RSA of 2048 to 4096 bits (FIPS 186-5); everything else is refused with a
 * sentence. wolfCrypt's key objects may be used by one thread at a time, hence several instances of the same key: a
 * signer borrows one and waits when all are out. Knows nothing of channels, numbers or permissions. */
#ifndef WGE_PRIVATE_KEY_H
#define WGE_PRIVATE_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "locked_memory.h"
#include "random.h"
#include "result.h"
#include "sign_wire.h"

#define WGE_KEY_PEM_MAX 16384
#define WGE_KEY_INSTANCES_MAX 16

enum wge_key_type {
    WGE_KEY_EC = 1,
    WGE_KEY_RSA = 2,
};

struct wge_private_key; /* reference-counted */

/* `*why` is a sentence for the operator whenever the result is not OK. The key starts with one reference. Signs and
 * verifies once before it answers (pairwise consistency), so that a damaged file is found now and not in a handshake. */
enum wge_result wge_private_key_parse(struct wge_private_key **out, const uint8_t *pem, size_t length,
                                      unsigned instances, struct wge_lock_duty *duty, const char **why);
struct wge_private_key *wge_private_key_share(struct wge_private_key *key);
void wge_private_key_release(struct wge_private_key *key); /* the last one wipes; NULL is fine */

enum wge_key_type wge_private_key_type(const struct wge_private_key *key);
unsigned wge_private_key_bits(const struct wge_private_key *key);
/* SubjectPublicKeyInfo (RFC 5280 section 4.1), DER. */
const uint8_t *wge_private_key_spki(const struct wge_private_key *key, size_t *length);

/* Signs a validated request. `signature` holds WGE_SIGN_SIGNATURE_MAX bytes. INVALID: the module refused. */
enum wge_result wge_private_key_sign(struct wge_private_key *key, struct wge_random *random,
                                     enum wge_sign_scheme scheme, enum wge_sign_hash hash, const uint8_t *data,
                                     size_t length, uint8_t *signature, size_t *signature_length);

#endif
