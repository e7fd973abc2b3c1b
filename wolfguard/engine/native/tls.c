/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls.c - streams: a WOLFSSL object between two memory buffers and a socket. wolfSSL's callbacks see the buffers only.
 */
#include "tls_wolfssl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "cipher_buffer.h"
#include "module_error.h"
#include "tls.h"

#define CONTROL_IN ((size_t)16 * 1024)  /* a ClientHello must fit as a whole */
#define CONTROL_OUT ((size_t)32 * 1024) /* a server's flight with a long chain */
#define TUNNEL_IN ((size_t)64 * 1024)
/* Head, explicit nonce, inner type and tag of one record. */
#define RECORD_OVERHEAD 64
/* Kept free for what the library sends of its own accord: alerts, and answers to as many KeyUpdates as PATIENCE lets
 * by. */
#define OUT_RESERVE 2048
/* How many records without data a peer may send in a row. A KeyUpdate costs us as much as thirty packets and the peer
 * nothing; each record with data restores some. */
#define PATIENCE 64
#define PATIENCE_PER_DATA 2
#define RECORD_HEAD 5

struct wge_stream {
    WOLFSSL *ssl;
    struct wge_cipher_buffer in, out;
    int fd;
    uint16_t patience; /* records without data that are still endured */
    bool tls13, established, flooded;
    struct wge_tls_context *context; /* during the handshake, like the next two */
    struct wge_tls_choice *choice;
    struct wge_signing signing;
    struct wge_tls_facts facts;
};

/* --- callbacks of the library ------------------------------------------------------------------------------------- */

static int receive(WOLFSSL *ssl, char *out, int wanted, void *given)
{
    struct wge_stream *s = given;
    (void)ssl;
    if (wge_cipher_held(&s->in) == 0)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    if (s->established && wanted == RECORD_HEAD) { /* the library asks for a head, then for the rest */
        if (s->patience == 0) {
            s->flooded = true;
            return WOLFSSL_CBIO_ERR_WANT_READ;
        }
        s->patience--;
    }
    return (int)wge_cipher_take(&s->in, out, (size_t)wanted);
}

static int transmit(WOLFSSL *ssl, char *bytes, int length, void *given)
{
    struct wge_stream *s = given;
    (void)ssl;
    size_t count = wge_cipher_put(&s->out, bytes, (size_t)length);
    return count == 0 ? WOLFSSL_CBIO_ERR_WANT_WRITE : (int)count;
}

void wge_tls_install_callbacks(WOLFSSL_CTX *ctx)
{
    wolfSSL_CTX_SetIORecv(ctx, receive);
    wolfSSL_CTX_SetIOSend(ctx, transmit);
    wge_tls_install_signing(ctx);
    wge_tls_install_ephemeral(ctx);
}

/* --- handshake ---------------------------------------------------------------------------------------------------- */

enum wge_result wge_stream_create(struct wge_stream **out, int fd)
{
    struct wge_stream *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return WGE_NO_MEMORY;
    s->fd = fd;
    s->in.capacity = CONTROL_IN;
    s->out.capacity = CONTROL_OUT;
    *out = s;
    return WGE_OK;
}

enum wge_result wge_stream_hello(const struct wge_stream *s, struct wge_client_hello *hello, const char **label)
{
    if (wge_cipher_held(&s->in) == 0)
        return WGE_WANT_READ;
    enum wge_result result = wge_client_hello_parse(hello, s->in.bytes + s->in.start, wge_cipher_held(&s->in), label);
    if (result == WGE_WANT_READ && wge_cipher_held(&s->in) == s->in.capacity) {
        *label = "handshake_malformed"; /* cut into more records than any client makes */
        return WGE_PEER_ERROR;
    }
    return result;
}

