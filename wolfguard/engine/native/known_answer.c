/* SPDX-License-Identifier: GPL-3.0-or-later */
/* known_answer.c - the table of tests: name, family, variant. What this library was built without has no family: nothing
 * can use it either, since profiles that name it are refused. */
#include <wolfssl/options.h>

#include "known_answer.h"

#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/hash.h>
#ifdef WOLFSSL_HAVE_MLKEM
#include <wolfssl/wolfcrypt/wc_mlkem.h>
#define MLKEM(family) (family)
#else
enum { WC_ML_KEM_768, WC_ML_KEM_1024 };
#define MLKEM(family) NULL
#endif
struct test {
    const char *name;
    wge_answer_family *run;
    int variant;
};

static const struct test tests[WGE_SELF_TEST_COUNT] = {
    [WGE_TEST_SHA256] = {"sha256", wge_answer_sha, WC_HASH_TYPE_SHA256},
    [WGE_TEST_SHA384] = {"sha384", wge_answer_sha, WC_HASH_TYPE_SHA384},
    [WGE_TEST_SHA512] = {"sha512", wge_answer_sha, WC_HASH_TYPE_SHA512},
    [WGE_TEST_HMAC_SHA256] = {"hmac_sha256", wge_answer_hmac, WC_HASH_TYPE_SHA256},
    [WGE_TEST_HMAC_SHA384] = {"hmac_sha384", wge_answer_hmac, WC_HASH_TYPE_SHA384},
    [WGE_TEST_HMAC_SHA512] = {"hmac_sha512", wge_answer_hmac, WC_HASH_TYPE_SHA512},
    [WGE_TEST_PBKDF2_SHA512] = {"pbkdf2_sha512", wge_answer_pbkdf2, WC_HASH_TYPE_SHA512},
    [WGE_TEST_HKDF_SHA256] = {"hkdf_sha256", wge_answer_hkdf, WC_HASH_TYPE_SHA256},
    [WGE_TEST_HKDF_SHA384] = {"hkdf_sha384", wge_answer_hkdf, WC_HASH_TYPE_SHA384},
    [WGE_TEST_TLS13_KDF_SHA256] = {"tls13_kdf_sha256", wge_answer_tls13_kdf, WC_HASH_TYPE_SHA256},
    [WGE_TEST_TLS12_PRF_SHA256] = {"tls12_prf_sha256", wge_answer_tls12_prf, WC_HASH_TYPE_SHA256},
    [WGE_TEST_TLS12_PRF_SHA384] = {"tls12_prf_sha384", wge_answer_tls12_prf, WC_HASH_TYPE_SHA384},
    [WGE_TEST_AES_GCM_128] = {"aes_gcm_128", wge_answer_aes_gcm, 128},
    [WGE_TEST_AES_GCM_256] = {"aes_gcm_256", wge_answer_aes_gcm, 256},
    [WGE_TEST_DRBG_SHA256] = {"drbg_sha256", wge_answer_drbg, WC_HASH_TYPE_SHA256},
    [WGE_TEST_DRBG_SHA512] = {"drbg_sha512", wge_answer_drbg, WC_HASH_TYPE_SHA512},
    [WGE_TEST_ECDSA_P256] = {"ecdsa_p256", wge_answer_ecdsa, ECC_SECP256R1},
    [WGE_TEST_ECDSA_P384] = {"ecdsa_p384", wge_answer_ecdsa, ECC_SECP384R1},
    [WGE_TEST_ECDSA_P521] = {"ecdsa_p521", wge_answer_ecdsa, ECC_SECP521R1},
    [WGE_TEST_ECDH_P256] = {"ecdh_p256", wge_answer_ecdh, ECC_SECP256R1},
    [WGE_TEST_ECDH_P384] = {"ecdh_p384", wge_answer_ecdh, ECC_SECP384R1},
    [WGE_TEST_ECDH_P521] = {"ecdh_p521", wge_answer_ecdh, ECC_SECP521R1},
    [WGE_TEST_RSA_PKCS1_SHA256] = {"rsa_pkcs1_sha256", wge_answer_rsa_pkcs1, WC_HASH_TYPE_SHA256},
    [WGE_TEST_RSA_PKCS1_SHA384] = {"rsa_pkcs1_sha384", wge_answer_rsa_pkcs1, WC_HASH_TYPE_SHA384},
    [WGE_TEST_RSA_PSS_SHA256] = {"rsa_pss_sha256", wge_answer_rsa_pss, WC_HASH_TYPE_SHA256},
    [WGE_TEST_RSA_PSS_SHA384] = {"rsa_pss_sha384", wge_answer_rsa_pss, WC_HASH_TYPE_SHA384},
    [WGE_TEST_RSA_SIGN_SHA256] = {"rsa_sign_sha256", wge_answer_rsa_sign, WC_HASH_TYPE_SHA256},
    [WGE_TEST_MLKEM768_KEYGEN] = {"mlkem768_keygen", MLKEM(wge_answer_mlkem_keygen), WC_ML_KEM_768},
    [WGE_TEST_MLKEM1024_KEYGEN] = {"mlkem1024_keygen", MLKEM(wge_answer_mlkem_keygen), WC_ML_KEM_1024},
    [WGE_TEST_MLKEM768_ENCAPS] = {"mlkem768_encaps", MLKEM(wge_answer_mlkem_encaps), WC_ML_KEM_768},
    [WGE_TEST_MLKEM1024_ENCAPS] = {"mlkem1024_encaps", MLKEM(wge_answer_mlkem_encaps), WC_ML_KEM_1024},
    [WGE_TEST_MLKEM768_DECAPS] = {"mlkem768_decaps", MLKEM(wge_answer_mlkem_decaps), WC_ML_KEM_768},
    [WGE_TEST_MLKEM1024_DECAPS] = {"mlkem1024_decaps", MLKEM(wge_answer_mlkem_decaps), WC_ML_KEM_1024},
};

const char *wge_self_test_name(enum wge_self_test test)
{
    return tests[test].name;
}

bool wge_known_answer_test(const struct wge_known_answer *answer)
{
    const struct test *test = &tests[answer->test];
    return test->run != NULL && test->run(answer->field, test->variant);
}

bool wge_known_answer_built(enum wge_self_test test)
{
    return tests[test].run != NULL;
}
