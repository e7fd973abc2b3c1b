/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls_server.h - a real TLS server of the library between two memory buffers, the other end of tls_client.c. */
#ifndef WGE_TEST_TLS_SERVER_H
#define WGE_TEST_TLS_SERVER_H

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certificates.h"
#include "check.h"
#include "keys.h"

/* What it was sent and what it says, and how far that was read. */
struct server {
    WOLFSSL_CTX *ctx;
    WOLFSSL *ssl;
    uint8_t in[65536], out[65536];
    size_t in_at, in_end, out_end;
};

static inline int server_receive(WOLFSSL *ssl, char *out, int wanted, void *given)
{
    struct server *s = given;
    (void)ssl;
    size_t count = s->in_end - s->in_at;
    if (count == 0)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    if (count > (size_t)wanted)
        count = (size_t)wanted;
    memcpy(out, s->in + s->in_at, count);
    s->in_at += count;
    return (int)count;
}

static inline int server_send(WOLFSSL *ssl, char *bytes, int length, void *given)
{
    struct server *s = given;
    (void)ssl;
    if (s->out_end + (size_t)length > sizeof(s->out))
        return WOLFSSL_CBIO_ERR_WANT_WRITE;
    memcpy(s->out + s->out_end, bytes, (size_t)length);
    s->out_end += (size_t)length;
    return length;
}

/* `client`: the certificate that clients must have, NULL where they need none. */
static inline struct server *make_server(const char *protocols, bool tls12, const char *client)
{
    struct server *s = calloc(1, sizeof(*s));
    char list[64];
    s->ctx = wolfSSL_CTX_new(tls12 ? wolfTLSv1_2_server_method() : wolfTLSv1_3_server_method());
    CHECK(s->ctx != NULL);
    CHECK(wolfSSL_CTX_use_certificate_chain_buffer(s->ctx, (const uint8_t *)certificate_p256,
                                                   sizeof(certificate_p256) - 1) == WOLFSSL_SUCCESS);
    CHECK(wolfSSL_CTX_use_PrivateKey_buffer(s->ctx, (const uint8_t *)key_p256, (long)strlen(key_p256),
                                            WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS);
    if (client != NULL) {
        CHECK(wolfSSL_CTX_load_verify_buffer(s->ctx, (const uint8_t *)client, (long)strlen(client),
                                             WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS);
        wolfSSL_CTX_set_verify(s->ctx, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    wolfSSL_CTX_SetIORecv(s->ctx, server_receive);
    wolfSSL_CTX_SetIOSend(s->ctx, server_send);
    s->ssl = wolfSSL_new(s->ctx);
    CHECK(s->ssl != NULL);
    if (protocols != NULL) {
        CHECK(strlen(protocols) < sizeof(list));
        strcpy(list, protocols);
        CHECK(wolfSSL_UseALPN(s->ssl, list, (unsigned)strlen(list), WOLFSSL_ALPN_FAILED_ON_MISMATCH) ==
              WOLFSSL_SUCCESS);
    }
    wolfSSL_SetIOReadCtx(s->ssl, s);
    wolfSSL_SetIOWriteCtx(s->ssl, s);
    wolfSSL_set_using_nonblock(s->ssl, 1);
    return s;
}

static inline void drop_server(struct server *s)
{
    wolfSSL_free(s->ssl);
    wolfSSL_CTX_free(s->ctx);
    free(s);
}

#endif
