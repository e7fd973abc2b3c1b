/* SPDX-License-Identifier: GPL-3.0-or-later */
/* site_fixture.h - a key server with an ECDSA and an RSA key, a site that uses both, and wolfSSL clients. */
#ifndef WGE_TEST_SITE_FIXTURE_H
#define WGE_TEST_SITE_FIXTURE_H

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certificates.h"
#include "check.h"
#include "keys.h"
#include "keystore.h"
#include "library.h"
#include "sign_client.h"
#include "sign_server.h"
#include "sites.h"

#define KEY_RSA 7
#define KEY_EC 9

static struct wge_keystore *keystore;
static struct wge_sign_server *sign_server;

static inline void load_key(unsigned number, const char *pem)
{
    struct wge_private_key *key;
    const char *why;
    int fd = memfd_create("key", MFD_CLOEXEC);
    CHECK(fd >= 0 && write(fd, pem, strlen(pem)) == (ssize_t)strlen(pem));
    CHECK(wge_keystore_load(keystore, number, fd, NULL, 0, &key, &why) == WGE_OK);
    wge_private_key_release(key);
    close(fd);
}

static inline void start_key_server(void)
{
    CHECK(wge_library_start() == WGE_OK);
    CHECK(wge_keystore_create(&keystore, 2) == WGE_OK);
    load_key(KEY_RSA, key_rsa2048);
    load_key(KEY_EC, key_p256);
    CHECK(wge_sign_server_create(&sign_server, keystore, 100000) == WGE_OK);
}

static inline void stop_key_server(void)
{
    wge_sign_server_free(sign_server);
    wge_keystore_free(keystore);
}

/* The worker's end of a new channel. */
static inline int key_channel(void)
{
    static const uint16_t numbers[] = {KEY_RSA, KEY_EC};
    int pair[2];
    const char *why;
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(wge_sign_server_serve(sign_server, pair[1], numbers, 2, &why) == WGE_OK);
    return pair[0];
}

/* clang-format off */
#define NAMES(...) \
    {.names = (const char *const[]){__VA_ARGS__}, .count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)}
#define NO_NAMES {.names = NULL, .count = 0}
/* clang-format on */

static const struct wge_certificate_config both_certificates[] = {
    {.number = KEY_EC, .chain = (const uint8_t *)certificate_p256, .chain_length = sizeof(certificate_p256) - 1},
    {.number = KEY_RSA, .chain = (const uint8_t *)certificate_rsa2048, .chain_length = sizeof(certificate_rsa2048) - 1},
};

/* a library like a module of the line v5 has no ML-KEM and no X25519 */
#ifdef WOLFSSL_HAVE_MLKEM
#define SITE_GROUPS NAMES("SecP256r1MLKEM768", "SecP384r1MLKEM1024", "secp256r1", "secp384r1")
#define SITE_KEY_SHARES NAMES("SecP256r1MLKEM768", "SecP384r1MLKEM1024")
#else
#define SITE_GROUPS NAMES("secp256r1", "secp384r1")
#define SITE_KEY_SHARES NO_NAMES
#endif
#ifdef HAVE_CURVE25519
#define GROUP_OF_NO_SITE WOLFSSL_ECC_X25519
#else
#define GROUP_OF_NO_SITE WOLFSSL_ECC_SECP521R1
#endif

static const struct wge_site_config default_site = {
    .name = "main",
    .server_names = NAMES("vpn.example.com", "*.wild.example.com"),
    .certificates = both_certificates,
    .certificate_count = 2,
    .versions = NAMES("1.3", "1.2"),
    .suites_tls13 = NAMES("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"),
    .suites_tls12 = NAMES("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    .groups = SITE_GROUPS,
    .key_shares = SITE_KEY_SHARES,
    .signatures = NAMES("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256", "rsa_pkcs1_sha256"),
    .require_extended_master_secret = true,
    .minimum_rsa_bits = 2048,
};

/* What a test's client does otherwise than usual. Lists end with 0. */
struct client_options {
    bool tls12;
    bool no_ems;
    const char *suites;
    const char *server_name;
    int groups[8];
};

static inline WOLFSSL_CTX *client_context(const struct client_options *options)
{
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(options->tls12 ? wolfTLSv1_2_client_method() : wolfTLSv1_3_client_method());
    CHECK(ctx != NULL);
    wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
    if (options->suites != NULL)
        CHECK(wolfSSL_CTX_set_cipher_list(ctx, options->suites) == WOLFSSL_SUCCESS);
    if (options->no_ems)
        CHECK(wolfSSL_CTX_DisableExtendedMasterSecret(ctx) == WOLFSSL_SUCCESS);
    int groups[8], count = 0;
    while (options->groups[count] != 0) {
        groups[count] = options->groups[count];
        count++;
    }
    if (count > 0)
        CHECK(wolfSSL_CTX_set_groups(ctx, groups, count) == WOLFSSL_SUCCESS);
    if (options->server_name != NULL)
        CHECK(wolfSSL_CTX_UseSNI(ctx, WOLFSSL_SNI_HOST_NAME, options->server_name,
                                 (unsigned short)strlen(options->server_name)) == WOLFSSL_SUCCESS);
    return ctx;
}

static inline WOLFSSL *client_object(const struct client_options *options, int fd)
{
    WOLFSSL_CTX *ctx = client_context(options);
    WOLFSSL *ssl = wolfSSL_new(ctx);
    CHECK(ssl != NULL && wolfSSL_set_fd(ssl, fd) == WOLFSSL_SUCCESS);
    wolfSSL_CTX_free(ctx); /* the object holds it */
    return ssl;
}

#endif
