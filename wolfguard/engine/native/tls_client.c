/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls_client.c - a WOLFSSL object of the client's side between two memory buffers. */
#include "tls_wolfssl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "certificate.h"
#include "cipher_buffer.h"
#include "library.h"
#include "tls_client.h"

#define BUFFER ((size_t)128 * 1024)
#define RECORD_OVERHEAD 64
#define OUT_RESERVE 2048
#define RECORD_HEAD 5
/* Records without data that a server may send in a row once it is known. */
#define PATIENCE 64
#define NAME_MAX_BYTES 253
#define PROTOCOL_MAX 255
#define ECC_BITS_MIN 256
#define CHAIN_MAX 10
#define CHAIN_BYTES_MAX ((size_t)64 * 1024)

struct wge_tls_client {
    WOLFSSL_CTX *ctx;
    WOLFSSL *ssl;
    struct wge_cipher_buffer in, out;
    struct wge_tls_rules rules;
    struct wge_signing signing;
    char protocol[PROTOCOL_MAX + 1];
    uint8_t *chain; /* one certificate after the other */
    size_t lengths[CHAIN_MAX];
    size_t chain_count;
    const char *suite;
    unsigned patience;
    bool established, flooded, failed, any_server;
};

#define COMPLAIN(why, ...) (snprintf((why), WGE_WHY_MAX, __VA_ARGS__), WGE_INVALID)

/* --- callbacks of the library ------------------------------------------------------------------------------------- */

static int receive(WOLFSSL *ssl, char *out, int wanted, void *given)
{
    struct wge_tls_client *c = given;
    (void)ssl;
    if (wge_cipher_held(&c->in) == 0)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    if (c->established && wanted == RECORD_HEAD) {
        if (c->patience == 0) {
            c->flooded = true;
            return WOLFSSL_CBIO_ERR_WANT_READ;
        }
        c->patience--;
    }
    return (int)wge_cipher_take(&c->in, out, (size_t)wanted);
}

static int transmit(WOLFSSL *ssl, char *bytes, int length, void *given)
{
    struct wge_tls_client *c = given;
    (void)ssl;
    size_t count = wge_cipher_put(&c->out, bytes, (size_t)length);
    return count == 0 ? WOLFSSL_CBIO_ERR_WANT_WRITE : (int)count;
}

/* Called with the server's own certificate, when the whole chain has been read; keeps it for the caller, and changes no
 * verdict but by refusing a chain that is too long to be kept, or where the caller takes any server. */
static int keep_chain(int verified, WOLFSSL_X509_STORE_CTX *store)
{
    struct wge_tls_client *c = store->userCtx;
    size_t total = 0;
    if ((verified != 1 && !c->any_server) || store->totalCerts < 1 || store->totalCerts > CHAIN_MAX)
        return 0;
    for (int i = 0; i < store->totalCerts; i++)
        total += store->certs[i].length;
    if (total > CHAIN_BYTES_MAX)
        return 0;
    free(c->chain);
    c->chain_count = 0;
    c->chain = malloc(total);
    if (c->chain == NULL)
        return 0;
    uint8_t *at = c->chain;
    for (int i = 0; i < store->totalCerts; i++) {
        memcpy(at, store->certs[i].buffer, store->certs[i].length);
        c->lengths[c->chain_count++] = store->certs[i].length;
        at += store->certs[i].length;
    }
    return 1;
}

/* --- making --------------------------------------------------------------------------------------------------------- */

