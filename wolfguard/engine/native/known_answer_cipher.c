/* SPDX-License-Identifier: GPL-3.0-or-later */
/* known_answer_cipher.c - AES-GCM and the DRBG. */
#include <wolfssl/options.h>

#include "known_answer.h"

#include <string.h>

#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/random.h>

#define TEXT_MAX 256
#define TAG_LENGTH 16
#define DRBG_OUTPUT_MAX 256

static bool gcm(Aes *aes, const struct wge_octets *field)
{
    uint8_t text[TEXT_MAX], tag[TAG_LENGTH];
    const struct wge_octets plain = field[AES_GCM_PLAINTEXT], cipher = field[AES_GCM_CIPHERTEXT];
    const struct wge_octets iv = field[AES_GCM_IV], aad = field[AES_GCM_AAD];
    const word32 length = (word32)plain.length;
    if (plain.length > sizeof text || cipher.length != plain.length || field[AES_GCM_TAG].length != sizeof tag)
        return false;
    if (wc_AesGcmEncrypt(aes, text, plain.data, length, iv.data, (word32)iv.length, tag, sizeof tag, aad.data,
                         (word32)aad.length) != 0 ||
        !wge_octets_are(cipher, text, length) || !wge_octets_are(field[AES_GCM_TAG], tag, sizeof tag))
        return false;
    if (wc_AesGcmDecrypt(aes, text, cipher.data, length, iv.data, (word32)iv.length, tag, sizeof tag, aad.data,
                         (word32)aad.length) != 0 ||
        !wge_octets_are(plain, text, length))
        return false;
    tag[TAG_LENGTH - 1] ^= 1; /* a forged tag */
    return wc_AesGcmDecrypt(aes, text, cipher.data, length, iv.data, (word32)iv.length, tag, sizeof tag, aad.data,
                            (word32)aad.length) == AES_GCM_AUTH_E;
}

bool wge_answer_aes_gcm(const struct wge_octets *field, int variant)
{
    Aes aes;
    if (field[AES_GCM_KEY].length * 8 != (size_t)variant || wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
        return false;
    const bool good =
        wc_AesGcmSetKey(&aes, field[AES_GCM_KEY].data, (word32)field[AES_GCM_KEY].length) == 0 && gcm(&aes, field);
    wc_AesFree(&aes);
    return good;
}

bool wge_answer_drbg(const struct wge_octets *field, int variant)
{
    uint8_t output[DRBG_OUTPUT_MAX];
    const struct wge_octets entropy = field[DRBG_ENTROPY], reseed = field[DRBG_RESEED], wanted = field[DRBG_OUTPUT];
    if (wanted.length > sizeof output)
        return false;
    if (variant == WC_HASH_TYPE_SHA256)
        return wc_RNG_HealthTest(reseed.length > 0, entropy.data, (word32)entropy.length, reseed.data,
                                 (word32)reseed.length, output, (word32)wanted.length) == 0 &&
               wge_octets_are(wanted, output, wanted.length);
#if defined(WOLFSSL_DRBG_SHA512) && (!defined(HAVE_FIPS) || FIPS_VERSION3_GE(7, 0, 0))
    /* modules have it since their line 7 (random.h) */
    return wc_RNG_HealthTest_SHA512(reseed.length > 0, entropy.data, (word32)entropy.length, reseed.data,
                                    (word32)reseed.length, output, (word32)wanted.length) == 0 &&
           wge_octets_are(wanted, output, wanted.length);
#else
    return false;
#endif
}