void wge_stream_refuse(struct wge_stream *s, uint8_t alert)
{
    const uint8_t record[] = {21, 3, 3, 0, 2, 2, alert};
    if (s->ssl == NULL && wge_cipher_room(&s->out, sizeof(record)) >= sizeof(record)) {
        memcpy(s->out.bytes + s->out.end, record, sizeof(record));
        s->out.end += sizeof(record);
    }
}

enum wge_result wge_stream_begin(struct wge_stream *s, struct wge_tls_context *context,
                                 const struct wge_tls_choice *choice, struct wge_sign_client *signer)
{
    size_t count;
    const struct wge_certificate_facts *certificates = wge_tls_context_certificates(context, &count);
    WOLFSSL_CTX *library = wge_tls_context_library(context, choice->certificate);
    if (s->ssl != NULL || library == NULL || choice->group_count == 0)
        return WGE_INVALID;
    int groups[WGE_RULES_MAX];
    for (size_t i = 0; i < choice->group_count; i++)
        groups[i] = choice->groups[i];
    s->choice = malloc(sizeof(*s->choice));
    s->ssl = s->choice == NULL ? NULL : wolfSSL_new(library);
    const uint8_t scheme[] = {(uint8_t)(choice->signature >> 8), (uint8_t)choice->signature};
    if (s->ssl == NULL || wolfSSL_set_groups(s->ssl, groups, (int)choice->group_count) != WOLFSSL_SUCCESS ||
        wolfSSL_set_signature_schemes(s->ssl, scheme, sizeof scheme) != WOLFSSL_SUCCESS)
        return WGE_NO_MEMORY;
    *s->choice = *choice;
    s->context = wge_tls_context_share(context);
    s->signing = (struct wge_signing){.signer = signer,
                                      .allowed = &s->choice->signature,
                                      .allowed_count = 1,
                                      .key = certificates[choice->certificate].number};
    s->tls13 = choice->version == WGE_TLS13;
    wolfSSL_SetIOReadCtx(s->ssl, s);
    wolfSSL_SetIOWriteCtx(s->ssl, s);
    wge_tls_set_signing(s->ssl, &s->signing);
    wolfSSL_KeepArrays(s->ssl); /* for wge_stream_export */
    return WGE_OK;
}

static const char *handshake_label(const struct wge_stream *s, int error)
{
    if (s->signing.failed != NULL)
        return s->signing.failed;
    switch (error) {
    case WC_NO_ERR_TRACE(FATAL_ERROR):
        return "handshake_alert";
    case WC_NO_ERR_TRACE(MATCH_SUITE_ERROR):
        return "handshake_no_suite";
    case WC_NO_ERR_TRACE(ECC_CURVE_ERROR):
    case WC_NO_ERR_TRACE(BAD_KEY_SHARE_DATA):
        return "handshake_no_group";
    case WC_NO_ERR_TRACE(VERSION_ERROR):
        return "handshake_version";
    case WC_NO_ERR_TRACE(MEMORY_E):
        return "refused_no_memory";
    default:
        return "handshake_failed";
    }
}

/* What was settled must be what was chosen; anything else is a fault that must not become a connection. */
static bool settle(struct wge_stream *s)
{
    const char *name = wolfSSL_get_curve_name(s->ssl);
    const struct wge_group *group = NULL;
    for (size_t i = 0; name != NULL && i < s->choice->group_count; i++) {
        const struct wge_group *candidate = wge_group_by_number(s->choice->groups[i]);
        if (candidate != NULL && strcasecmp(candidate->name, name) == 0)
            group = candidate;
    }
    const struct wge_suite *suite = wge_suite_by_number((uint16_t)wolfSSL_get_current_cipher_suite(s->ssl));
    const struct wge_signature *signature = wge_signature_by_number(s->signing.signature);
    bool version = wolfSSL_GetVersion(s->ssl) == (s->tls13 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2);
    if (group == NULL || suite == NULL || suite->version != s->choice->version || signature == NULL || !version)
        return false;
    s->facts = (struct wge_tls_facts){
        .version = s->tls13 ? "TLS 1.3" : "TLS 1.2",
        .suite = suite->name,
        .group = group->name,
        .signature = signature->name,
        .extended_master_secret = s->choice->extended_master_secret,
    };
    return true;
}

