/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls_sign.c - the library's calls for a signature, turned into requests to keyd. */
#include "tls_wolfssl.h"

#include <string.h>

#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/sha256.h>
#include <wolfssl/wolfcrypt/sha512.h>

/* Asks keyd, provided that this algorithm is allowed: as a server the one that we chose, as a client one of the rules, of
 * which the library knows nothing there. */
static int sign(struct wge_signing *s, enum wge_sign_scheme scheme, enum wge_sign_hash hash, uint16_t number,
                const uint8_t *data, word32 data_length, uint8_t *out, word32 *out_length)
{
    uint8_t signature[WGE_SIGN_SIGNATURE_MAX];
    size_t length = 0;
    bool allowed = false;
    for (size_t i = 0; s->allowed != NULL && i < s->allowed_count; i++)
        allowed |= s->allowed[i] == number;
    if (!allowed) {
        s->failed = "handshake_no_signature";
        return WC_HW_E;
    }
    enum wge_result result =
        wge_sign_client_sign(s->signer, s->key, scheme, hash, data, data_length, signature, &length);
    if (result != WGE_OK || length > *out_length) {
        s->failed = result == WGE_WANT_READ ? "sign_timeout" : "sign_failed";
        return WC_HW_E;
    }
    memcpy(out, signature, length);
    *out_length = (word32)length;
    s->signature = number;
    return 0;
}

static int sign_ecdsa(WOLFSSL *ssl, const unsigned char *in, unsigned int in_length, unsigned char *out,
                      word32 *out_length, const unsigned char *key, unsigned int key_length, void *given)
{
    (void)ssl;
    (void)key;
    (void)key_length;
    switch (in_length) {
    case WC_SHA256_DIGEST_SIZE:
        return sign(given, WGE_SIGN_ECDSA, WGE_SIGN_SHA256, 0x0403, in, in_length, out, out_length);
    case WC_SHA384_DIGEST_SIZE:
        return sign(given, WGE_SIGN_ECDSA, WGE_SIGN_SHA384, 0x0503, in, in_length, out, out_length);
    case WC_SHA512_DIGEST_SIZE:
        return sign(given, WGE_SIGN_ECDSA, WGE_SIGN_SHA512, 0x0603, in, in_length, out, out_length);
    default:
        return BAD_FUNC_ARG;
    }
}

static int sign_rsa_pss(WOLFSSL *ssl, const unsigned char *in, unsigned int in_length, unsigned char *out,
                        unsigned int *out_length, int hash, int mgf, const unsigned char *key, unsigned int key_length,
                        void *given)
{
    (void)ssl;
    (void)hash; /* an OID sum; the mask generation function says the same plainly */
    (void)key;
    (void)key_length;
    switch (mgf) {
    case WC_MGF1SHA256:
        return sign(given, WGE_SIGN_RSA_PSS, WGE_SIGN_SHA256, 0x0804, in, in_length, out, out_length);
    case WC_MGF1SHA384:
        return sign(given, WGE_SIGN_RSA_PSS, WGE_SIGN_SHA384, 0x0805, in, in_length, out, out_length);
    case WC_MGF1SHA512:
        return sign(given, WGE_SIGN_RSA_PSS, WGE_SIGN_SHA512, 0x0806, in, in_length, out, out_length);
    default:
        return BAD_FUNC_ARG;
    }
}

static int sign_rsa_pkcs1(WOLFSSL *ssl, const unsigned char *in, unsigned int in_length, unsigned char *out,
                          word32 *out_length, const unsigned char *key, unsigned int key_length, void *given)
{
    (void)ssl;
    (void)key;
    (void)key_length;
    /* DigestInfo: 19 bytes of algorithm before the digest (RFC 8017 section 9.2, note 1) */
    switch (in_length) {
    case 19 + WC_SHA256_DIGEST_SIZE:
        return sign(given, WGE_SIGN_RSA_PKCS1, WGE_SIGN_SHA256, 0x0401, in, in_length, out, out_length);
    case 19 + WC_SHA384_DIGEST_SIZE:
        return sign(given, WGE_SIGN_RSA_PKCS1, WGE_SIGN_SHA384, 0x0501, in, in_length, out, out_length);
    case 19 + WC_SHA512_DIGEST_SIZE:
        return sign(given, WGE_SIGN_RSA_PKCS1, WGE_SIGN_SHA512, 0x0601, in, in_length, out, out_length);
    default:
        return BAD_FUNC_ARG;
    }
}

void wge_tls_install_signing(WOLFSSL_CTX *ctx)
{
    wolfSSL_CTX_SetEccSignCb(ctx, sign_ecdsa);
    wolfSSL_CTX_SetRsaPssSignCb(ctx, sign_rsa_pss);
    wolfSSL_CTX_SetRsaSignCb(ctx, sign_rsa_pkcs1);
}

void wge_tls_set_signing(WOLFSSL *ssl, struct wge_signing *signing)
{
    wolfSSL_SetEccSignCtx(ssl, signing);
    wolfSSL_SetRsaPssSignCtx(ssl, signing);
    wolfSSL_SetRsaSignCtx(ssl, signing);
}
