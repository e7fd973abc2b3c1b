/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_tls_client.c - connections that we open, against a real TLS server in memory: what must be checked is checked, and
 * nothing can be written before. */
#include "site_fixture.h"

#include "tls_client.h"
#include "tls_server.h"

#define BOTH "radius/1.1,radius/1.0"

static struct wge_counters counters;
static struct wge_sign_client *signer;
static uint8_t plain[WGE_TLS_CLIENT_PLAIN_MAX];

static const struct wge_tls_client_config good = {
    .server_name = "vpn.example.com",
    .authorities = (const uint8_t *)certificate_p256,
    .authorities_length = sizeof(certificate_p256) - 1,
    .certificate = {.number = KEY_RSA,
                    .chain = (const uint8_t *)certificate_rsa2048,
                    .chain_length = sizeof(certificate_rsa2048) - 1},
    .protocols = BOTH,
    .suites = NAMES("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"),
    .groups = SITE_GROUPS,
    .signatures = NAMES("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256"),
    .minimum_rsa_bits = 2048,
};

static struct wge_tls_client *make_client(const struct wge_tls_client_config *config)
{
    struct wge_tls_client *c = NULL;
    char why[WGE_WHY_MAX];
    if (wge_tls_client_create(&c, config, signer, why) != WGE_OK) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
    return c;
}

/* Moves what both have to say, at most `step` bytes at a time towards the client. */
static void carry(struct wge_tls_client *c, struct server *s, size_t step)
{
    size_t length;
    const uint8_t *bytes = wge_tls_client_pending(c, &length);
    CHECK(s->in_end + length <= sizeof(s->in));
    if (length > 0)
        memcpy(s->in + s->in_end, bytes, length);
    s->in_end += length;
    wge_tls_client_sent(c, length);
    length = s->out_end < step ? s->out_end : step;
    CHECK(wge_tls_client_feed(c, s->out, length) == WGE_OK);
    memmove(s->out, s->out + length, s->out_end - length);
    s->out_end -= length;
}

/* The label when the client gave up, NULL when both are done. */
static const char *shake(struct wge_tls_client *c, struct server *s, size_t step)
{
    const char *label = NULL;
    bool done = false, served = false;
    for (int turn = 0; turn < 40000 && !(done && served); turn++) {
        if (!done) {
            enum wge_result result = wge_tls_client_handshake(c, &label);
            if (result == WGE_PEER_ERROR)
                return label;
            done = result == WGE_OK;
            CHECK(done || result == WGE_WANT_READ);
        }
        carry(c, s, step);
        if (!served)
            served = wolfSSL_accept(s->ssl) == WOLFSSL_SUCCESS;
    }
    CHECK(done && served);
    return NULL;
}

static void test_a_good_server(size_t step, const char *protocols, const char *chosen)
{
    struct server *s = make_server(protocols, false, certificate_rsa2048);
    struct wge_tls_client *c = make_client(&good);
    size_t length;
    CHECK(wge_tls_client_write(c, plain, 5) == WGE_INVALID); /* nothing before everything was checked */
    CHECK(wge_tls_client_certificate(c, 0, &length) == NULL);
    CHECK(shake(c, s, step) == NULL);
    CHECK(strcmp(wge_tls_client_protocol(c), chosen) == 0);
    const uint8_t *own = wge_tls_client_certificate(c, 0, &length);
    CHECK(own != NULL && own[0] == 0x30 && own[1] == 0x82 && length == (size_t)own[2] * 256 + own[3] + 4);
    CHECK(wge_tls_client_certificate(c, 1, &length) == NULL);
    CHECK(strcmp(wge_tls_client_suite(c), "TLS_AES_256_GCM_SHA384") == 0);
    CHECK(wge_tls_client_write(c, (const uint8_t *)"hello", 5) == WGE_OK);
    carry(c, s, sizeof(s->out));
    CHECK(wolfSSL_read(s->ssl, plain, sizeof(plain)) == 5);
    CHECK(wolfSSL_write(s->ssl, "you", 3) == 3);
    carry(c, s, sizeof(s->out));
    CHECK(wge_tls_client_read(c, plain, sizeof(plain), &length) == WGE_OK);
    CHECK(length == 3 && memcmp(plain, "you", 3) == 0);
    CHECK(wge_tls_client_read(c, plain, sizeof(plain), &length) == WGE_WANT_READ);
    (void)wolfSSL_shutdown(s->ssl);
    carry(c, s, sizeof(s->out));
    CHECK(wge_tls_client_read(c, plain, sizeof(plain), &length) == WGE_CLOSED);
    CHECK(wge_tls_client_write(c, plain, 5) == WGE_INVALID);
    wge_tls_client_free(c);
    drop_server(s);
}

static void test_nothing_goes_on_after_our_own_end(void)
{
    struct server *s = make_server(BOTH, false, certificate_rsa2048);
    struct wge_tls_client *c = make_client(&good);
    size_t length;
    CHECK(shake(c, s, sizeof(s->out)) == NULL);
    CHECK(wolfSSL_write(s->ssl, "you", 3) == 3);
    wge_tls_client_close_notify(c);
    wge_tls_client_close_notify(c);
    carry(c, s, sizeof(s->out));
    CHECK(wge_tls_client_read(c, plain, sizeof(plain), &length) == WGE_INVALID);
    CHECK(wge_tls_client_write(c, plain, 5) == WGE_INVALID);
    CHECK(wolfSSL_read(s->ssl, plain, sizeof(plain)) == 0);
    CHECK(wolfSSL_get_error(s->ssl, 0) == WOLFSSL_ERROR_ZERO_RETURN);
    wge_tls_client_free(c);
    drop_server(s);
}

