/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls_wolfssl.h - what tls.c, tls_sign.c, tls_ephemeral.c, tls_context.c and tls_client.c share and nobody else may
 * include: wolfSSL's types. */
#ifndef WGE_TLS_WOLFSSL_H
#define WGE_TLS_WOLFSSL_H

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/ecc.h>

#ifdef HAVE_MAX_FRAGMENT
#error "a client could split our records with max_fragment_length: build libwolfssl without it"
#endif
#ifdef HAVE_SECURE_RENEGOTIATION
#error "renegotiation must not be possible: build libwolfssl without it"
#endif
#ifdef WOLFSSL_EARLY_DATA
#error "early data must not be possible: build libwolfssl without it"
#endif

#include "sign_client.h"
#include "tls_context.h"

/* The library's object for this certificate of the site. */
WOLFSSL_CTX *wge_tls_context_library(struct wge_tls_context *context, size_t certificate);

/* A site's lists of names as numbers. INVALID: `why` says what is not available. */
enum wge_result wge_tls_read_rules(struct wge_tls_rules *rules, const struct wge_site_config *config, char *why);
/* The suites as the library's list (WGE_CIPHER_LIST_MAX bytes). */
#define WGE_CIPHER_LIST_MAX 1024
void wge_tls_list_suites(const struct wge_tls_rules *rules, char *list);

/* tls.c: I/O over a stream's memory, and signing. */
void wge_tls_install_callbacks(WOLFSSL_CTX *ctx);

/* tls_sign.c: who signs for a handshake, with what, and what came of it. */
struct wge_signing {
    struct wge_sign_client *signer;
    const uint16_t *allowed; /* numbers of what it may sign with; borrowed */
    size_t allowed_count;
    uint16_t key;
    uint16_t signature; /* number of what was signed with; 0: nothing so far */
    const char *failed; /* label, NULL: nothing has */
};

void wge_tls_install_signing(WOLFSSL_CTX *ctx);
void wge_tls_set_signing(WOLFSSL *ssl, struct wge_signing *signing); /* borrowed */

/* tls_ephemeral.c: each ephemeral pair on an elliptic curve passes a test before its public key is sent, or the process
 * ends. */
void wge_tls_install_ephemeral(WOLFSSL_CTX *ctx);
/* The public key computed once more from the private one is the same (SP 800-56A r3 section 5.6.2.1.4). */
bool wge_tls_pair_is_consistent(ecc_key *key);

#endif
