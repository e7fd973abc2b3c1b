/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dtls.c - see dtls.h. Strangers' hellos go through objects that are kept for the purpose and hold no state of anybody:
 * one for the present cookie secret, one for that of the turn before. The object that finds its cookie right becomes the
 * peer's association, and another one takes its place. */
#include "tls_wolfssl.h"

#include <stdlib.h>
#include <string.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "algorithms.h"
#include "dtls.h"
#include "library.h"
#include "module_error.h"
#include "random.h"

#define IDENTITY "psk" /* of every client: it names nobody */
#define SECRET 32
#define REPLY_MAX 128     /* a HelloVerifyRequest has 60 bytes */
#define RECEIVE_SLACK 128 /* record head, nonce, tag, and what a peer reckons otherwise than we do */
#define ALERT_USER_CANCELED 90

struct wge_dtls {
    WOLFSSL *ssl;
    wge_dtls_transmit transmit;
    void *owner;
    const uint8_t *in; /* the datagram to be read; NULL: none */
    size_t in_length;
    size_t largest;
    uint16_t suite;
    bool established;
    bool judging; /* a hello is looked at: what is sent waits in `reply` */
    size_t reply_length;
    uint8_t reply[REPLY_MAX];
    uint8_t key[WGE_DTLS_KEY]; /* until established */
};

struct cookie_turn {
    struct wge_dtls *listener;
    uint8_t secret[SECRET];
};

struct wge_dtls_acceptor {
    WOLFSSL_CTX *library;
    struct cookie_turn present, before; /* before.listener NULL: there is none */
    uint64_t turn_ends_ms;
};

/* --- callbacks of the library ------------------------------------------------------------------------------------- */

static int receive(WOLFSSL *ssl, char *out, int wanted, void *given)
{
    struct wge_dtls *d = given;
    (void)ssl;
    if (d->in == NULL)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    /* what does not fit is too long for any record of ours, and its tag will not be right */
    size_t count = d->in_length < (size_t)wanted ? d->in_length : (size_t)wanted;
    memcpy(out, d->in, count);
    d->in = NULL;
    return (int)count;
}

static int send_out(WOLFSSL *ssl, char *bytes, int length, void *given)
{
    struct wge_dtls *d = given;
    (void)ssl;
    if (!d->judging) {
        d->transmit(d->owner, (const uint8_t *)bytes, (size_t)length);
    } else if ((size_t)length <= REPLY_MAX) {
        memcpy(d->reply, bytes, (size_t)length);
        d->reply_length = (size_t)length;
    }
    return length;
}

static unsigned int find_key(WOLFSSL *ssl, const char *identity, unsigned char *key, unsigned int capacity)
{
    const struct wge_dtls *d = wolfSSL_get_psk_callback_ctx(ssl);
    if (d == NULL || capacity < WGE_DTLS_KEY || strcmp(identity, IDENTITY) != 0)
        return 0;
    memcpy(key, d->key, WGE_DTLS_KEY);
    return WGE_DTLS_KEY;
}

/* --- the acceptor ------------------------------------------------------------------------------------------------- */

static WOLFSSL_CTX *make_library_context(void)
{
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfDTLSv1_2_server_method());
    if (ctx == NULL)
        return NULL;
    wolfSSL_CTX_SetIORecv(ctx, receive);
    wolfSSL_CTX_SetIOSend(ctx, send_out);
    wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
    wolfSSL_CTX_set_psk_server_callback(ctx, find_key);
    bool good = wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF) == WOLFSSL_SUCCESS;
#ifdef HAVE_SESSION_TICKET
    good = good && wolfSSL_CTX_NoTicketTLSv12(ctx) == WOLFSSL_SUCCESS;
#endif
    if (good)
        return ctx;
    wolfSSL_CTX_free(ctx);
    return NULL;
}

void wge_dtls_free(struct wge_dtls *d)
{
    if (d == NULL)
        return;
    wolfSSL_free(d->ssl);
    explicit_bzero(d->key, sizeof d->key);
    free(d);
}

static struct wge_dtls *make_listener(const struct wge_dtls_acceptor *a, const uint8_t *secret)
{
    struct wge_dtls *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->ssl = wolfSSL_new(a->library);
    if (d->ssl == NULL || wolfSSL_DTLS_SetCookieSecret(d->ssl, secret, SECRET) != 0) {
        wge_dtls_free(d);
        return NULL;
    }
    wolfSSL_dtls_set_using_nonblock(d->ssl, 1);
    wolfSSL_SetIOReadCtx(d->ssl, d);
    wolfSSL_SetIOWriteCtx(d->ssl, d);
    wolfSSL_set_psk_callback_ctx(d->ssl, d);
    return d;
}

