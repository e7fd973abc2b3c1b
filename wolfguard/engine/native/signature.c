/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "signature.h"

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>

#include "digest.h"

#define SPKI_MAX 256
#define SIGNATURE_MAX 128 /* two numbers of 384 bits in DER take 104 bytes */

static enum wge_result verify(ecc_key *key, const uint8_t *spki, size_t spki_length, const uint8_t *digest,
                              const uint8_t *signature, size_t signature_length)
{
    word32 at = 0;
    int good = 0;
    if (wc_EccPublicKeyDecode(spki, &at, key, (word32)spki_length) != 0 || at != spki_length ||
        wc_ecc_get_curve_id(key->idx) != ECC_SECP384R1 || wc_ecc_check_key(key) != 0)
        return WGE_INVALID;
    if (wc_ecc_verify_hash(signature, (word32)signature_length, digest, (word32)wge_hash_length(WGE_HASH_SHA384), &good,
                           key) != 0)
        return WGE_INVALID;
    return good == 1 ? WGE_OK : WGE_INVALID;
}

enum wge_result wge_verify_p384(const uint8_t *spki, size_t spki_length, const uint8_t *data, size_t length,
                                const uint8_t *signature, size_t signature_length)
{
    uint8_t digest[WGE_DIGEST_MAX];
    ecc_key key;
    if (spki_length == 0 || spki_length > SPKI_MAX || signature_length == 0 || signature_length > SIGNATURE_MAX)
        return WGE_INVALID;
    if (wge_digest(WGE_HASH_SHA384, data, length, digest) != WGE_OK || wc_ecc_init(&key) != 0)
        return WGE_SYSTEM_ERROR;
    const enum wge_result result = verify(&key, spki, spki_length, digest, signature, signature_length);
    (void)wc_ecc_free(&key);
    return result;
}
