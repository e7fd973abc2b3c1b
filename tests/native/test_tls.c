/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_tls.c - streams over socket pairs with a real TLS client: versions, certificates, groups, refusals, records. */
#include "site_fixture.h"

#include <errno.h>

#include "client_hello.h"
#include "tls.h"

static struct wge_counters counters;
static struct wge_sign_client *signer;
static struct wge_sites *sites;
static uint8_t plain[WGE_RECORD_PLAIN_MAX];

struct pair {
    struct wge_stream *server;
    WOLFSSL *client;
    int client_fd;
};

static struct wge_sites *make_sites(const struct wge_site_config *configs, size_t count)
{
    struct wge_sites *made = NULL;
    char why[WGE_WHY_MAX];
    if (wge_sites_create(&made, configs, count, why) != WGE_OK) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
    return made;
}

static struct pair make_pair(const struct client_options *options)
{
    struct pair p;
    int fds[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    CHECK(wge_stream_create(&p.server, fds[0]) == WGE_OK);
    p.client_fd = fds[1];
    p.client = client_object(options, fds[1]);
    wolfSSL_set_using_nonblock(p.client, 1);
    return p;
}

static void drop_pair(struct pair *p)
{
    wolfSSL_free(p->client);
    close(p->client_fd);
    wge_stream_free(p->server, false);
}

/* One turn of the server; the label when it refused, else NULL. */
static const char *server_turn(struct pair *p, struct wge_sites *with, bool *begun, bool *done)
{
    const char *label = NULL;
    enum wge_result result = wge_stream_fill(p->server);
    CHECK(result == WGE_OK || result == WGE_WANT_READ || result == WGE_CLOSED);
    if (!*begun) {
        struct wge_client_hello hello;
        struct wge_tls_choice choice;
        uint8_t alert;
        result = wge_stream_hello(p->server, &hello, &label);
        if (result == WGE_WANT_READ)
            return NULL;
        if (result != WGE_OK)
            return label;
        struct wge_tls_context *context = wge_sites_select(with, hello.server_name);
        size_t count;
        const struct wge_certificate_facts *facts = wge_tls_context_certificates(context, &count);
        if (wge_negotiate(wge_tls_context_rules(context), facts, count, &hello, &choice, &label, &alert) != WGE_OK) {
            wge_stream_refuse(p->server, alert);
            CHECK(wge_stream_flush(p->server) == WGE_OK);
            return label;
        }
        CHECK(wge_stream_begin(p->server, context, &choice, signer) == WGE_OK);
        *begun = true;
    }
    result = wge_stream_accept(p->server, &label);
    CHECK(wge_stream_flush(p->server) == WGE_OK);
    if (result == WGE_OK)
        *done = true;
    return result == WGE_PEER_ERROR ? label : NULL;
}

/* Runs both sides to the end. NULL: connected. */
static const char *shake(struct pair *p, struct wge_sites *with)
{
    bool begun = false, done = false, connected = false;
    for (int turns = 0; turns < 40 && !(done && connected); turns++) {
        if (!connected) {
            int result = wolfSSL_connect(p->client);
            int error = wolfSSL_get_error(p->client, result);
            connected = result == WOLFSSL_SUCCESS;
            if (!connected && error != WOLFSSL_ERROR_WANT_READ && error != WOLFSSL_ERROR_WANT_WRITE && done)
                return "client";
        }
        if (!done) {
            const char *label = server_turn(p, with, &begun, &done);
            if (label != NULL)
                return label;
        }
    }
    CHECK(done && connected);
    return NULL;
}

static void expect(const struct client_options *options, const char *version, const char *suite, const char *group,
                   const char *signature)
{
    struct pair p = make_pair(options);
    struct wge_tls_facts facts;
    const char *label = shake(&p, sites);
    if (label != NULL)
        fprintf(stderr, "%s\n", label);
    CHECK(label == NULL);
    wge_stream_facts(p.server, &facts);
    if (strcmp(facts.suite, suite) != 0 || strcmp(facts.group, group) != 0 || strcmp(facts.signature, signature) != 0)
        fprintf(stderr, "%s %s %s\n", facts.suite, facts.group, facts.signature);
    CHECK(strcmp(facts.version, version) == 0 && strcmp(facts.suite, suite) == 0);
    CHECK(strcmp(facts.group, group) == 0 && strcmp(facts.signature, signature) == 0);
    CHECK(facts.extended_master_secret);
    CHECK(wge_stream_is_tls13(p.server) == (strcmp(version, "TLS 1.3") == 0));
    drop_pair(&p);
}

static void refused(const struct client_options *options, struct wge_sites *with, const char *expected)
{
    struct pair p = make_pair(options);
    const char *label = shake(&p, with);
    if (label == NULL || strcmp(label, expected) != 0)
        fprintf(stderr, "%s instead of %s\n", label == NULL ? "connected" : label, expected);
    CHECK(label != NULL && strcmp(label, expected) == 0);
    /* the client is told, and does not hang */
    int result = wolfSSL_connect(p.client);
    CHECK(result != WOLFSSL_SUCCESS && wolfSSL_get_error(p.client, result) != WOLFSSL_ERROR_WANT_READ);
    drop_pair(&p);
}

static void test_what_comes_up(void)
{
    const int p256 = WOLFSSL_ECC_SECP256R1, p384 = WOLFSSL_ECC_SECP384R1;
    expect(&(struct client_options){.groups = {p256}}, "TLS 1.3", "TLS_AES_256_GCM_SHA384", "secp256r1",
           "ecdsa_secp256r1_sha256");
    expect(&(struct client_options){.groups = {p384}, .suites = "TLS13-AES128-GCM-SHA256"}, "TLS 1.3",
           "TLS_AES_128_GCM_SHA256", "secp384r1", "ecdsa_secp256r1_sha256");
#ifdef WOLFSSL_HAVE_MLKEM
    expect(&(struct client_options){.groups = {WOLFSSL_SECP256R1MLKEM768, p256}}, "TLS 1.3", "TLS_AES_256_GCM_SHA384",
           "SecP256r1MLKEM768", "ecdsa_secp256r1_sha256");
    expect(&(struct client_options){.groups = {WOLFSSL_SECP384R1MLKEM1024}}, "TLS 1.3", "TLS_AES_256_GCM_SHA384",
           "SecP384r1MLKEM1024", "ecdsa_secp256r1_sha256");
    /* a key share for P-256 only, but the hybrid is listed: it is asked for */
    expect(&(struct client_options){.groups = {p256, WOLFSSL_SECP256R1MLKEM768}}, "TLS 1.3", "TLS_AES_256_GCM_SHA384",
           "SecP256r1MLKEM768", "ecdsa_secp256r1_sha256");
#endif
    expect(&(struct client_options){.tls12 = true, .groups = {p256}, .suites = "ECDHE-ECDSA-AES256-GCM-SHA384"},
           "TLS 1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "secp256r1", "ecdsa_secp256r1_sha256");
    expect(&(struct client_options){.tls12 = true, .groups = {GROUP_OF_NO_SITE, p256}}, "TLS 1.2",
           "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "secp256r1", "ecdsa_secp256r1_sha256");
}

/* The same site serves an ECDSA and an RSA certificate. wolfSSL's client cannot be told to offer RSA signatures only in
 * TLS 1.3, so a site with the RSA certificate alone stands for that. */
static void test_rsa(void)
{
    struct wge_sites *before = sites;
    struct wge_site_config config = default_site;
    config.certificates = &both_certificates[1];
    config.certificate_count = 1;
    expect(&(struct client_options){.tls12 = true, .suites = "ECDHE-RSA-AES256-GCM-SHA384"}, "TLS 1.2",
           "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "secp256r1", "rsa_pss_rsae_sha256");
    sites = make_sites(&config, 1);
    expect(&(struct client_options){.groups = {WOLFSSL_ECC_SECP256R1}}, "TLS 1.3", "TLS_AES_256_GCM_SHA384",
           "secp256r1", "rsa_pss_rsae_sha256");
    wge_sites_release(sites);
    /* the site's order decides, not the client's, and not how strong a hash is */
    config.signatures = (struct wge_names)NAMES("rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512");
    sites = make_sites(&config, 1);
    for (unsigned tls12 = 0; tls12 < 2; tls12++)
        expect(&(struct client_options){.tls12 = tls12 != 0, .groups = {WOLFSSL_ECC_SECP256R1}},
               tls12 ? "TLS 1.2" : "TLS 1.3",
               tls12 ? "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" : "TLS_AES_256_GCM_SHA384", "secp256r1",
               "rsa_pss_rsae_sha384");
    wge_sites_release(sites);
    sites = before;
}

static void test_refusals(void)
{
    refused(&(struct client_options){.tls12 = true, .no_ems = true}, sites, "handshake_no_ems");
    refused(&(struct client_options){.groups = {WOLFSSL_ECC_SECP521R1}}, sites, "handshake_no_group");
    refused(&(struct client_options){.tls12 = true, .groups = {GROUP_OF_NO_SITE}}, sites, "handshake_no_group");
    /* RFC 8422 section 5.3: the site's ECDSA certificate is of a curve that this client does not list */
    refused(&(struct client_options){.tls12 = true,
                                     .groups = {WOLFSSL_ECC_SECP384R1},
                                     .suites = "ECDHE-ECDSA-AES256-GCM-SHA384"},
            sites, "handshake_no_signature");
    refused(&(struct client_options){.tls12 = true, .suites = "ECDHE-RSA-AES128-GCM-SHA256"}, sites,
            "handshake_no_suite");
    struct wge_site_config config = default_site;
    config.require_hybrid = true;
    struct wge_sites *hybrid = make_sites(&config, 1);
    refused(&(struct client_options){.groups = {WOLFSSL_ECC_SECP256R1}}, hybrid, "handshake_no_hybrid");
    refused(&(struct client_options){.tls12 = true}, hybrid, "handshake_no_hybrid");
    wge_sites_release(hybrid);
    config = default_site;
    config.versions = (struct wge_names)NAMES("1.3");
    struct wge_sites *only13 = make_sites(&config, 1);
    refused(&(struct client_options){.tls12 = true}, only13, "handshake_version");
    wge_sites_release(only13);
}

static void test_server_names(void)
{
    struct wge_site_config configs[2] = {default_site, default_site};
    configs[1].name = "other";
    configs[1].server_names = (struct wge_names)NAMES("Other.example.com", "*.wild.example.com", "*.example.net");
    struct wge_sites *two = make_sites(configs, 2);
    static const struct {
        const char *asked, *served;
    } cases[] = {
        {"vpn.example.com", "main"},
        {"other.example.com", "other"},
        {"a.wild.example.com", "main"},
        {"a.example.net", "other"},
        {"a.b.example.net", "main"},
        {"example.net", "main"},
        {"", "main"},
        {"unknown.example.org", "main"},
        {".example.net", "main"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK(strcmp(wge_tls_context_name(wge_sites_select(two, cases[i].asked)), cases[i].served) == 0);
    wge_sites_release(two);

    struct pair p = make_pair(&(struct client_options){.server_name = "vpn.example.com"});
    CHECK(shake(&p, sites) == NULL);
    drop_pair(&p);
}

static void test_configuration_errors(void)
{
    struct wge_sites *made = NULL;
    char why[WGE_WHY_MAX];
    struct wge_site_config config;
#define WRONG(change, word) \
    do { \
        config = default_site; \
        change; \
        CHECK(wge_sites_create(&made, &config, 1, why) == WGE_INVALID); \
        if (strstr(why, word) == NULL) \
            fprintf(stderr, "%s\n", why); \
        CHECK(strstr(why, word) != NULL); \
    } while (0)
    WRONG(config.versions = (struct wge_names)NAMES("1.1"), "1.1");
    WRONG(config.versions.count = 0, "version");
    WRONG(config.suites_tls12 = (struct wge_names)NAMES("TLS_RSA_WITH_AES_128_CBC_SHA"),
          "TLS_RSA_WITH_AES_128_CBC_SHA");
    WRONG(config.suites_tls13 = (struct wge_names)NAMES("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), "TLS 1.3");
    WRONG(config.groups = (struct wge_names)NAMES("MLKEM1024"), "MLKEM1024");
#ifndef WOLFSSL_HAVE_MLKEM
    WRONG(config.groups = (struct wge_names)NAMES("SecP256r1MLKEM768", "secp256r1"),
          "group SecP256r1MLKEM768 is not available: this libwolfssl was built without it");
#endif
    WRONG(config.groups.count = 0, "group");
    WRONG(config.key_shares = (struct wge_names)NAMES("secp521r1"), "key share secp521r1");
    WRONG(config.signatures = (struct wge_names)NAMES("rsa_pkcs1_sha1"), "rsa_pkcs1_sha1");
    WRONG(config.tickets = true, "tickets");
    WRONG(config.minimum_rsa_bits = 3072, "3072");
    WRONG(config.certificate_count = 0, "certificates");
    struct wge_certificate_config junk = {.number = 5, .chain = (const uint8_t *)"junk", .chain_length = 4};
    WRONG((config.certificates = &junk, config.certificate_count = 1), "certificate 5");
    CHECK(wge_sites_create(&made, NULL, 0, why) == WGE_INVALID);
}

/* Moves what the client has written into the server, and back. */
static enum wge_result next_record(struct pair *p, size_t *length)
{
    enum wge_result result = wge_stream_read(p->server, plain, sizeof(plain), length);
    while (result == WGE_WANT_READ) {
        enum wge_result filled = wge_stream_fill(p->server);
        if (filled != WGE_OK)
            return filled;
        result = wge_stream_read(p->server, plain, sizeof(plain), length);
    }
    return result;
}

static void test_records(bool tls12)
{
    struct pair p = make_pair(&(struct client_options){.tls12 = tls12});
    uint8_t out[WGE_RECORD_PLAIN_MAX], in[WGE_RECORD_PLAIN_MAX];
    size_t length = 0;
    CHECK(shake(&p, sites) == NULL);
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (uint8_t)(i * 7);
    CHECK(wge_stream_out_pending(p.server) == 0); /* no ticket follows */

    /* one read, one record, whatever the sizes */
    static const size_t sizes[] = {1, 8, 1400, 16384, 3};
    for (size_t i = 0; i < 5; i++)
        CHECK(wolfSSL_write(p.client, out, (int)sizes[i]) == (int)sizes[i]);
    for (size_t i = 0; i < 5; i++) {
        CHECK(next_record(&p, &length) == WGE_OK && length == sizes[i]);
        CHECK(memcmp(plain, out, length) == 0);
    }
    CHECK(next_record(&p, &length) == WGE_WANT_READ);

    /* many records, one flush; each stays one record */
    CHECK(wge_stream_become_tunnel(p.server, 256 * 1024) == WGE_OK);
    size_t before = wge_stream_out_room(p.server);
    CHECK(before > 250 * 1024);
    for (size_t i = 0; i < 20; i++)
        CHECK(wge_stream_write(p.server, out, 1400 + i) == WGE_OK);
    CHECK(wge_stream_write(p.server, out, sizeof(out)) == WGE_OK);
    CHECK(wge_stream_out_pending(p.server) > 20 * 1400 && wge_stream_out_room(p.server) < before);
    CHECK(wge_stream_flush(p.server) == WGE_OK && wge_stream_out_room(p.server) == before);
    for (size_t i = 0; i < 20; i++) {
        CHECK(wolfSSL_read(p.client, in, sizeof(in)) == (int)(1400 + i));
        CHECK(memcmp(in, out, 1400 + i) == 0);
    }
    CHECK(wolfSSL_read(p.client, in, sizeof(in)) == (int)sizeof(out));

    /* a peer that does not read: the buffer fills, takes nothing more, loses nothing */
    size_t written = 0, got = 0;
    enum wge_result result = WGE_OK;
    for (;;) {
        while ((result = wge_stream_write(p.server, out, 4000)) == WGE_OK)
            written++;
        CHECK(result == WGE_NO_MEMORY);
        if (wge_stream_flush(p.server) == WGE_WANT_WRITE && wge_stream_out_room(p.server) < 4064)
            break;
    }
    while (got < written) {
        int count = wolfSSL_read(p.client, in, sizeof(in));
        if (count > 0) {
            CHECK(count == 4000);
            got++;
        } else {
            CHECK(wolfSSL_get_error(p.client, count) == WOLFSSL_ERROR_WANT_READ);
            CHECK(wge_stream_flush(p.server) != WGE_SYSTEM_ERROR);
        }
    }

    CHECK(wge_stream_write(p.server, out, 0) == WGE_INVALID);
    CHECK(wge_stream_write(p.server, out, WGE_RECORD_PLAIN_MAX + 1) == WGE_INVALID);
    CHECK(wolfSSL_shutdown(p.client) >= 0);
    CHECK(next_record(&p, &length) == WGE_CLOSED);
    drop_pair(&p);
}

static void test_key_updates(void)
{
    struct pair p = make_pair(&(struct client_options){.tls12 = false});
    uint8_t in[64];
    size_t length = 0;
    CHECK(shake(&p, sites) == NULL);
    for (int i = 0; i < 3; i++) {
        CHECK(wge_stream_rekey(p.server) == WGE_OK &&
              wge_stream_write(p.server, (const uint8_t *)"after", 5) == WGE_OK);
        CHECK(wge_stream_flush(p.server) == WGE_OK);
        CHECK(wolfSSL_read(p.client, in, sizeof(in)) == 5);
        CHECK(wolfSSL_write(p.client, "mine", 4) == 4);
        CHECK(next_record(&p, &length) == WGE_OK && length == 4);
        CHECK(wolfSSL_update_keys(p.client) == WOLFSSL_SUCCESS && wolfSSL_write(p.client, "again", 5) == 5);
        CHECK(next_record(&p, &length) == WGE_OK && length == 5);
        CHECK(wge_stream_out_pending(p.server) > 0); /* the answer that was asked for */
        CHECK(wge_stream_flush(p.server) == WGE_OK);
    }
    /* a peer that asks between its packets and reads nothing stops being read, and nothing grows */
    enum wge_result result = WGE_OK;
    for (int i = 0; i < 20000 && result == WGE_OK; i++) {
        CHECK(wolfSSL_update_keys(p.client) == WOLFSSL_SUCCESS && wolfSSL_write(p.client, "packet", 6) == 6);
        result = next_record(&p, &length);
    }
    CHECK(result == WGE_WANT_WRITE && wge_stream_out_pending(p.server) <= 32 * 1024);
    CHECK(wge_stream_flush(p.server) == WGE_OK);
    CHECK(next_record(&p, &length) == WGE_OK && length == 6);
    /* one that does nothing but ask is cut off */
    for (int i = 0; i < 100 && result != WGE_PEER_ERROR; i++) {
        CHECK(wolfSSL_update_keys(p.client) == WOLFSSL_SUCCESS);
        result = next_record(&p, &length);
    }
    CHECK(result == WGE_PEER_ERROR);
    drop_pair(&p);

    p = make_pair(&(struct client_options){.tls12 = true});
    CHECK(shake(&p, sites) == NULL && wge_stream_rekey(p.server) == WGE_INVALID);
    drop_pair(&p);
}

static void test_broken_record(void)
{
    struct pair p = make_pair(&(struct client_options){.tls12 = false});
    size_t length;
    CHECK(shake(&p, sites) == NULL);
    static const uint8_t junk[64] = {23, 3, 3, 0, 59, 1, 2, 3};
    CHECK(send(p.client_fd, junk, sizeof(junk), 0) == sizeof(junk));
    CHECK(next_record(&p, &length) == WGE_PEER_ERROR);
    drop_pair(&p);
}

static void test_no_signature(void)
{
    /* keyd is gone: its channel ended, and no other has been set */
    struct wge_sign_client *before = signer;
    CHECK(wge_sign_client_create(&signer, &counters) == WGE_OK);
    struct pair p = make_pair(&(struct client_options){.tls12 = false});
    const char *label = shake(&p, sites);
    CHECK(label != NULL && strcmp(label, "sign_failed") == 0);
    drop_pair(&p);
    wge_sign_client_free(signer);
    signer = before;
}

/* Handshakes and reads at arbitrary cuts of the byte stream. */
static void test_trickle(void)
{
    struct pair p = make_pair(&(struct client_options){.server_name = "vpn.example.com"});
    struct pair far = {0};
    int fds[2];
    bool begun = false, done = false, connected = false;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    CHECK(wge_stream_create(&far.server, fds[0]) == WGE_OK);
    for (int turns = 0; turns < 20000 && !(done && connected); turns++) {
        connected = connected || wolfSSL_connect(p.client) == WOLFSSL_SUCCESS;
        uint8_t bytes[4096];
        /* to the server three bytes at a time, to the client whatever there is */
        ssize_t count = recv(wge_stream_fd(p.server), bytes, 3, 0);
        if (count > 0)
            CHECK(send(fds[1], bytes, (size_t)count, 0) == count);
        if (!done)
            CHECK(server_turn(&far, sites, &begun, &done) == NULL);
        count = recv(fds[1], bytes, sizeof(bytes), 0);
        if (count > 0)
            CHECK(send(wge_stream_fd(p.server), bytes, (size_t)count, 0) == count);
    }
    CHECK(done && connected);
    close(fds[1]);
    wge_stream_free(far.server, true);
    drop_pair(&p);
}

int main(void)
{
    start_key_server();
    CHECK(wge_sign_client_create(&signer, &counters) == WGE_OK);
    wge_sign_client_set_channel(signer, key_channel());
    sites = make_sites(&default_site, 1);
    test_what_comes_up();
    test_rsa();
    test_refusals();
    test_server_names();
    test_configuration_errors();
    test_records(false);
    test_records(true);
    test_key_updates();
    test_broken_record();
    test_no_signature();
    test_trickle();
    wge_sites_release(sites);
    wge_sign_client_free(signer);
    stop_key_server();
    wolfSSL_Cleanup();
    return 0;
}
