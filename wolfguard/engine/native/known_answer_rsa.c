/* SPDX-License-Identifier: GPL-3.0-or-later */
/* known_answer_rsa.c - RSA signatures: PKCS #1 v1.5, which is deterministic, and PSS. */
#include <wolfssl/options.h>

#include "known_answer.h"

#include <string.h>

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "digest.h"
#include "random.h"

#define MODULUS_MAX 512
#define DIGEST_INFO_MAX (WGE_DIGEST_MAX + 32)

struct digest {
    uint8_t value[WGE_DIGEST_MAX];
    size_t length;
    uint8_t info[DIGEST_INFO_MAX]; /* DigestInfo of PKCS #1 v1.5 */
    size_t info_length;
};

static bool digest_of(struct digest *digest, struct wge_octets message, int variant)
{
    const enum wge_hash hash = variant == WC_HASH_TYPE_SHA256 ? WGE_HASH_SHA256 : WGE_HASH_SHA384;
    digest->length = wge_hash_length(hash);
    if (wge_digest(hash, message.data, message.length, digest->value) != WGE_OK)
        return false;
    digest->info_length = wc_EncodeSignature(digest->info, digest->value, (word32)digest->length,
                                             variant == WC_HASH_TYPE_SHA256 ? SHA256h : SHA384h);
    return digest->info_length > 0;
}

static bool verifies_pkcs1(RsaKey *key, struct wge_octets signature, const uint8_t *info, size_t length)
{
    uint8_t recovered[MODULUS_MAX];
    const int got = wc_RsaSSL_Verify(signature.data, (word32)signature.length, recovered, sizeof recovered, key);
    return got > 0 && (size_t)got == length && memcmp(recovered, info, length) == 0;
}

static bool verifies_pss(RsaKey *key, struct wge_octets signature, const struct digest *digest, int variant)
{
    uint8_t recovered[MODULUS_MAX];
    return wc_RsaPSS_VerifyCheck(signature.data, (word32)signature.length, recovered, sizeof recovered, digest->value,
                                 (word32)digest->length, variant,
                                 variant == WC_HASH_TYPE_SHA256 ? WC_MGF1SHA256 : WC_MGF1SHA384, key) > 0;
}

static bool verify(const struct wge_octets *field, int variant, bool pss)
{
    RsaKey key;
    struct digest digest, other;
    if (field[RSA_MODULUS].length > MODULUS_MAX || !digest_of(&digest, field[RSA_MESSAGE], variant) ||
        wc_InitRsaKey(&key, NULL) != 0)
        return false;
    other = digest;
    other.value[0] ^= 1;
    other.info[other.info_length - 1] ^= 1;
    const struct wge_octets signature = field[RSA_SIGNATURE];
    bool good = wc_RsaPublicKeyDecodeRaw(field[RSA_MODULUS].data, (word32)field[RSA_MODULUS].length,
                                         field[RSA_EXPONENT].data, (word32)field[RSA_EXPONENT].length, &key) == 0;
    if (pss)
        good =
            good && verifies_pss(&key, signature, &digest, variant) && !verifies_pss(&key, signature, &other, variant);
    else
        good = good && verifies_pkcs1(&key, signature, digest.info, digest.info_length) &&
               !verifies_pkcs1(&key, signature, other.info, other.info_length);
    wc_FreeRsaKey(&key);
    return good;
}

bool wge_answer_rsa_pkcs1(const struct wge_octets *field, int variant)
{
    return verify(field, variant, false);
}

bool wge_answer_rsa_pss(const struct wge_octets *field, int variant)
{
    return verify(field, variant, true);
}

static bool signs(RsaKey *key, WC_RNG *generator, const struct wge_octets *field, int variant)
{
    uint8_t signature[MODULUS_MAX];
    struct digest digest;
    if (!digest_of(&digest, field[RSA_SIGN_MESSAGE], variant) || wc_RsaSetRNG(key, generator) != 0)
        return false;
    int length = wc_RsaSSL_Sign(digest.info, (word32)digest.info_length, signature, sizeof signature, key, generator);
    if (length <= 0 || !wge_octets_are(field[RSA_SIGN_SIGNATURE], signature, (size_t)length))
        return false;
    /* salted, so that what is known of it is that it verifies */
    length = wc_RsaPSS_Sign(digest.value, (word32)digest.length, signature, sizeof signature, variant, WC_MGF1SHA256,
                            key, generator);
    return length > 0 && verifies_pss(key, (struct wge_octets){signature, (size_t)length}, &digest, variant);
}

bool wge_answer_rsa_sign(const struct wge_octets *field, int variant)
{
    RsaKey key;
    word32 index = 0;
    if (wc_InitRsaKey(&key, NULL) != 0)
        return false;
    struct wge_random *random = wge_random_create();
    const bool good = random != NULL &&
                      wc_RsaPrivateKeyDecode(field[RSA_SIGN_PRIVATE].data, &index, &key,
                                             (word32)field[RSA_SIGN_PRIVATE].length) == 0 &&
                      signs(&key, wge_random_generator(random), field, variant);
    wc_FreeRsaKey(&key);
    wge_random_free(random);
    return good;
}