/* A new secret; the one before is still honoured, since a client may hold its cookie for a while. */
static enum wge_result turn(struct wge_dtls_acceptor *a, uint64_t now_ms)
{
    struct cookie_turn next;
    if (wge_random_bytes(next.secret, sizeof next.secret) != WGE_OK)
        return WGE_SYSTEM_ERROR;
    next.listener = make_listener(a, next.secret);
    if (next.listener == NULL)
        return WGE_NO_MEMORY;
    wge_dtls_free(a->before.listener);
    /* after two turns of silence even the present secret is old */
    bool stale = a->present.listener != NULL && now_ms >= a->turn_ends_ms + WGE_DTLS_COOKIE_MS;
    if (stale)
        wge_dtls_free(a->present.listener);
    a->before = stale ? (struct cookie_turn){0} : a->present;
    a->present = next;
    a->turn_ends_ms = now_ms + WGE_DTLS_COOKIE_MS;
    explicit_bzero(&next, sizeof next);
    return WGE_OK;
}

enum wge_result wge_dtls_acceptor_create(struct wge_dtls_acceptor **out, uint64_t now_ms)
{
    if (wge_library_start() != WGE_OK)
        return WGE_SYSTEM_ERROR;
    struct wge_dtls_acceptor *a = calloc(1, sizeof *a);
    if (a == NULL)
        return WGE_NO_MEMORY;
    a->library = make_library_context();
    enum wge_result result = a->library == NULL ? WGE_NO_MEMORY : turn(a, now_ms);
    if (result != WGE_OK) {
        wge_dtls_acceptor_free(a);
        return result;
    }
    *out = a;
    return WGE_OK;
}

void wge_dtls_acceptor_free(struct wge_dtls_acceptor *a)
{
    if (a == NULL)
        return;
    wge_dtls_free(a->present.listener);
    wge_dtls_free(a->before.listener);
    wolfSSL_CTX_free(a->library);
    explicit_bzero(a, sizeof *a);
    free(a);
}

/* The address as the cookie sees it, the same bytes whatever else a socket address may hold. */
static bool set_peer(struct wge_dtls *d, const struct wge_address *peer)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = peer->port};
    memcpy(&address.sin6_addr, peer->bytes, sizeof peer->bytes);
    return wolfSSL_dtls_set_peer(d->ssl, &address, sizeof address) == WOLFSSL_SUCCESS;
}

/* WGE_OK: the listener has found its own cookie, and is the peer's. */
static enum wge_result judge(struct wge_dtls *d, const struct wge_dtls_hello *hello)
{
    const struct wge_psk_suite *suite = wge_psk_suite_by_number(hello->suite);
    if (suite == NULL)
        return WGE_INVALID;
    if (!set_peer(d, hello->peer) || wolfSSL_set_cipher_list(d->ssl, suite->library_name) != WOLFSSL_SUCCESS ||
        wolfSSL_dtls_set_mtu(d->ssl, (uint16_t)(hello->largest + RECEIVE_SLACK)) != WOLFSSL_SUCCESS)
        return WGE_NO_MEMORY;
    d->in = hello->datagram;
    d->in_length = hello->length;
    d->reply_length = 0;
    d->judging = true;
    int outcome = wolfDTLS_accept_stateless(d->ssl);
    d->judging = false;
    d->in = NULL;
    return outcome == WOLFSSL_SUCCESS ? WGE_OK : outcome == WOLFSSL_FAILURE ? WGE_WANT_READ : WGE_PEER_ERROR;
}

/* A listener that has seen an error is not trusted with another hello. */
static enum wge_result renew(struct wge_dtls_acceptor *a, struct cookie_turn *c)
{
    struct wge_dtls *fresh = make_listener(a, c->secret);
    if (fresh == NULL)
        return WGE_NO_MEMORY;
    c->listener = fresh;
    return WGE_OK;
}