static void end_handshake(struct wge_stream *s)
{
    wge_tls_context_release(s->context);
    free(s->choice);
    s->context = NULL;
    s->choice = NULL;
    s->signing.signer = NULL;
    s->signing.allowed = NULL;
}

enum wge_result wge_stream_accept(struct wge_stream *s, const char **label)
{
    if (s->ssl == NULL || s->established)
        return WGE_INVALID;
    int done = wolfSSL_accept(s->ssl);
    if (done == WOLFSSL_SUCCESS) {
        if (!settle(s)) {
            *label = "handshake_failed";
            return WGE_PEER_ERROR;
        }
        s->established = true;
        s->patience = PATIENCE;
        end_handshake(s);
        return WGE_OK;
    }
    int error = wge_module_check(wolfSSL_get_error(s->ssl, done), "a TLS handshake");
    if (error == WOLFSSL_ERROR_WANT_READ)
        return WGE_WANT_READ;
    if (error == WOLFSSL_ERROR_WANT_WRITE)
        return WGE_WANT_WRITE;
    *label = handshake_label(s, error);
    return WGE_PEER_ERROR;
}

void wge_stream_facts(const struct wge_stream *s, struct wge_tls_facts *facts)
{
    *facts = s->facts;
}

/* --- records ------------------------------------------------------------------------------------------------------ */

enum wge_result wge_stream_fill(struct wge_stream *s)
{
    size_t room = wge_cipher_room(&s->in, s->in.capacity / 2);
    if (room == 0)
        return WGE_NO_MEMORY;
    ssize_t count;
    do
        count = recv(s->fd, s->in.bytes + s->in.end, room, 0);
    while (count < 0 && errno == EINTR);
    if (count > 0) {
        s->in.end += (size_t)count;
        return WGE_OK;
    }
    if (wge_cipher_held(&s->in) == 0)
        wge_cipher_drop(&s->in);
    if (count == 0)
        return WGE_CLOSED;
    return errno == EAGAIN || errno == EWOULDBLOCK ? WGE_WANT_READ : WGE_SYSTEM_ERROR;
}

static enum wge_result result_of(int error)
{
    switch (wge_module_check(error, "a TLS record")) {
    case WOLFSSL_ERROR_WANT_READ:
        return WGE_WANT_READ;
    case WOLFSSL_ERROR_WANT_WRITE:
        return WGE_WANT_WRITE;
    case WOLFSSL_ERROR_ZERO_RETURN:
    case WC_NO_ERR_TRACE(SOCKET_PEER_CLOSED_E):
        return WGE_CLOSED;
    case WC_NO_ERR_TRACE(MEMORY_E):
        return WGE_NO_MEMORY;
    default:
        return WGE_PEER_ERROR;
    }
}

enum wge_result wge_stream_read(struct wge_stream *s, uint8_t *out, size_t capacity, size_t *length)
{
    if (!s->established || capacity < WGE_RECORD_PLAIN_MAX)
        return WGE_INVALID;
    if (wge_cipher_held(&s->out) + OUT_RESERVE > s->out.capacity)
        return WGE_WANT_WRITE;
    int count = wolfSSL_read(s->ssl, out, (int)capacity);
    if (s->flooded)
        return WGE_PEER_ERROR;
    if (count <= 0)
        return result_of(wolfSSL_get_error(s->ssl, count));
    *length = (size_t)count;
    s->patience = (uint16_t)(s->patience + PATIENCE_PER_DATA < PATIENCE ? s->patience + PATIENCE_PER_DATA : PATIENCE);
    return WGE_OK;
}