static const char *refused(const struct wge_tls_client_config *config, const char *protocols, bool tls12)
{
    struct server *s = make_server(protocols, tls12, certificate_rsa2048);
    struct wge_tls_client *c = make_client(config);
    const char *label = shake(c, s, sizeof(s->out));
    CHECK(label != NULL);
    CHECK(wge_tls_client_write(c, plain, 5) == WGE_INVALID);
    CHECK(wge_tls_client_handshake(c, &label) == WGE_INVALID);
    wge_tls_client_free(c);
    drop_server(s);
    return label;
}

static void test_what_must_not_be_taken(void)
{
    struct wge_tls_client_config other = good;
    other.server_name = "radius.example.com";
    CHECK(strcmp(refused(&other, BOTH, false), "tls_name") == 0);
    other = good;
    other.authorities = (const uint8_t *)certificate_p384;
    other.authorities_length = sizeof(certificate_p384) - 1;
    CHECK(strcmp(refused(&other, BOTH, false), "tls_chain") == 0);
    other = good;
    other.protocols = "radius/1.1";
    const char *label = refused(&other, "radius/1.0", false);
    CHECK(strcmp(label, "tls_alert") == 0 || strcmp(label, "tls_protocol") == 0);
    label = refused(&good, BOTH, true);
    CHECK(strcmp(label, "tls_version") == 0 || strcmp(label, "tls_alert") == 0 || strcmp(label, "tls_failed") == 0);
}

static void test_noise(void)
{
    static uint8_t noise[200 * 1024];
    struct wge_tls_client *c = make_client(&good);
    const char *label = NULL;
    CHECK(wge_tls_client_handshake(c, &label) == WGE_WANT_READ);
    CHECK(wge_tls_client_feed(c, noise, sizeof(noise)) == WGE_NO_MEMORY);
    memset(noise, 0x5a, sizeof(noise));
    CHECK(wge_tls_client_feed(c, noise, 1000) == WGE_OK);
    CHECK(wge_tls_client_handshake(c, &label) == WGE_PEER_ERROR);
    CHECK(label != NULL);
    wge_tls_client_free(c);
}

/* Who only looks takes the server as it is, and learns its chain; what is not TLS of that version stays refused. */
static void test_any_server(bool tls12)
{
    struct wge_tls_client_config looking = {
        .server_name = "another.example.com",
        .protocols = "",
        .version = tls12 ? "1.2" : "1.3",
        .suites = tls12 ? (struct wge_names)NAMES("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384") : good.suites,
        .groups = good.groups,
        .signatures = good.signatures,
        .any_server = true,
    };
    struct server *s = make_server(NULL, tls12, NULL);
    struct wge_tls_client *c = make_client(&looking);
    size_t length;
    CHECK(shake(c, s, sizeof(s->out)) == NULL);
    CHECK(wge_tls_client_certificate(c, 0, &length) != NULL && length > 100);
    CHECK(wge_tls_client_certificate(c, 1, &length) == NULL);
    CHECK(strcmp(wge_tls_client_suite(c), looking.suites.names[0]) == 0);
    CHECK(wge_tls_client_write(c, (const uint8_t *)"hello", 5) == WGE_OK);
    carry(c, s, sizeof(s->out));
    CHECK(wolfSSL_read(s->ssl, plain, sizeof(plain)) == 5);
    wge_tls_client_free(c);
    drop_server(s);
    looking.server_name = "";
    CHECK(refused(&looking, NULL, !tls12) != NULL);
}

static void test_settings_that_cannot_be(void)
{
    struct wge_tls_client *c = NULL;
    char why[WGE_WHY_MAX];
    struct wge_tls_client_config bad = good;
    bad.server_name = "";
    CHECK(wge_tls_client_create(&c, &bad, signer, why) == WGE_INVALID && strstr(why, "name") != NULL);
    bad = good;
    bad.authorities = (const uint8_t *)"nothing";
    bad.authorities_length = 7;
    CHECK(wge_tls_client_create(&c, &bad, signer, why) == WGE_INVALID && strstr(why, "authorities") != NULL);
    bad.authorities_length = 0;
    CHECK(wge_tls_client_create(&c, &bad, signer, why) == WGE_INVALID && strstr(why, "authority") != NULL);
    bad = good;
    bad.version = "1.1";
    CHECK(wge_tls_client_create(&c, &bad, signer, why) == WGE_INVALID && strstr(why, "version") != NULL);
    bad = good;
    bad.certificate.chain_length = 10;
    CHECK(wge_tls_client_create(&c, &bad, signer, why) == WGE_INVALID && strstr(why, "certificate") != NULL);
    bad = good;
    bad.protocols = "";
    CHECK(wge_tls_client_create(&c, &bad, signer, why) == WGE_INVALID && strstr(why, "protocol") != NULL);
    CHECK(c == NULL);
}

int main(void)
{
    start_key_server();
    CHECK(wge_sign_client_create(&signer, &counters) == WGE_OK);
    wge_sign_client_set_channel(signer, key_channel());
    test_a_good_server(65536, BOTH, "radius/1.1");
    test_a_good_server(1, BOTH, "radius/1.1");
    test_a_good_server(65536, "radius/1.0", "radius/1.0");
    test_a_good_server(65536, NULL, "");
    test_nothing_goes_on_after_our_own_end();
    test_what_must_not_be_taken();
    test_noise();
    test_any_server(false);
    test_any_server(true);
    test_settings_that_cannot_be();
    wge_sign_client_free(signer);
    stop_key_server();
    return 0;
}