static enum wge_result try(struct wge_dtls_acceptor *a, struct cookie_turn *c, const struct wge_dtls_hello *hello,
                           struct wge_dtls **out)
{
    struct wge_dtls *d = c->listener;
    enum wge_result result = judge(d, hello);
    if (result == WGE_WANT_READ)
        return result;
    if (renew(a, c) != WGE_OK) {
        /* without another listener this one has to stay, and the peer to try again */
        if (result != WGE_OK)
            return result;
        c->listener = NULL;
    }
    if (result != WGE_OK) {
        wge_dtls_free(d);
        return result;
    }
    d->transmit = hello->transmit;
    d->owner = hello->owner;
    d->suite = hello->suite;
    d->largest = hello->largest;
    memcpy(d->key, hello->key, sizeof d->key);
    *out = d;
    return WGE_OK;
}

enum wge_result wge_dtls_accept(struct wge_dtls_acceptor *a, const struct wge_dtls_hello *hello, uint64_t now_ms,
                                struct wge_dtls **out)
{
    if (now_ms >= a->turn_ends_ms || a->present.listener == NULL) {
        enum wge_result turned = turn(a, now_ms);
        if (turned != WGE_OK)
            return turned;
    }
    enum wge_result result = try(a, &a->present, hello, out);
    if (result != WGE_WANT_READ)
        return result;
    /* the answer of the present secret goes out only when the one before does not know the cookie either */
    const struct wge_dtls *answering = a->present.listener;
    if (hello->has_cookie && a->before.listener != NULL) {
        result = try(a, &a->before, hello, out);
        if (result == WGE_OK)
            return result;
    }
    if (answering->reply_length > 0)
        hello->transmit(hello->owner, answering->reply, answering->reply_length);
    return WGE_WANT_READ;
}

void wge_dtls_set_owner(struct wge_dtls *d, void *owner)
{
    d->owner = owner;
}

/* --- handshake ---------------------------------------------------------------------------------------------------- */

static int error_of(const struct wge_dtls *d, int done, const char *what)
{
    return wge_module_check(wolfSSL_get_error(d->ssl, done), what);
}

enum wge_result wge_dtls_handshake(struct wge_dtls *d, const uint8_t *datagram, size_t length)
{
    d->in = datagram;
    d->in_length = length;
    int done = wolfSSL_accept(d->ssl);
    d->in = NULL;
    if (done != WOLFSSL_SUCCESS)
        return error_of(d, done, "a DTLS handshake") == WOLFSSL_ERROR_WANT_READ ? WGE_WANT_READ : WGE_PEER_ERROR;
    explicit_bzero(d->key, sizeof d->key);
    /* what was settled must be what was chosen */
    if ((uint16_t)wolfSSL_get_current_cipher_suite(d->ssl) != d->suite ||
        wolfSSL_GetVersion(d->ssl) != WOLFSSL_DTLSV1_2)
        return WGE_PEER_ERROR;
    d->established = true;
    return WGE_OK;
}

void wge_dtls_repeat(struct wge_dtls *d)
{
    (void)wolfSSL_dtls_got_timeout(d->ssl);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

void wge_dtls_feed(struct wge_dtls *d, const uint8_t *datagram, size_t length)
{
    d->in = datagram;
    d->in_length = length;
}

enum wge_result wge_dtls_read(struct wge_dtls *d, uint8_t *out, size_t capacity, size_t *length)
{
    int count = wolfSSL_read(d->ssl, out, (int)capacity);
    if (count > 0) {
        *length = (size_t)count;
        return WGE_OK;
    }
    switch (error_of(d, count, "a DTLS record")) {
    case WOLFSSL_ERROR_WANT_READ:
        return WGE_WANT_READ;
    case WOLFSSL_ERROR_ZERO_RETURN:
        return WGE_CLOSED;
    default:
        return WGE_PEER_ERROR;
    }
}

void wge_dtls_dropped(const struct wge_dtls *d, uint32_t *forged, uint32_t *replayed)
{
    word32 bad_tags = 0, repeats = 0;
    (void)wolfSSL_dtls_get_drop_stats(d->ssl, &bad_tags, &repeats);
    /* the library counts a record that it cannot open among those that it drops, too */
    *forged = bad_tags;
    *replayed = repeats > bad_tags ? repeats - bad_tags : 0;
}

enum wge_result wge_dtls_write(struct wge_dtls *d, const uint8_t *data, size_t length)
{
    if (length > d->largest)
        return WGE_INVALID;
    return wolfSSL_write(d->ssl, data, (int)length) == (int)length ? WGE_OK : WGE_PEER_ERROR;
}

void wge_dtls_abandon(struct wge_dtls *d)
{
    if (d->established)
        (void)wolfSSL_send_fatal_alert(d->ssl, ALERT_USER_CANCELED);
}
