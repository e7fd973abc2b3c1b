/* SPDX-License-Identifier: GPL-3.0-or-later */
/* known_answer_mlkem.c - ML-KEM (FIPS 203) with given randomness. */
#include <wolfssl/options.h>

#include "known_answer.h"

#include <string.h>

#ifdef WOLFSSL_HAVE_MLKEM /* not in modules of the line v5, which have no SHAKE */

#include <wolfssl/wolfcrypt/wc_mlkem.h>

#define ENCODED_MAX 1568 /* of ML-KEM-1024, keys and ciphertexts alike */
#define SHARED_LENGTH 32

bool wge_answer_mlkem_keygen(const struct wge_octets *field, int variant)
{
    MlKemKey key;
    uint8_t encoded[ENCODED_MAX];
    const size_t length = field[MLKEM_KEYGEN_EK].length;
    if (length > sizeof encoded || wc_MlKemKey_Init(&key, variant, NULL, INVALID_DEVID) != 0)
        return false;
    const bool good =
        wc_MlKemKey_MakeKeyWithRandom(&key, field[MLKEM_KEYGEN_SEED].data, (int)field[MLKEM_KEYGEN_SEED].length) == 0 &&
        wc_MlKemKey_EncodePublicKey(&key, encoded, (word32)length) == 0 &&
        wge_octets_are(field[MLKEM_KEYGEN_EK], encoded, length);
    (void)wc_MlKemKey_Free(&key);
    return good;
}

bool wge_answer_mlkem_encaps(const struct wge_octets *field, int variant)
{
    MlKemKey key;
    uint8_t ciphertext[ENCODED_MAX], shared[SHARED_LENGTH];
    word32 length = 0;
    if (wc_MlKemKey_Init(&key, variant, NULL, INVALID_DEVID) != 0)
        return false;
    const bool good =
        wc_MlKemKey_CipherTextSize(&key, &length) == 0 && length <= sizeof ciphertext &&
        wc_MlKemKey_DecodePublicKey(&key, field[MLKEM_ENCAPS_EK].data, (word32)field[MLKEM_ENCAPS_EK].length) == 0 &&
        wc_MlKemKey_EncapsulateWithRandom(&key, ciphertext, shared, field[MLKEM_ENCAPS_M].data,
                                          (int)field[MLKEM_ENCAPS_M].length) == 0 &&
        wge_octets_are(field[MLKEM_ENCAPS_C], ciphertext, length) &&
        wge_octets_are(field[MLKEM_ENCAPS_K], shared, sizeof shared);
    (void)wc_MlKemKey_Free(&key);
    return good;
}

bool wge_answer_mlkem_decaps(const struct wge_octets *field, int variant)
{
    MlKemKey key;
    uint8_t shared[SHARED_LENGTH];
    if (wc_MlKemKey_Init(&key, variant, NULL, INVALID_DEVID) != 0)
        return false;
    const bool good =
        wc_MlKemKey_MakeKeyWithRandom(&key, field[MLKEM_DECAPS_SEED].data, (int)field[MLKEM_DECAPS_SEED].length) == 0 &&
        wc_MlKemKey_Decapsulate(&key, shared, field[MLKEM_DECAPS_C].data, (word32)field[MLKEM_DECAPS_C].length) == 0 &&
        wge_octets_are(field[MLKEM_DECAPS_K], shared, sizeof shared);
    (void)wc_MlKemKey_Free(&key);
    return good;
}

#endif
