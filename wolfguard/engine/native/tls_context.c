/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls_context.c - from a site's names to wolfSSL objects: one WOLFSSL_CTX a certificate, since wolfSSL holds one chain
 * in each; which one serves a client is decided on its ClientHello (negotiation.c). */
#include "tls_wolfssl.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "certificate.h"
#include "library.h"

#define CHAIN_MAX 65536

struct wge_tls_context {
    _Atomic unsigned references;
    char *name;
    struct wge_tls_rules rules;
    struct wge_certificate_facts certificates[WGE_CERTIFICATES_MAX];
    WOLFSSL_CTX *library[WGE_CERTIFICATES_MAX];
    size_t certificate_count;
};

bool wge_tls_library_has_group(uint16_t number)
{
    int group = number;
    WOLFSSL_CTX *ctx = wge_library_start() == WGE_OK ? wolfSSL_CTX_new(wolfTLSv1_3_server_method()) : NULL;
    bool has = ctx != NULL && wolfSSL_CTX_set_groups(ctx, &group, 1) == WOLFSSL_SUCCESS;
    wolfSSL_CTX_free(ctx);
    return has;
}

bool wge_tls_library_has_suite(const char *library_name)
{
    WOLFSSL_CTX *ctx = wge_library_start() == WGE_OK ? wolfSSL_CTX_new(wolfSSLv23_server_method()) : NULL;
    bool has = ctx != NULL && wolfSSL_CTX_set_cipher_list(ctx, library_name) == WOLFSSL_SUCCESS;
    wolfSSL_CTX_free(ctx);
    return has;
}

#define COMPLAIN(why, ...) (snprintf((why), WGE_WHY_MAX, __VA_ARGS__), WGE_INVALID)

static enum wge_result read_suites(struct wge_tls_rules *rules, const struct wge_names *names, uint16_t version,
                                   char *why)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct wge_suite *suite = wge_suite_by_name(names->names[i]);
        if (suite == NULL || suite->version != version)
            return COMPLAIN(why, "suite %s is not available for TLS %s", names->names[i],
                            version == WGE_TLS13 ? "1.3" : "1.2");
        if (rules->suite_count == WGE_RULES_MAX)
            return COMPLAIN(why, "more than %d suites: list fewer", WGE_RULES_MAX);
        rules->suites[rules->suite_count++] = suite->number;
    }
    return WGE_OK;
}

static enum wge_result read_groups(struct wge_tls_rules *rules, const struct wge_names *names, char *why)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct wge_group *group = wge_group_by_name(names->names[i]);
        if (group == NULL || !wge_tls_library_has_group(group->number))
            return COMPLAIN(why, "group %s is not available: this libwolfssl was built without it", names->names[i]);
        if (rules->group_count == WGE_RULES_MAX)
            return COMPLAIN(why, "more than %d groups: list fewer", WGE_RULES_MAX);
        rules->groups[rules->group_count++] = group->number;
    }
    return rules->group_count > 0 ? WGE_OK : COMPLAIN(why, "no group is listed: list at least secp256r1");
}

static enum wge_result read_key_shares(struct wge_tls_rules *rules, const struct wge_names *names, char *why)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct wge_group *group = wge_group_by_name(names->names[i]);
        bool known = false;
        for (size_t n = 0; group != NULL && n < rules->group_count; n++)
            known |= rules->groups[n] == group->number;
        if (!known || rules->key_share_count == rules->group_count)
            return COMPLAIN(why, "key share %s is none of the groups, or is listed twice", names->names[i]);
        rules->key_shares[rules->key_share_count++] = group->number;
    }
    return WGE_OK;
}

