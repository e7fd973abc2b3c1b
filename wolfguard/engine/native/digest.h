/* SPDX-License-Identifier: GPL-3.0-or-later */
/* digest.h - SHA-2 (FIPS 180-4), HMAC (FIPS 198-1) and PBKDF2 (SP 800-132, RFC 8018) over the module's own functions. */
#ifndef WGE_DIGEST_H
#define WGE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "result.h"

#define WGE_DIGEST_MAX 64

enum wge_hash {
    WGE_HASH_SHA256 = 1,
    WGE_HASH_SHA384 = 2,
    WGE_HASH_SHA512 = 3,
};

size_t wge_hash_length(enum wge_hash hash); /* bytes */

/* `out` holds wge_hash_length(hash) bytes. SYSTEM_ERROR: the module refused. */
enum wge_result wge_digest(enum wge_hash hash, const uint8_t *data, size_t length, uint8_t *out);
/* INVALID: the module refuses keys as short as this (in FIPS mode: less than 14 bytes). */
enum wge_result wge_hmac(enum wge_hash hash, const uint8_t *key, size_t key_length, const uint8_t *data, size_t length,
                         uint8_t *out);

/* PBKDF2-HMAC-SHA-512. Takes on the order of 0.1 s for 210,000 iterations of one block (64 bytes of `out`). */
enum wge_result wge_pbkdf2_sha512(const uint8_t *password, size_t password_length, const uint8_t *salt,
                                  size_t salt_length, uint32_t iterations, uint8_t *out, size_t length);

/* 1 when equal; takes the same time wherever they differ. */
int wge_equal(const uint8_t *a, const uint8_t *b, size_t length);

#endif
