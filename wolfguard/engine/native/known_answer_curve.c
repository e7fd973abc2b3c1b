/* SPDX-License-Identifier: GPL-3.0-or-later */
/* known_answer_curve.c - ECDSA and ECDH. A signature of the module's own is random, so what is known of it is that it
 * verifies under the public key of the vector, which the private key of the vector must make. */
#include <wolfssl/options.h>

#include "known_answer.h"

#include <string.h>

#include <wolfssl/wolfcrypt/ecc.h>

#include "random.h"

#define SIGNATURE_MAX 160
#define DIGEST_MAX 64
#define SHARED_MAX 66

static bool verifies(ecc_key *key, const uint8_t *signature, size_t length, const uint8_t *digest, size_t digest_length)
{
    int valid = 0;
    return wc_ecc_verify_hash(signature, (word32)length, digest, (word32)digest_length, &valid, key) == 0 && valid == 1;
}

static bool signs(ecc_key *public, const struct wge_octets *field, int curve)
{
    ecc_key key;
    uint8_t signature[SIGNATURE_MAX];
    word32 length = sizeof signature;
    struct wge_random *random = wge_random_create();
    if (random == NULL || wc_ecc_init(&key) != 0) {
        wge_random_free(random);
        return false;
    }
    const struct wge_octets private = field[ECDSA_PRIVATE], digest = field[ECDSA_DIGEST];
    const bool good = wc_ecc_import_private_key_ex(private.data, (word32) private.length, NULL, 0, &key, curve) == 0 &&
                      wc_ecc_sign_hash(digest.data, (word32)digest.length, signature, &length,
                                       wge_random_generator(random), &key) == 0 &&
                      verifies(public, signature, length, digest.data, digest.length);
    wc_ecc_free(&key);
    wge_random_free(random);
    return good;
}

bool wge_answer_ecdsa(const struct wge_octets *field, int curve)
{
    ecc_key key;
    uint8_t other[DIGEST_MAX];
    const struct wge_octets digest = field[ECDSA_DIGEST], signature = field[ECDSA_SIGNATURE];
    if (digest.length == 0 || digest.length > sizeof other || wc_ecc_init(&key) != 0)
        return false;
    memcpy(other, digest.data, digest.length);
    other[0] ^= 1;
    bool good = wc_ecc_import_unsigned(&key, field[ECDSA_X].data, field[ECDSA_Y].data, NULL, curve) == 0 &&
                verifies(&key, signature.data, signature.length, digest.data, digest.length) &&
                !verifies(&key, signature.data, signature.length, other, digest.length);
    if (good && field[ECDSA_PRIVATE].length > 0)
        good = signs(&key, field, curve);
    wc_ecc_free(&key);
    return good;
}

bool wge_answer_ecdh(const struct wge_octets *field, int curve)
{
    ecc_key own, peer;
    uint8_t shared[SHARED_MAX];
    word32 length = sizeof shared;
    if (wc_ecc_init(&own) != 0)
        return false;
    if (wc_ecc_init(&peer) != 0) {
        wc_ecc_free(&own);
        return false;
    }
    struct wge_random *random = wge_random_create(); /* blinds the multiplication */
    const bool good =
        random != NULL &&
        wc_ecc_import_private_key_ex(field[ECDH_PRIVATE].data, (word32)field[ECDH_PRIVATE].length, NULL, 0, &own,
                                     curve) == 0 &&
        wc_ecc_import_x963_ex(field[ECDH_PUBLIC].data, (word32)field[ECDH_PUBLIC].length, &peer, curve) == 0 &&
#ifdef ECC_TIMING_RESISTANT
        wc_ecc_set_rng(&own, wge_random_generator(random)) == 0 &&
#endif
        wc_ecc_shared_secret(&own, &peer, shared, &length) == 0 && wge_octets_are(field[ECDH_SHARED], shared, length);
    wc_ecc_free(&own);
    wc_ecc_free(&peer);
    wge_random_free(random);
    return good;
}
