/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handshake_contexts.h - the two ends of the measured handshakes, with the same options wherever one is made: TLS 1.3,
 * one suite, one group, no resumption. Nothing is verified of the chain; the client does verify the signature. */
#ifndef WGE_BENCH_HANDSHAKE_CONTEXTS_H
#define WGE_BENCH_HANDSHAKE_CONTEXTS_H

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SUITE "TLS13-AES256-GCM-SHA384"

static inline _Noreturn void die(const char *what)
{
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static inline int group_number(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } groups[] = {{"secp256r1", 23}, {"SecP256r1MLKEM768", 4587}};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strcmp(groups[i].name, name) == 0)
            return groups[i].number;
    die(name);
}

static inline WOLFSSL_CTX *context(WOLFSSL_METHOD *method, const char *group)
{
    int number = group_number(group);
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(method);
    if (ctx == NULL || wolfSSL_CTX_set_cipher_list(ctx, SUITE) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_groups(ctx, &number, 1) != WOLFSSL_SUCCESS)
        die("a context");
    wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
    if (wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF) != WOLFSSL_SUCCESS)
        die("a context without resumption");
    return ctx;
}

static inline WOLFSSL_CTX *client_context(const char *group)
{
    return context(wolfTLSv1_3_client_method(), group);
}

static inline WOLFSSL_CTX *server_context(const char *group, const char *chain, const char *key)
{
    WOLFSSL_CTX *ctx = context(wolfTLSv1_3_server_method(), group);
    if (wolfSSL_CTX_use_certificate_chain_file(ctx, chain) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_use_PrivateKey_file(ctx, key, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
        die("the certificate and its key");
    return ctx;
}

/* An end of a handshake that has another group or suite measures something else. */
static inline void check_settled(WOLFSSL *ssl, const char *group)
{
    const char *settled = wolfSSL_get_curve_name(ssl);
    if (settled == NULL || strcasecmp(settled, group) != 0 || wolfSSL_get_current_cipher_suite(ssl) != 0x1302)
        die("the agreed group or suite");
}

#endif
