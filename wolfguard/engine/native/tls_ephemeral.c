/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls_ephemeral.c - the elliptic-curve key pairs of handshakes: made by the library, tested before their first use. */
#include "tls_wolfssl.h"

#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "module_error.h"

bool wge_tls_pair_is_consistent(ecc_key *key)
{
    ecc_point *again = wc_ecc_new_point();
    const bool same =
        again != NULL && wc_ecc_make_pub(key, again) == 0 && wc_ecc_cmp_point(again, &key->pubkey) == MP_EQ;
    wc_ecc_del_point(again);
    return same;
}

static int make(WOLFSSL *ssl, ecc_key *key, unsigned size, int curve, void *given)
{
    (void)given;
    int failed = wc_ecc_make_key_ex(wolfSSL_GetRNG(ssl), (int)size, key, curve);
#ifndef HAVE_FIPS /* modules test each pair that they make, and say so when it fails */
    if (failed == 0 && !wge_tls_pair_is_consistent(key))
        failed = ECC_PCT_E;
#endif
    if (failed == WC_NO_ERR_TRACE(ECC_PCT_E))
        wge_module_failed("the pair-wise consistency test of an ephemeral key", failed);
    return failed;
}

void wge_tls_install_ephemeral(WOLFSSL_CTX *ctx)
{
    wolfSSL_CTX_SetEccKeyGenCb(ctx, make);
}
