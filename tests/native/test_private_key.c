/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_private_key.c - which key files are taken, which are refused and with what words, and that signatures verify. */
#include <wolfssl/options.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "check.h"
#include "keys.h"
#include "library.h"
#include "private_key.h"

static struct wge_lock_duty strict;

static struct wge_private_key *parse(const char *pem)
{
    struct wge_private_key *key;
    const char *why = "";
    const enum wge_result result = wge_private_key_parse(&key, (const uint8_t *)pem, strlen(pem), 2, &strict, &why);
    if (result != WGE_OK)
        fprintf(stderr, "refused: %s\n", why);
    CHECK(result == WGE_OK && key != NULL);
    return key;
}

static void check_taken(const char *pem, enum wge_key_type type, unsigned bits)
{
    struct wge_private_key *key = parse(pem);
    CHECK(wge_private_key_type(key) == type);
    CHECK(wge_private_key_bits(key) == bits);
    wge_private_key_release(key);
}

static void check_same_spki(const char *first, const char *second)
{
    struct wge_private_key *a = parse(first), *b = parse(second);
    size_t a_length, b_length;
    const uint8_t *a_spki = wge_private_key_spki(a, &a_length);
    const uint8_t *b_spki = wge_private_key_spki(b, &b_length);
    CHECK(a_length > 0 && a_length == b_length && memcmp(a_spki, b_spki, a_length) == 0);
    wge_private_key_release(a);
    wge_private_key_release(b);
}

static void check_refused(const char *pem, const char *words)
{
    struct wge_private_key *key;
    const char *why = NULL;
    CHECK(wge_private_key_parse(&key, (const uint8_t *)pem, strlen(pem), 1, &strict, &why) != WGE_OK);
    CHECK(key == NULL && why != NULL);
    if (strstr(why, words) == NULL) {
        fprintf(stderr, "expected \"%s\" in: %s\n", words, why);
        exit(1);
    }
}

static void check_damaged_files(void)
{
    static char text[WGE_KEY_PEM_MAX + 2];
    memset(text, 'A', WGE_KEY_PEM_MAX + 1);
    check_refused(text, "larger than 16 KiB");
    check_refused("", "empty");
    /* every truncation is refused, none crashes */
    for (size_t length = 0; length + 3 < sizeof key_p256; length++) {
        struct wge_private_key *key;
        const char *why = NULL;
        if (wge_private_key_parse(&key, (const uint8_t *)key_p256, length, 1, &strict, &why) == WGE_OK) {
            CHECK(length + 10 > strlen(key_p256)); /* only the end of the last line may be missing */
            wge_private_key_release(key);
        }
    }
}

static void check_ec_signature(const char *pem, enum wge_sign_hash hash, size_t digest_length)
{
    struct wge_private_key *key = parse(pem);
    struct wge_random *random = wge_random_create();
    uint8_t digest[64], signature[WGE_SIGN_SIGNATURE_MAX];
    size_t length, spki_length;
    word32 index = 0;
    int valid = 0;
    ecc_key public_key;
    memset(digest, 7, sizeof digest);
    CHECK(wge_private_key_sign(key, random, WGE_SIGN_ECDSA, hash, digest, digest_length, signature, &length) == WGE_OK);
    const uint8_t *spki = wge_private_key_spki(key, &spki_length);
    CHECK(wc_ecc_init(&public_key) == 0);
    CHECK(wc_EccPublicKeyDecode(spki, &index, &public_key, (word32)spki_length) == 0);
    CHECK(wc_ecc_verify_hash(signature, (word32)length, digest, (word32)digest_length, &valid, &public_key) == 0);
    CHECK(valid == 1);
    digest[0] ^= 1;
    CHECK(wc_ecc_verify_hash(signature, (word32)length, digest, (word32)digest_length, &valid, &public_key) == 0);
    CHECK(valid == 0);
    CHECK(wge_private_key_sign(key, random, WGE_SIGN_RSA_PSS, hash, digest, digest_length, signature, &length) ==
          WGE_INVALID);
    CHECK(length == 0);
    wc_ecc_free(&public_key);
    wge_random_free(random);
    wge_private_key_release(key);
}

static void check_rsa_signatures(void)
{
    struct wge_private_key *key = parse(key_rsa2048);
    struct wge_random *random = wge_random_create();
    uint8_t digest[48], signature[WGE_SIGN_SIGNATURE_MAX], recovered[WGE_SIGN_SIGNATURE_MAX];
    size_t length, spki_length;
    word32 index = 0;
    RsaKey public_key;
    memset(digest, 9, sizeof digest);
    const uint8_t *spki = wge_private_key_spki(key, &spki_length);
    CHECK(wc_InitRsaKey(&public_key, NULL) == 0);
    CHECK(wc_RsaPublicKeyDecode(spki, &index, &public_key, (word32)spki_length) == 0);
    CHECK(wge_private_key_sign(key, random, WGE_SIGN_RSA_PSS, WGE_SIGN_SHA384, digest, 48, signature, &length) ==
          WGE_OK);
    CHECK(length == 256);
    CHECK(wc_RsaPSS_VerifyCheck(signature, 256, recovered, sizeof recovered, digest, 48, WC_HASH_TYPE_SHA384,
                                WC_MGF1SHA384, &public_key) > 0);
    CHECK(wge_private_key_sign(key, random, WGE_SIGN_RSA_PKCS1, WGE_SIGN_SHA384, digest, 48, signature, &length) ==
          WGE_OK);
    CHECK(wc_RsaSSL_Verify(signature, 256, recovered, sizeof recovered, &public_key) == 48);
    CHECK(memcmp(recovered, digest, 48) == 0);
    CHECK(wge_private_key_sign(key, random, WGE_SIGN_ECDSA, WGE_SIGN_SHA384, digest, 48, signature, &length) ==
          WGE_INVALID);
    wc_FreeRsaKey(&public_key);
    wge_random_free(random);
    wge_private_key_release(key);
}

int main(void)
{
    CHECK(wge_library_start() == WGE_OK);
    check_taken(key_p256, WGE_KEY_EC, 256);
    check_taken(key_p384, WGE_KEY_EC, 384);
    check_taken(key_p521, WGE_KEY_EC, 521);
    check_taken(key_rsa2048, WGE_KEY_RSA, 2048);
    check_same_spki(key_p256, key_p256_sec1);
    check_same_spki(key_rsa2048, key_rsa2048_pkcs1);
    check_refused(key_rsa1024, "2048");
    check_refused(key_rsa_exponent3, "FIPS 186-5");
    check_refused(key_p224, "P-256, P-384 or P-521");
    check_refused(key_ed25519, "neither ECDSA");
    check_refused(key_encrypted, "encrypted");
    check_refused(key_p256_crossed, "belongs to another");
    check_refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no private key");
    check_damaged_files();
    check_ec_signature(key_p256, WGE_SIGN_SHA256, 32);
    check_ec_signature(key_p384, WGE_SIGN_SHA384, 48);
    check_ec_signature(key_p521, WGE_SIGN_SHA512, 64);
    check_rsa_signatures();
    puts("private keys: ok");
    return 0;
}
