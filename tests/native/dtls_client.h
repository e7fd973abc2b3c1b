/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dtls_client.h - a DTLS 1.2 client with a pre-shared key, over datagrams in memory, for tests of the seam and of what
 * lies above it. */
#ifndef DTLS_CLIENT_H
#define DTLS_CLIENT_H

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "check.h"

#define WIRE_MAX 64

/* Datagrams on their way, oldest first. */
struct wire {
    size_t count;
    size_t lengths[WIRE_MAX];
    uint8_t bytes[WIRE_MAX][2048];
};

static inline void wire_put(struct wire *w, const uint8_t *bytes, size_t length)
{
    CHECK(w->count < WIRE_MAX && length <= sizeof w->bytes[0]);
    memcpy(w->bytes[w->count], bytes, length);
    w->lengths[w->count++] = length;
}

static inline size_t wire_take(struct wire *w, uint8_t *out)
{
    if (w->count == 0)
        return 0;
    size_t length = w->lengths[0];
    memcpy(out, w->bytes[0], length);
    w->count--;
    memmove(w->bytes[0], w->bytes[1], w->count * sizeof w->bytes[0]);
    memmove(w->lengths, w->lengths + 1, w->count * sizeof w->lengths[0]);
    return length;
}

struct dtls_client {
    WOLFSSL_CTX *ctx;
    WOLFSSL *ssl;
    struct wire in, out;
    const char *identity;
    uint8_t key[32];
};

static int dtls_client_receive(WOLFSSL *ssl, char *out, int wanted, void *given)
{
    struct dtls_client *c = given;
    uint8_t datagram[2048];
    (void)ssl;
    size_t length = wire_take(&c->in, datagram);
    if (length == 0)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    CHECK(length <= (size_t)wanted);
    memcpy(out, datagram, length);
    return (int)length;
}

static int dtls_client_send(WOLFSSL *ssl, char *bytes, int length, void *given)
{
    struct dtls_client *c = given;
    (void)ssl;
    wire_put(&c->out, (const uint8_t *)bytes, (size_t)length);
    return length;
}

static unsigned int dtls_client_key(WOLFSSL *ssl, const char *hint, char *identity, unsigned int identity_max,
                                    unsigned char *key, unsigned int key_max)
{
    const struct dtls_client *c = wolfSSL_get_psk_callback_ctx(ssl);
    (void)hint;
    CHECK(strlen(c->identity) < identity_max && key_max >= sizeof c->key);
    strcpy(identity, c->identity);
    memcpy(key, c->key, sizeof c->key);
    return sizeof c->key;
}

static inline void dtls_client_open(struct dtls_client *c, const uint8_t key[32])
{
    memset(c, 0, sizeof *c);
    c->identity = "psk";
    memcpy(c->key, key, sizeof c->key);
    c->ctx = wolfSSL_CTX_new(wolfDTLSv1_2_client_method());
    CHECK(c->ctx != NULL);
    wolfSSL_CTX_SetIORecv(c->ctx, dtls_client_receive);
    wolfSSL_CTX_SetIOSend(c->ctx, dtls_client_send);
    wolfSSL_CTX_set_psk_client_callback(c->ctx, dtls_client_key);
    CHECK(wolfSSL_CTX_set_cipher_list(c->ctx, "PSK-AES128-GCM-SHA256:PSK-AES256-GCM-SHA384") == WOLFSSL_SUCCESS);
    c->ssl = wolfSSL_new(c->ctx);
    CHECK(c->ssl != NULL);
    wolfSSL_dtls_set_using_nonblock(c->ssl, 1);
    wolfSSL_SetIOReadCtx(c->ssl, c);
    wolfSSL_SetIOWriteCtx(c->ssl, c);
    wolfSSL_set_psk_callback_ctx(c->ssl, c);
}

static inline void dtls_client_close(struct dtls_client *c)
{
    wolfSSL_free(c->ssl);
    wolfSSL_CTX_free(c->ctx);
}

/* One turn of the handshake; true when it is done. */
static inline bool dtls_client_connect(struct dtls_client *c)
{
    int done = wolfSSL_connect(c->ssl);
    return done == WOLFSSL_SUCCESS;
}

static inline int dtls_client_error(struct dtls_client *c)
{
    return wolfSSL_get_error(c->ssl, -1);
}

#endif
