/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "digest.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/hmac.h>

#define HMAC_KEY_MIN 14     /* of FIPS modules: SP 800-131A asks 112 bits of keys */
#define PART_MAX (1u << 30) /* wolfCrypt counts in 32 bits */
#define PBKDF2_BLOCK WC_SHA512_DIGEST_SIZE

size_t wge_hash_length(enum wge_hash hash)
{
    switch (hash) {
    case WGE_HASH_SHA384:
        return 48;
    case WGE_HASH_SHA512:
        return 64;
    case WGE_HASH_SHA256:
        break;
    }
    return 32;
}

static enum wc_HashType hash_type(enum wge_hash hash)
{
    switch (hash) {
    case WGE_HASH_SHA384:
        return WC_HASH_TYPE_SHA384;
    case WGE_HASH_SHA512:
        return WC_HASH_TYPE_SHA512;
    case WGE_HASH_SHA256:
        break;
    }
    return WC_HASH_TYPE_SHA256;
}

static int hmac_type(enum wge_hash hash)
{
    switch (hash) {
    case WGE_HASH_SHA384:
        return WC_SHA384;
    case WGE_HASH_SHA512:
        return WC_SHA512;
    case WGE_HASH_SHA256:
        break;
    }
    return WC_SHA256;
}

enum wge_result wge_digest(enum wge_hash hash, const uint8_t *data, size_t length, uint8_t *out)
{
    wc_HashAlg state;
    const enum wc_HashType type = hash_type(hash);
    if (wc_HashInit(&state, type) != 0)
        return WGE_SYSTEM_ERROR;
    int failed = 0;
    while (failed == 0 && length > 0) {
        const size_t part = length < PART_MAX ? length : PART_MAX;
        failed = wc_HashUpdate(&state, type, data, (word32)part);
        data += part;
        length -= part;
    }
    if (failed == 0)
        failed = wc_HashFinal(&state, type, out);
    (void)wc_HashFree(&state, type);
    explicit_bzero(&state, sizeof state);
    return failed == 0 ? WGE_OK : WGE_SYSTEM_ERROR;
}

enum wge_result wge_hmac(enum wge_hash hash, const uint8_t *key, size_t key_length, const uint8_t *data, size_t length,
                         uint8_t *out)
{
    Hmac state;
    if (key_length > PART_MAX || length > PART_MAX || wc_HmacInit(&state, NULL, INVALID_DEVID) != 0)
        return WGE_SYSTEM_ERROR;
    enum wge_result result = WGE_SYSTEM_ERROR;
    if (wc_HmacSetKey(&state, hmac_type(hash), key, (word32)key_length) != 0)
        result = WGE_INVALID;
    else if (wc_HmacUpdate(&state, data, (word32)length) == 0 && wc_HmacFinal(&state, out) == 0)
        result = WGE_OK;
    wc_HmacFree(&state);
    explicit_bzero(&state, sizeof state);
    return result;
}

static void xor_block(uint8_t *into, const uint8_t *block)
{
    for (size_t i = 0; i < PBKDF2_BLOCK; i += sizeof(uint64_t)) {
        uint64_t a, b;
        memcpy(&a, into + i, sizeof a);
        memcpy(&b, block + i, sizeof b);
        a ^= b;
        memcpy(into + i, &a, sizeof a);
    }
}

/* One block T_i = U_1 xor ... xor U_c. The key is set once: a build with WOLFSSL_HMAC_COPY_HASH then copies the two keyed
 * hash states for every HMAC and does two compressions, a build without does four. */
static bool pbkdf2_block(Hmac *keyed, const uint8_t *salt, size_t salt_length, uint32_t iterations, uint32_t index,
                         uint8_t *sum)
{
    uint8_t u[PBKDF2_BLOCK];
    const uint8_t counter[4] = {(uint8_t)(index >> 24), (uint8_t)(index >> 16), (uint8_t)(index >> 8), (uint8_t)index};
    bool good = wc_HmacUpdate(keyed, salt, (word32)salt_length) == 0 &&
                wc_HmacUpdate(keyed, counter, sizeof counter) == 0 && wc_HmacFinal(keyed, u) == 0;
    memcpy(sum, u, sizeof u);
    for (uint32_t i = 1; good && i < iterations; i++) {
        good = wc_HmacUpdate(keyed, u, sizeof u) == 0 && wc_HmacFinal(keyed, u) == 0;
        xor_block(sum, u);
    }
    explicit_bzero(u, sizeof u);
    return good;
}

enum wge_result wge_pbkdf2_sha512(const uint8_t *password, size_t password_length, const uint8_t *salt,
                                  size_t salt_length, uint32_t iterations, uint8_t *out, size_t length)
{
    Hmac keyed;
    uint8_t sum[PBKDF2_BLOCK], padded[HMAC_KEY_MIN] = {0};
    if (password_length > PART_MAX || salt_length > PART_MAX || iterations == 0 || length == 0)
        return WGE_INVALID;
    if (wc_HmacInit(&keyed, NULL, INVALID_DEVID) != 0)
        return WGE_SYSTEM_ERROR;
    /* HMAC fills its key with zeros up to the block size, so a short password filled with zeros to the least length that
     * FIPS modules take gives the same result (modules of the v5 line have no other way to a short password) */
    const bool pad = password_length < HMAC_KEY_MIN;
    if (pad && password_length > 0)
        memcpy(padded, password, password_length);
    bool good =
        wc_HmacSetKey(&keyed, WC_SHA512, pad ? padded : password, (word32)(pad ? sizeof padded : password_length)) == 0;
    for (uint32_t index = 1; good && length > 0; index++) {
        const size_t part = length < sizeof sum ? length : sizeof sum;
        good = pbkdf2_block(&keyed, salt, salt_length, iterations, index, sum);
        memcpy(out, sum, part);
        out += part;
        length -= part;
    }
    wc_HmacFree(&keyed);
    explicit_bzero(&keyed, sizeof keyed);
    explicit_bzero(sum, sizeof sum);
    explicit_bzero(padded, sizeof padded);
    return good ? WGE_OK : WGE_SYSTEM_ERROR;
}

int wge_equal(const uint8_t *a, const uint8_t *b, size_t length)
{
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < length; i++)
        difference = (uint8_t)(difference | (a[i] ^ b[i]));
    return difference == 0;
}