enum wge_result wge_tls_read_rules(struct wge_tls_rules *rules, const struct wge_site_config *config, char *why)
{
    for (size_t i = 0; i < config->versions.count; i++) {
        const char *version = config->versions.names[i];
        if (strcmp(version, "1.3") == 0)
            rules->tls13 = true;
        else if (strcmp(version, "1.2") == 0)
            rules->tls12 = true;
        else
            return COMPLAIN(why, "TLS version %s is not available: use 1.3 or 1.2", version);
    }
    if (!rules->tls13 && !rules->tls12)
        return COMPLAIN(why, "no TLS version is listed: use 1.3 or 1.2");
    if (config->tickets)
        return COMPLAIN(why, "session tickets are not available: set tickets to false");
    enum wge_result result = WGE_OK;
    if (rules->tls13)
        result = read_suites(rules, &config->suites_tls13, WGE_TLS13, why);
    if (result == WGE_OK && rules->tls12)
        result = read_suites(rules, &config->suites_tls12, WGE_TLS12, why);
    if (result == WGE_OK && rules->suite_count == 0)
        return COMPLAIN(why, "no suite is listed for the versions in use");
    if (result == WGE_OK)
        result = read_groups(rules, &config->groups, why);
    if (result == WGE_OK)
        result = read_key_shares(rules, &config->key_shares, why);
    for (size_t i = 0; result == WGE_OK && i < config->signatures.count; i++) {
        const struct wge_signature *signature = wge_signature_by_name(config->signatures.names[i]);
        if (signature == NULL)
            return COMPLAIN(why, "signature algorithm %s is not available", config->signatures.names[i]);
        if (rules->signature_count == WGE_RULES_MAX)
            return COMPLAIN(why, "more than %d signature algorithms: list fewer", WGE_RULES_MAX);
        rules->signatures[rules->signature_count++] = signature->number;
    }
    rules->require_extended_master_secret = config->require_extended_master_secret;
    rules->require_hybrid = config->require_hybrid;
    return result;
}

static enum wge_key_kind read_public_key(const uint8_t *spki, word32 length, unsigned *bits)
{
    enum wge_key_kind kind = WGE_KEY_KIND_ANY;
    word32 at = 0;
    ecc_key ec;
    if (wc_ecc_init(&ec) == 0) {
        if (wc_EccPublicKeyDecode(spki, &at, &ec, length) == 0) {
            kind = WGE_KEY_KIND_EC;
            /* P-521 keys are 66 bytes long */
            *bits = wc_ecc_size(&ec) == 66 ? 521 : (unsigned)wc_ecc_size(&ec) * 8;
        }
        wc_ecc_free(&ec);
    }
    RsaKey rsa;
    at = 0;
    if (kind == WGE_KEY_KIND_ANY && wc_InitRsaKey(&rsa, NULL) == 0) {
        if (wc_RsaPublicKeyDecode(spki, &at, &rsa, length) == 0) {
            kind = WGE_KEY_KIND_RSA;
            *bits = (unsigned)wc_RsaEncryptSize(&rsa) * 8;
        }
        wc_FreeRsaKey(&rsa);
    }
    return kind;
}

void wge_tls_list_suites(const struct wge_tls_rules *rules, char *list)
{
    size_t at = 0;
    for (size_t i = 0; i < rules->suite_count && at < WGE_CIPHER_LIST_MAX; i++) {
        const struct wge_suite *suite = wge_suite_by_number(rules->suites[i]);
        at += (size_t)snprintf(list + at, WGE_CIPHER_LIST_MAX - at, "%s%s", i == 0 ? "" : ":", suite->library_name);
    }
}