static bool certificate_of_ours(WOLFSSL_CTX *ctx, const struct wge_certificate_config *config)
{
    uint8_t spki[WGE_CERTIFICATE_SPKI_MAX];
    size_t length = 0;
    /* the public key alone: keyd signs */
    return wge_certificate_spki(config->chain, config->chain_length, spki, &length) == WGE_OK &&
           wolfSSL_CTX_use_certificate_chain_buffer(ctx, config->chain, (long)config->chain_length) ==
               WOLFSSL_SUCCESS &&
           wolfSSL_CTX_use_PrivateKey_buffer(ctx, spki, (long)length, WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS;
}

static enum wge_result make_context(struct wge_tls_client *c, const struct wge_tls_client_config *config, char *why)
{
    char list[WGE_CIPHER_LIST_MAX];
    int groups[WGE_RULES_MAX];
    for (size_t i = 0; i < c->rules.group_count; i++)
        groups[i] = c->rules.groups[i];
    wge_tls_list_suites(&c->rules, list);
    c->ctx = wolfSSL_CTX_new(c->rules.tls13 ? wolfTLSv1_3_client_method() : wolfTLSv1_2_client_method());
    if (c->ctx == NULL)
        return WGE_NO_MEMORY;
    wolfSSL_CTX_set_verify(c->ctx, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, keep_chain);
    wolfSSL_CTX_SetIORecv(c->ctx, receive);
    wolfSSL_CTX_SetIOSend(c->ctx, transmit);
    wge_tls_install_signing(c->ctx);
    wge_tls_install_ephemeral(c->ctx);
    if (wolfSSL_CTX_set_cipher_list(c->ctx, list) != WOLFSSL_SUCCESS)
        return COMPLAIN(why, "the suites were refused");
    if (wolfSSL_CTX_set_groups(c->ctx, groups, (int)c->rules.group_count) != WOLFSSL_SUCCESS)
        return COMPLAIN(why, "the groups were refused");
    if (wolfSSL_CTX_SetMinRsaKey_Sz(c->ctx, (short)config->minimum_rsa_bits) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_SetMinEccKey_Sz(c->ctx, c->any_server ? 0 : ECC_BITS_MIN) != WOLFSSL_SUCCESS)
        return COMPLAIN(why, "the least sizes of keys were refused");
    if (!c->any_server && config->authorities_length == 0)
        return COMPLAIN(why, "no authority is trusted: give certificates as PEM");
    if (config->authorities_length > 0 &&
        wolfSSL_CTX_load_verify_buffer(c->ctx, config->authorities, (long)config->authorities_length,
                                       WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
        return COMPLAIN(why, "the trusted authorities cannot be read: give their certificates as PEM");
    if (config->certificate.chain_length > 0 && !certificate_of_ours(c->ctx, &config->certificate))
        return COMPLAIN(why, "the client certificate was refused: it must be PEM, leaf first, ECDSA or RSA");
    if (wolfSSL_CTX_set_session_cache_mode(c->ctx, WOLFSSL_SESS_CACHE_OFF) != WOLFSSL_SUCCESS)
        return COMPLAIN(why, "resumption could not be switched off");
    return WGE_OK;
}

static enum wge_result make_object(struct wge_tls_client *c, const struct wge_tls_client_config *config, char *why)
{
    char protocols[PROTOCOL_MAX + 1];
    const size_t name = strlen(config->server_name);
    const size_t length = strlen(config->protocols);
    if ((name == 0 && !c->any_server) || name > NAME_MAX_BYTES)
        return COMPLAIN(why, "the server's name must have 1 to %d bytes", NAME_MAX_BYTES);
    if ((length == 0 && !c->any_server) || length > PROTOCOL_MAX)
        return COMPLAIN(why, "give 1 to %d bytes of protocol names", PROTOCOL_MAX);
    memcpy(protocols, config->protocols, length + 1); /* the library cuts it up in place */
    c->ssl = wolfSSL_new(c->ctx);
    if (c->ssl == NULL)
        return WGE_NO_MEMORY;
    if (name > 0 &&
        wolfSSL_UseSNI(c->ssl, WOLFSSL_SNI_HOST_NAME, config->server_name, (unsigned short)name) != WOLFSSL_SUCCESS)
        return COMPLAIN(why, "the server's name was refused");
    if (!c->any_server && wolfSSL_check_domain_name(c->ssl, config->server_name) != WOLFSSL_SUCCESS)
        return COMPLAIN(why, "the server's name was refused");
    if (length > 0 &&
        wolfSSL_UseALPN(c->ssl, protocols, (unsigned)length, WOLFSSL_ALPN_FAILED_ON_MISMATCH) != WOLFSSL_SUCCESS)
        return COMPLAIN(why, "the protocol names were refused");
    if (c->rules.tls13 && wolfSSL_UseKeyShare(c->ssl, c->rules.groups[0]) != WOLFSSL_SUCCESS)
        return COMPLAIN(why, "no key share could be made");
    wolfSSL_SetIOReadCtx(c->ssl, c);
    wolfSSL_SetIOWriteCtx(c->ssl, c);
    wolfSSL_SetCertCbCtx(c->ssl, c);
    wge_tls_set_signing(c->ssl, &c->signing);
    wolfSSL_set_using_nonblock(c->ssl, 1);
    return WGE_OK;
}

enum wge_result wge_tls_client_create(struct wge_tls_client **out, const struct wge_tls_client_config *config,
                                      struct wge_sign_client *signer, char *why)
{
    const char *const version = config->version == NULL ? "1.3" : config->version;
    const struct wge_site_config rules = {
        .versions = {.names = &version, .count = 1},
        .suites_tls13 = config->suites,
        .suites_tls12 = config->suites,
        .groups = config->groups,
        .signatures = config->signatures,
    };
    why[0] = '\0';
    if (wge_library_start() != WGE_OK)
        return COMPLAIN(why, "libwolfssl could not be started");
    struct wge_tls_client *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return WGE_NO_MEMORY;
    c->in.capacity = c->out.capacity = BUFFER;
    c->patience = PATIENCE;
    c->any_server = config->any_server;
    enum wge_result result = wge_tls_read_rules(&c->rules, &rules, why);
    c->signing = (struct wge_signing){.signer = signer,
                                      .allowed = c->rules.signatures,
                                      .allowed_count = c->rules.signature_count,
                                      .key = config->certificate.number};
    if (result == WGE_OK)
        result = make_context(c, config, why);
    if (result == WGE_OK)
        result = make_object(c, config, why);
    if (result != WGE_OK) {
        wge_tls_client_free(c);
        return result;
    }
    *out = c;
    return WGE_OK;
}

void wge_tls_client_free(struct wge_tls_client *c)
{
    if (c == NULL)
        return;
    wolfSSL_free(c->ssl);
    wolfSSL_CTX_free(c->ctx);
    wge_cipher_drop(&c->in);
    wge_cipher_drop(&c->out);
    free(c->chain);
    free(c);
}

/* --- handshake ------------------------------------------------------------------------------------------------------ */

enum wge_result wge_tls_client_feed(struct wge_tls_client *c, const uint8_t *data, size_t length)
{
    if (wge_cipher_room(&c->in, length) < length) {
        if (wge_cipher_held(&c->in) == 0)
            wge_cipher_drop(&c->in);
        return WGE_NO_MEMORY;
    }
    memcpy(c->in.bytes + c->in.end, data, length);
    c->in.end += length;
    return WGE_OK;
}

static const char *label_of(const struct wge_tls_client *c, int error)
{
    if (c->signing.failed != NULL)
        return "tls_own_key";
    switch (error) {
    case WC_NO_ERR_TRACE(DOMAIN_NAME_MISMATCH):
        return "tls_name";
    case WC_NO_ERR_TRACE(FATAL_ERROR):
        return "tls_alert";
    case WC_NO_ERR_TRACE(UNKNOWN_ALPN_PROTOCOL_NAME_E):
        return "tls_protocol";
    case WC_NO_ERR_TRACE(VERSION_ERROR):
        return "tls_version";
    case WC_NO_ERR_TRACE(RSA_KEY_SIZE_E):
    case WC_NO_ERR_TRACE(ECC_KEY_SIZE_E):
        return "tls_weak_key";
    case WC_NO_ERR_TRACE(ASN_NO_SIGNER_E):
    case WC_NO_ERR_TRACE(ASN_SELF_SIGNED_E):
    case WC_NO_ERR_TRACE(ASN_SIG_CONFIRM_E):
    case WC_NO_ERR_TRACE(ASN_BEFORE_DATE_E):
    case WC_NO_ERR_TRACE(ASN_AFTER_DATE_E):
    case WC_NO_ERR_TRACE(ASN_PATHLEN_INV_E):
    case WC_NO_ERR_TRACE(ASN_PATHLEN_SIZE_E):
    case WC_NO_ERR_TRACE(ASN_PARSE_E):
    case WC_NO_ERR_TRACE(EXTKEYUSE_AUTH_E):
    case WC_NO_ERR_TRACE(NO_PEER_CERT):
    case WC_NO_ERR_TRACE(VERIFY_CERT_ERROR):
        return "tls_chain";
    default:
        return "tls_failed";
    }
}

/* Without a protocol that both know nothing may be said: the one without MD5 and the one with it look alike. */
static bool settle(struct wge_tls_client *c)
{
    char *protocol = NULL;
    unsigned short length = 0;
    const struct wge_suite *suite = wge_suite_by_number((uint16_t)wolfSSL_get_current_cipher_suite(c->ssl));
    if (wolfSSL_ALPN_GetProtocol(c->ssl, &protocol, &length) == WOLFSSL_SUCCESS && length <= PROTOCOL_MAX)
        memcpy(c->protocol, protocol, length);
    if (suite == NULL || wolfSSL_GetVersion(c->ssl) != (c->rules.tls13 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2))
        return false;
    c->suite = suite->name;
    return true;
}

enum wge_result wge_tls_client_handshake(struct wge_tls_client *c, const char **label)
{
    if (c->established || c->failed)
        return WGE_INVALID;
    int done = wolfSSL_connect(c->ssl);
    if (done == WOLFSSL_SUCCESS && settle(c)) {
        c->established = true;
        c->signing.signer = NULL;
        return WGE_OK;
    }
    int error = done == WOLFSSL_SUCCESS ? VERSION_ERROR : wolfSSL_get_error(c->ssl, done);
    if (error == WOLFSSL_ERROR_WANT_READ)
        return WGE_WANT_READ;
    if (error == WOLFSSL_ERROR_WANT_WRITE)
        return WGE_WANT_WRITE;
    *label = label_of(c, error);
    c->failed = true;
    return WGE_PEER_ERROR;
}

const uint8_t *wge_tls_client_certificate(const struct wge_tls_client *c, size_t index, size_t *length)
{
    const uint8_t *at = c->chain;
    if (!c->established || index >= c->chain_count)
        return NULL;
    for (size_t i = 0; i < index; i++)
        at += c->lengths[i];
    *length = c->lengths[index];
    return at;
}

const char *wge_tls_client_protocol(const struct wge_tls_client *c)
{
    return c->protocol;
}

const char *wge_tls_client_suite(const struct wge_tls_client *c)
{
    return c->suite == NULL ? "" : c->suite;
}

/* --- records -------------------------------------------------------------------------------------------------------- */

static enum wge_result result_of(struct wge_tls_client *c, int error)
{
    switch (error) {
    case WOLFSSL_ERROR_WANT_READ:
        return WGE_WANT_READ;
    case WOLFSSL_ERROR_WANT_WRITE:
        return WGE_WANT_WRITE;
    case WOLFSSL_ERROR_ZERO_RETURN:
    case WC_NO_ERR_TRACE(SOCKET_PEER_CLOSED_E):
        c->failed = true;
        return WGE_CLOSED;
    default:
        c->failed = true;
        return WGE_PEER_ERROR;
    }
}

enum wge_result wge_tls_client_read(struct wge_tls_client *c, uint8_t *out, size_t capacity, size_t *length)
{
    if (!c->established || c->failed || capacity < WGE_TLS_CLIENT_PLAIN_MAX)
        return WGE_INVALID;
    if (wge_cipher_held(&c->out) + OUT_RESERVE > c->out.capacity)
        return WGE_WANT_WRITE;
    int count = wolfSSL_read(c->ssl, out, (int)capacity);
    if (c->flooded) {
        c->failed = true;
        return WGE_PEER_ERROR;
    }
    if (count <= 0)
        return result_of(c, wolfSSL_get_error(c->ssl, count));
    *length = (size_t)count;
    c->patience = PATIENCE;
    return WGE_OK;
}

enum wge_result wge_tls_client_write(struct wge_tls_client *c, const uint8_t *data, size_t length)
{
    if (!c->established || c->failed || length == 0 || length > WGE_TLS_CLIENT_PLAIN_MAX)
        return WGE_INVALID;
    if (wge_cipher_held(&c->out) + OUT_RESERVE + length + RECORD_OVERHEAD > c->out.capacity)
        return WGE_NO_MEMORY;
    int count = wolfSSL_write(c->ssl, data, (int)length);
    if (count == (int)length)
        return WGE_OK;
    c->failed = true;
    return WGE_PEER_ERROR;
}

void wge_tls_client_close_notify(struct wge_tls_client *c)
{
    if (c->established && !c->failed)
        (void)wolfSSL_shutdown(c->ssl);
    c->failed = true; /* nothing is read or written any more */
}

const uint8_t *wge_tls_client_pending(const struct wge_tls_client *c, size_t *length)
{
    *length = wge_cipher_held(&c->out);
    return *length == 0 ? NULL : c->out.bytes + c->out.start;
}

void wge_tls_client_sent(struct wge_tls_client *c, size_t length)
{
    if (length > wge_cipher_held(&c->out))
        length = wge_cipher_held(&c->out);
    c->out.start += length;
    if (wge_cipher_held(&c->out) == 0)
        wge_cipher_drop(&c->out);
}