enum wge_result wge_stream_write(struct wge_stream *s, const uint8_t *data, size_t length)
{
    if (!s->established || length == 0 || length > WGE_RECORD_PLAIN_MAX)
        return WGE_INVALID;
    if (wge_stream_out_room(s) < length + RECORD_OVERHEAD)
        return WGE_NO_MEMORY;
    int count = wolfSSL_write(s->ssl, data, (int)length);
    if (count == (int)length)
        return WGE_OK;
    enum wge_result result = count <= 0 ? result_of(wolfSSL_get_error(s->ssl, count)) : WGE_PEER_ERROR;
    /* room was made sure of: to wait would be to wait for ever */
    return result == WGE_WANT_READ || result == WGE_WANT_WRITE ? WGE_PEER_ERROR : result;
}

enum wge_result wge_stream_flush(struct wge_stream *s)
{
    while (wge_cipher_held(&s->out) > 0) {
        ssize_t count = send(s->fd, s->out.bytes + s->out.start, wge_cipher_held(&s->out), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? WGE_WANT_WRITE : WGE_SYSTEM_ERROR;
        s->out.start += (size_t)count;
    }
    wge_cipher_drop(&s->out);
    return WGE_OK;
}

size_t wge_stream_out_pending(const struct wge_stream *s)
{
    return wge_cipher_held(&s->out);
}

size_t wge_stream_out_room(const struct wge_stream *s)
{
    size_t taken = wge_cipher_held(&s->out) + OUT_RESERVE;
    return s->out.capacity > taken ? s->out.capacity - taken : 0;
}

int wge_stream_fd(const struct wge_stream *s)
{
    return s->fd;
}

bool wge_stream_is_tls13(const struct wge_stream *s)
{
    return s->tls13;
}

enum wge_result wge_stream_become_tunnel(struct wge_stream *s, size_t out_capacity)
{
    if (!s->established || out_capacity < CONTROL_OUT)
        return WGE_INVALID;
    return wge_cipher_resize(&s->in, TUNNEL_IN) && wge_cipher_resize(&s->out, out_capacity) ? WGE_OK : WGE_NO_MEMORY;
}

enum wge_result wge_stream_export(struct wge_stream *s, const char *label, uint8_t *out, size_t length)
{
    if (!s->established)
        return WGE_INVALID;
    bool done = out == NULL || wolfSSL_export_keying_material(s->ssl, out, length, label, strlen(label), NULL, 0, 0) ==
                                   WOLFSSL_SUCCESS;
    wolfSSL_FreeArrays(s->ssl);
    return done ? WGE_OK : WGE_SYSTEM_ERROR;
}

enum wge_result wge_stream_rekey(struct wge_stream *s)
{
    if (!s->established || !s->tls13)
        return WGE_INVALID;
    if (wge_stream_out_room(s) < RECORD_OVERHEAD)
        return WGE_NO_MEMORY;
    int done = wolfSSL_update_keys(s->ssl);
    return done == WOLFSSL_SUCCESS ? WGE_OK : WGE_PEER_ERROR;
}

bool wge_stream_awaits_rekey(const struct wge_stream *s)
{
    int awaited = 0;
    return s->established && s->tls13 && wolfSSL_key_update_response(s->ssl, &awaited) == 0 && awaited != 0;
}

void wge_stream_close_notify(struct wge_stream *s)
{
    /* once: a second call reads, which frees bytes that the library still keeps for the next read */
    if (s->established && (wolfSSL_get_shutdown(s->ssl) & WOLFSSL_SENT_SHUTDOWN) == 0)
        (void)wolfSSL_shutdown(s->ssl);
}

void wge_stream_free(struct wge_stream *s, bool notify)
{
    if (s == NULL)
        return;
    if (notify) {
        wge_stream_close_notify(s);
        (void)wge_stream_flush(s);
    }
    wolfSSL_free(s->ssl);
    end_handshake(s);
    wge_cipher_drop(&s->in);
    wge_cipher_drop(&s->out);
    close(s->fd);
    free(s);
}
