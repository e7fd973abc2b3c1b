/* SPDX-License-Identifier: GPL-3.0-or-later */
/* known_answer.h - known-answer tests of the module's approved algorithms, each with the vector that it is given. Vectors
 * and their sources: fips/vectors. A test takes nothing for granted: it compares what the module makes with the answer,
 * and where something can be refused (a tag, a signature), it shows that a wrong one is. */
#ifndef WGE_KNOWN_ANSWER_H
#define WGE_KNOWN_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "generated/known_answer_fields.h"

struct wge_octets {
    const uint8_t *data;
    size_t length;
};

struct wge_known_answer {
    enum wge_self_test test;
    struct wge_octets field[WGE_ANSWER_FIELDS_MAX]; /* by the family's enum */
};

/* What every process tests when it starts, in the order of the tests. */
extern const struct wge_known_answer wge_start_answers[];
extern const size_t wge_start_answer_count;

const char *wge_self_test_name(enum wge_self_test test);
/* Whether the library has the algorithm at all. */
bool wge_known_answer_built(enum wge_self_test test);
/* False: the module gave another answer, or none. */
bool wge_known_answer_test(const struct wge_known_answer *answer);

/* One for each family; `variant` is a hash, a curve or a parameter set, as the table in known_answer.c says. */
typedef bool wge_answer_family(const struct wge_octets *field, int variant);
wge_answer_family wge_answer_sha, wge_answer_hmac, wge_answer_pbkdf2, wge_answer_hkdf, wge_answer_tls13_kdf,
    wge_answer_tls12_prf, wge_answer_aes_gcm, wge_answer_drbg, wge_answer_ecdsa, wge_answer_ecdh, wge_answer_rsa_pkcs1,
    wge_answer_rsa_pss, wge_answer_rsa_sign, wge_answer_mlkem_keygen, wge_answer_mlkem_encaps, wge_answer_mlkem_decaps;

static inline bool wge_octets_are(struct wge_octets expected, const uint8_t *found, size_t length)
{
    uint8_t difference = expected.length == length && length > 0 ? 0 : 1;
    for (size_t i = 0; difference == 0 && i < length; i++)
        difference |= expected.data[i] ^ found[i];
    return difference == 0;
}

#endif
