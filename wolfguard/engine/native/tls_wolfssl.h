/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls_wolfssl.h - what tls.c and tls_context.c share and nobody else may include: wolfSSL's types. */
#ifndef WGE_TLS_WOLFSSL_H
#define WGE_TLS_WOLFSSL_H

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#ifdef HAVE_MAX_FRAGMENT
#error "a client could split our records with max_fragment_length: build libwolfssl without it"
#endif
#ifdef HAVE_SECURE_RENEGOTIATION
#error "renegotiation must not be possible: build libwolfssl without it"
#endif
#ifdef WOLFSSL_EARLY_DATA
#error "early data must not be possible: build libwolfssl without it"
#endif

#include "tls_context.h"

/* The library's object for this certificate of the site. */
WOLFSSL_CTX *wge_tls_context_library(struct wge_tls_context *context, size_t certificate);

/* Implemented in tls.c: I/O over the stream's memory and signatures through its signer. */
void wge_tls_install_callbacks(WOLFSSL_CTX *ctx);

#endif