static WOLFSSL_CTX *make_library_context(const struct wge_tls_context *context,
                                         const struct wge_certificate_config *config, const uint8_t *spki,
                                         size_t spki_length, const char **failed)
{
    const struct wge_tls_rules *rules = &context->rules;
    WOLFSSL_METHOD *method = !rules->tls12  ? wolfTLSv1_3_server_method()
                             : rules->tls13 ? wolfSSLv23_server_method()
                                            : wolfTLSv1_2_server_method();
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(method);
    *failed = "the TLS library has no memory";
    if (ctx == NULL)
        return NULL;
    wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
    wge_tls_install_callbacks(ctx); /* first: with them a public key may stand for the private one */
    char list[WGE_CIPHER_LIST_MAX];
    wge_tls_list_suites(rules, list);
    int groups[WGE_RULES_MAX];
    for (size_t i = 0; i < rules->group_count; i++)
        groups[i] = rules->groups[i];
    *failed = "TLS 1.2 as the oldest version was refused";
    bool good = wolfSSL_CTX_SetMinVersion(ctx, rules->tls12 ? WOLFSSL_TLSV1_2 : WOLFSSL_TLSV1_3) == WOLFSSL_SUCCESS;
    if (good) {
        *failed = "the suites were refused";
        good = wolfSSL_CTX_set_cipher_list(ctx, list) == WOLFSSL_SUCCESS;
    }
    if (good) {
        *failed = "the groups were refused";
        good = wolfSSL_CTX_set_groups(ctx, groups, (int)rules->group_count) == WOLFSSL_SUCCESS;
    }
    if (good) {
        *failed = "the certificate chain was refused: it must be PEM, leaf first";
        good =
            wolfSSL_CTX_use_certificate_chain_buffer(ctx, config->chain, (long)config->chain_length) == WOLFSSL_SUCCESS;
    }
    if (good) {
        /* the public key alone: enough to know sizes and to check what keyd answers */
        *failed = "the certificate's public key was refused";
        good =
            wolfSSL_CTX_use_PrivateKey_buffer(ctx, spki, (long)spki_length, WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS;
    }
    if (good) {
        /* no resumption of any kind: every connection is a full handshake, and no ticket follows it */
        *failed = "resumption could not be switched off";
        good = wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF) == WOLFSSL_SUCCESS;
#ifdef HAVE_SESSION_TICKET
        good = good && (!rules->tls13 || wolfSSL_CTX_no_ticket_TLSv13(ctx) == 0) &&
               (!rules->tls12 || wolfSSL_CTX_NoTicketTLSv12(ctx) == WOLFSSL_SUCCESS);
#endif
    }
    if (!good) {
        wolfSSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static enum wge_result add_certificate(struct wge_tls_context *context, const struct wge_certificate_config *config,
                                       unsigned minimum_rsa_bits, char *why)
{
    uint8_t spki[WGE_CERTIFICATE_SPKI_MAX];
    size_t spki_length = 0;
    unsigned bits = 0;
    if (config->chain_length > CHAIN_MAX ||
        wge_certificate_spki(config->chain, config->chain_length, spki, &spki_length) != WGE_OK)
        return COMPLAIN(why, "certificate %u cannot be read: it must be PEM, leaf first, at most %d bytes",
                        config->number, CHAIN_MAX);
    enum wge_key_kind kind = read_public_key(spki, (word32)spki_length, &bits);
    if (kind == WGE_KEY_KIND_ANY)
        return COMPLAIN(why, "certificate %u has neither an ECDSA nor an RSA key", config->number);
    if (kind == WGE_KEY_KIND_RSA && bits < minimum_rsa_bits)
        return COMPLAIN(why, "certificate %u has an RSA key of %u bits, the profile asks for %u", config->number, bits,
                        minimum_rsa_bits);
    const char *failed = "";
    WOLFSSL_CTX *ctx = make_library_context(context, config, spki, spki_length, &failed);
    if (ctx == NULL)
        return COMPLAIN(why, "certificate %u: %s", config->number, failed);
    size_t place = context->certificate_count++;
    context->library[place] = ctx;
    context->certificates[place] = (struct wge_certificate_facts){.number = config->number, .key = kind, .bits = bits};
    return WGE_OK;
}

enum wge_result wge_tls_context_create(struct wge_tls_context **out, const struct wge_site_config *config, char *why)
{
    why[0] = '\0';
    if (wge_library_start() != WGE_OK)
        return COMPLAIN(why, "libwolfssl could not be started");
    if (config->certificate_count == 0 || config->certificate_count > WGE_CERTIFICATES_MAX)
        return COMPLAIN(why, "site %s: give 1 to %d certificates", config->name, WGE_CERTIFICATES_MAX);
    struct wge_tls_context *context = calloc(1, sizeof(*context));
    if (context == NULL)
        return WGE_NO_MEMORY;
    atomic_init(&context->references, 1);
    context->name = strdup(config->name);
    enum wge_result result = context->name == NULL ? WGE_NO_MEMORY : wge_tls_read_rules(&context->rules, config, why);
    for (size_t i = 0; result == WGE_OK && i < config->certificate_count; i++)
        result = add_certificate(context, &config->certificates[i], config->minimum_rsa_bits, why);
    if (result != WGE_OK) {
        wge_tls_context_release(context);
        return result;
    }
    *out = context;
    return WGE_OK;
}

struct wge_tls_context *wge_tls_context_share(struct wge_tls_context *context)
{
    atomic_fetch_add(&context->references, 1);
    return context;
}

void wge_tls_context_release(struct wge_tls_context *context)
{
    if (context == NULL || atomic_fetch_sub(&context->references, 1) > 1)
        return;
    for (size_t i = 0; i < context->certificate_count; i++)
        wolfSSL_CTX_free(context->library[i]);
    free(context->name);
    free(context);
}

const char *wge_tls_context_name(const struct wge_tls_context *context)
{
    return context->name;
}

const struct wge_tls_rules *wge_tls_context_rules(const struct wge_tls_context *context)
{
    return &context->rules;
}

const struct wge_certificate_facts *wge_tls_context_certificates(const struct wge_tls_context *context, size_t *count)
{
    *count = context->certificate_count;
    return context->certificates;
}

WOLFSSL_CTX *wge_tls_context_library(struct wge_tls_context *context, size_t certificate)
{
    return certificate < context->certificate_count ? context->library[certificate] : NULL;
}
