/* SPDX-License-Identifier: GPL-3.0-or-later */
/* known_answer_hash.c - SHA-2, HMAC, PBKDF2, and the derivations of keys that rest on them. */
#include <wolfssl/options.h>

#include "known_answer.h"

#include <stdlib.h>
#include <string.h>

#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/kdf.h>

#include "digest.h"

#define OUTPUT_MAX 256
#define MASTER_SECRET 48

static enum wge_hash hash_of(int variant)
{
    return variant == WC_HASH_TYPE_SHA256   ? WGE_HASH_SHA256
           : variant == WC_HASH_TYPE_SHA384 ? WGE_HASH_SHA384
                                            : WGE_HASH_SHA512;
}

bool wge_answer_sha(const struct wge_octets *field, int variant)
{
    uint8_t digest[WGE_DIGEST_MAX];
    const enum wge_hash hash = hash_of(variant);
    return wge_digest(hash, field[SHA_MESSAGE].data, field[SHA_MESSAGE].length, digest) == WGE_OK &&
           wge_octets_are(field[SHA_DIGEST], digest, wge_hash_length(hash));
}

bool wge_answer_hmac(const struct wge_octets *field, int variant)
{
    uint8_t tag[WGE_DIGEST_MAX];
    const enum wge_hash hash = hash_of(variant);
    return wge_hmac(hash, field[HMAC_KEY].data, field[HMAC_KEY].length, field[HMAC_MESSAGE].data,
                    field[HMAC_MESSAGE].length, tag) == WGE_OK &&
           wge_octets_are(field[HMAC_TAG], tag, wge_hash_length(hash));
}

bool wge_answer_pbkdf2(const struct wge_octets *field, int variant)
{
    (void)variant;
    uint8_t key[OUTPUT_MAX];
    uint32_t iterations = 0;
    for (size_t i = 0; i < field[PBKDF2_ITERATIONS].length; i++)
        iterations = iterations << 8 | field[PBKDF2_ITERATIONS].data[i];
    const size_t length = field[PBKDF2_KEY].length;
    /* a damaged vector must not hold a start up for minutes */
    return length <= sizeof key && iterations <= 100000 &&
           wge_pbkdf2_sha512(field[PBKDF2_PASSWORD].data, field[PBKDF2_PASSWORD].length, field[PBKDF2_SALT].data,
                             field[PBKDF2_SALT].length, iterations, key, length) == WGE_OK &&
           wge_octets_are(field[PBKDF2_KEY], key, length);
}

bool wge_answer_hkdf(const struct wge_octets *field, int variant)
{
    uint8_t okm[OUTPUT_MAX];
    const size_t length = field[HKDF_OKM].length;
    return length <= sizeof okm &&
           wc_HKDF(variant == WC_HASH_TYPE_SHA256 ? WC_SHA256 : WC_SHA384, field[HKDF_IKM].data,
                   (word32)field[HKDF_IKM].length, field[HKDF_SALT].data, (word32)field[HKDF_SALT].length,
                   field[HKDF_INFO].data, (word32)field[HKDF_INFO].length, okm, (word32)length) == 0 &&
           wge_octets_are(field[HKDF_OKM], okm, length);
}

bool wge_answer_tls13_kdf(const struct wge_octets *field, int variant)
{
    static const uint8_t protocol[] = "tls13 ";
    uint8_t ikm[WGE_DIGEST_MAX], secret[WGE_DIGEST_MAX], okm[OUTPUT_MAX];
    const struct wge_octets label = field[TLS13_KDF_LABEL], context = field[TLS13_KDF_CONTEXT];
    const size_t secret_length = field[TLS13_KDF_SECRET].length, length = field[TLS13_KDF_OKM].length;
    const int digest = variant == WC_HASH_TYPE_SHA256 ? WC_SHA256 : WC_SHA384;
    if (field[TLS13_KDF_IKM].length > sizeof ikm || secret_length > sizeof secret || length > sizeof okm)
        return false;
    memcpy(ikm, field[TLS13_KDF_IKM].data, field[TLS13_KDF_IKM].length); /* the function's argument is not const */
    return wc_Tls13_HKDF_Extract(secret, field[TLS13_KDF_SALT].data, (word32)field[TLS13_KDF_SALT].length, ikm,
                                 (word32)field[TLS13_KDF_IKM].length, digest) == 0 &&
           wge_octets_are(field[TLS13_KDF_SECRET], secret, secret_length) &&
           wc_Tls13_HKDF_Expand_Label(okm, (word32)length, secret, (word32)secret_length, protocol, sizeof protocol - 1,
                                      label.data, (word32)label.length, context.data, (word32)context.length,
                                      digest) == 0 &&
           wge_octets_are(field[TLS13_KDF_OKM], okm, length);
}

static bool prf(int variant, struct wge_octets secret, const char *label, struct wge_octets seed,
                struct wge_octets expected)
{
    uint8_t out[OUTPUT_MAX];
    return expected.length <= sizeof out &&
           wc_PRF_TLS(out, (word32)expected.length, secret.data, (word32)secret.length, (const byte *)label,
                      (word32)strlen(label), seed.data, (word32)seed.length, 1,
                      variant == WC_HASH_TYPE_SHA256 ? sha256_mac : sha384_mac, NULL, INVALID_DEVID) == 0 &&
           wge_octets_are(expected, out, expected.length);
}

bool wge_answer_tls12_prf(const struct wge_octets *field, int variant)
{
    return field[TLS12_PRF_MASTER].length == MASTER_SECRET &&
           prf(variant, field[TLS12_PRF_PRE_MASTER], "extended master secret", field[TLS12_PRF_SESSION_HASH],
               field[TLS12_PRF_MASTER]) &&
           prf(variant, field[TLS12_PRF_MASTER], "key expansion", field[TLS12_PRF_RANDOMS], field[TLS12_PRF_KEY_BLOCK]);
}
