/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_tls_client.c - a hostile TLS server against the connections that we open: a real server in memory, whose bytes
 * are cut, changed, lost, sent twice and mixed with others, and which does things out of turn. However it goes, nothing
 * is written before the handshake, what is read is what was sent, failures have a label and stay failures, and what
 * waits stays within its bounds. Input: how the server is made, then one byte an act with its arguments. */
#include "../native/tls_server.h"

#include "library.h"
#include "sign_client.h"
#include "tls_client.h"

#define PENDING_MAX ((size_t)128 * 1024)
#define ACTS_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum state { SHAKING, ESTABLISHED, ENDED };

struct play {
    struct server *server;
    struct wge_tls_client *client;
    const uint8_t *data;
    size_t size, at;
    enum state state;
    bool served, closed;
    uint8_t said, heard; /* the server's data counts up, byte by byte */
};

static struct wge_counters counters;
static struct wge_sign_client *signer;
static const char *const suites[] = {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"};
static const char *const groups[] = {"secp256r1"};
static const char *const signatures[] = {"ecdsa_secp256r1_sha256"};
static const struct wge_tls_client_config settings = {
    .server_name = "vpn.example.com",
    .authorities = (const uint8_t *)certificate_p256,
    .authorities_length = sizeof(certificate_p256) - 1,
    .protocols = "radius/1.1",
    .suites = {suites, 2},
    .groups = {groups, 1},
    .signatures = {signatures, 1},
    .minimum_rsa_bits = 2048,
};

static uint8_t next(struct play *p)
{
    return p->at < p->size ? p->data[p->at++] : 0;
}

static void ended(struct play *p, const char *label)
{
    CHECK(label != NULL && strncmp(label, "tls_", 4) == 0);
    p->state = ENDED;
}

/* One step of the client, and what it may answer in its state. */
static void step(struct play *p)
{
    static uint8_t plain[WGE_TLS_CLIENT_PLAIN_MAX];
    const char *label = NULL;
    size_t length = 0;
    enum wge_result result;
    if (p->state == SHAKING) {
        CHECK(wge_tls_client_read(p->client, plain, sizeof(plain), &length) == WGE_INVALID);
        CHECK(wge_tls_client_write(p->client, plain, 1) == WGE_INVALID);
        result = wge_tls_client_handshake(p->client, &label);
        if (result == WGE_OK) {
            CHECK(strcmp(wge_tls_client_suite(p->client), "") != 0);
            CHECK(wge_tls_client_certificate(p->client, 0, &length) != NULL && length > 100);
            CHECK(strcmp(wge_tls_client_protocol(p->client), "radius/1.1") == 0 ||
                  strcmp(wge_tls_client_protocol(p->client), "") == 0);
            p->state = ESTABLISHED;
        } else if (result == WGE_PEER_ERROR) {
            ended(p, label);
        } else {
            CHECK(result == WGE_WANT_READ || result == WGE_WANT_WRITE);
        }
        return;
    }
    CHECK(wge_tls_client_handshake(p->client, &label) == WGE_INVALID);
    result = wge_tls_client_read(p->client, plain, sizeof(plain), &length);
    if (p->state == ENDED) {
        CHECK(result == WGE_INVALID);
    } else if (result == WGE_OK) {
        CHECK(length > 0 && length <= sizeof(plain));
        for (size_t i = 0; i < length; i++)
            CHECK(plain[i] == p->heard++);
    } else if (result == WGE_CLOSED || result == WGE_PEER_ERROR) {
        p->state = ENDED;
    } else {
        CHECK(result == WGE_WANT_READ || result == WGE_WANT_WRITE);
    }
}

static void deliver(struct play *p, size_t count)
{
    struct server *s = p->server;
    if (count > s->out_end)
        count = s->out_end;
    if (wge_tls_client_feed(p->client, s->out, count) == WGE_OK) {
        memmove(s->out, s->out + count, s->out_end - count);
        s->out_end -= count;
    }
}

static void carry_back(struct play *p)
{
    struct server *s = p->server;
    size_t length;
    const uint8_t *bytes = wge_tls_client_pending(p->client, &length);
    CHECK(length <= PENDING_MAX && (bytes == NULL) == (length == 0));
    if (s->in_at == s->in_end)
        s->in_at = s->in_end = 0;
    if (length > sizeof(s->in) - s->in_end)
        length = sizeof(s->in) - s->in_end;
    if (length > 0)
        memcpy(s->in + s->in_end, bytes, length);
    s->in_end += length;
    wge_tls_client_sent(p->client, length);
}

static void serve(struct play *p)
{
    uint8_t bytes[256];
    struct server *s = p->server;
    if (!p->served) {
        p->served = wolfSSL_accept(s->ssl) == WOLFSSL_SUCCESS;
        return;
    }
    const size_t length = (size_t)next(p) + 1;
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(p->said + i);
    if (sizeof(s->out) - s->out_end > 1024 && wolfSSL_write(s->ssl, bytes, (int)length) == (int)length)
        p->said = (uint8_t)(p->said + length);
    (void)wolfSSL_read(s->ssl, bytes, sizeof(bytes));
}

static void change(struct play *p, uint8_t act)
{
    struct server *s = p->server;
    const size_t at = (size_t)next(p) << 8 | next(p), with = next(p);
    if (act == 3 && s->out_end > 0) {
        s->out[at % s->out_end] ^= (uint8_t)with;
    } else if (act == 4) {
        const size_t lost = at < s->out_end ? at : s->out_end;
        memmove(s->out, s->out + lost, s->out_end - lost);
        s->out_end -= lost;
    } else if (act == 5 && s->out_end <= sizeof(s->out) / 2) {
        memcpy(s->out + s->out_end, s->out, s->out_end);
        s->out_end *= 2;
    }
}

static void inject(struct play *p)
{
    size_t length = next(p);
    if (length > p->size - p->at)
        length = p->size - p->at;
    (void)wge_tls_client_feed(p->client, p->data + p->at, length);
    p->at += length;
}

static void act(struct play *p)
{
    static const uint8_t words[256];
    const uint8_t what = next(p);
    switch (what % 13) {
    case 0:
        deliver(p, p->server->out_end);
        break;
    case 1:
        deliver(p, (size_t)next(p) + 1);
        break;
    case 2:
        carry_back(p);
        break;
    case 3:
    case 4:
    case 5:
        change(p, what % 13);
        break;
    case 6:
        inject(p);
        break;
    case 7:
        serve(p);
        break;
    case 8: {
        const enum wge_result result = wge_tls_client_write(p->client, words, (size_t)next(p) + 1);
        CHECK(p->state == ESTABLISHED || result == WGE_INVALID);
        if (p->state == ESTABLISHED && result != WGE_OK && result != WGE_NO_MEMORY)
            p->state = ENDED;
        break;
    }
    case 9:
        if (p->served)
            (void)wolfSSL_update_keys(p->server->ssl);
        break;
    case 10: /* once: the library reads freed memory after a second shutdown with data in between */
        if (p->served && !p->closed)
            (void)wolfSSL_shutdown(p->server->ssl);
        p->closed = p->closed || p->served;
        break;
    case 11:
        wge_tls_client_close_notify(p->client);
        p->state = ENDED;
        break;
    default: /* a whole turn, as between two that mean well */
        carry_back(p);
        serve(p);
        deliver(p, p->server->out_end);
        break;
    }
    step(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[WGE_WHY_MAX];
    if (signer == NULL)
        CHECK(wge_library_start() == WGE_OK && wge_sign_client_create(&signer, &counters) == WGE_OK);
    struct play p = {.data = data, .size = size};
    const uint8_t how = next(&p);
    p.server = make_server(how & 1 ? "radius/1.1" : NULL, (how & 2) != 0, NULL);
    CHECK(wge_tls_client_create(&p.client, &settings, signer, why) == WGE_OK);
    for (int i = 0; i < ACTS_MAX && p.at < size; i++)
        act(&p);
    wge_tls_client_free(p.client);
    drop_server(p.server);
    return 0;
}
