/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_negotiation.c - a site's rules against what clients offer: each refusal under its own label. */
#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "negotiation.h"

static const struct wge_tls_rules rules = {
    .tls12 = true,
    .tls13 = true,
    .require_extended_master_secret = true,
    .suites = {0x1302, 0x1301, 0xc02c, 0xc030},
    .suite_count = 4,
    .groups = {4587, 23, 24},
    .group_count = 3,
    .key_shares = {4587},
    .key_share_count = 1,
    .signatures = {0x0403, 0x0503, 0x0804, 0x0401},
    .signature_count = 4,
};

static const struct wge_certificate_facts both[] = {
    {.number = 7, .key = WGE_KEY_KIND_RSA, .bits = 2048},
    {.number = 9, .key = WGE_KEY_KIND_EC, .bits = 256},
};

static const struct wge_client_hello modern = {
    .tls12 = true,
    .tls13 = true,
    .extended_master_secret = true,
    .has_groups = true,
    .suites = {0x1301, 0x1302, 0xc02c, 0xc030},
    .suite_count = 4,
    .groups = {29, 23, 4587},
    .group_count = 3,
    .signatures = {0x0804, 0x0403},
    .signature_count = 2,
};

static struct wge_tls_choice choice;

static const char *verdict(const struct wge_tls_rules *r, const struct wge_client_hello *hello, size_t certificates)
{
    const char *label = "none";
    uint8_t alert = 0;
    enum wge_result result = wge_negotiate(r, both, certificates, hello, &choice, &label, &alert);
    CHECK((result == WGE_OK) == (alert == 0));
    return result == WGE_OK ? "good" : label;
}

#define IS(expected, ...) CHECK(strcmp(verdict(__VA_ARGS__), expected) == 0)

static void test_choices(void)
{
    IS("good", &rules, &modern, 2);
    CHECK(choice.version == WGE_TLS13 && choice.certificate == 1); /* the site prefers ECDSA */
    CHECK(choice.signature == 0x0403);
    CHECK(choice.group_count == 1 && choice.groups[0] == 4587); /* and a hybrid */
    IS("good", &rules, &modern, 1);
    CHECK(choice.certificate == 0);

    struct wge_client_hello hello = modern;
    hello.group_count = 2; /* no hybrid */
    IS("good", &rules, &hello, 2);
    CHECK(choice.group_count == 1 && choice.groups[0] == 23);

    struct wge_tls_rules content = rules; /* with whatever share has been sent */
    content.key_share_count = 0;
    IS("good", &content, &modern, 2);
    CHECK(choice.group_count == 2 && choice.groups[0] == 4587 && choice.groups[1] == 23);

    hello = modern;
    hello.signature_count = 1; /* RSA only */
    IS("good", &rules, &hello, 2);
    CHECK(choice.certificate == 0 && choice.signature == 0x0804);

    hello = modern;
    hello.tls13 = false;
    IS("good", &rules, &hello, 2);
    CHECK(choice.version == WGE_TLS12 && choice.certificate == 1 && choice.groups[0] == 23 &&
          choice.extended_master_secret);
    struct wge_client_hello other_curve = hello;
    other_curve.groups[1] = 24; /* P-384 alone, and the ECDSA certificate is of P-256: RFC 8422 section 5.3 */
    IS("good", &rules, &other_curve, 2);
    CHECK(choice.version == WGE_TLS12 && choice.certificate == 0 && choice.groups[0] == 24);
    hello.suites[2] = 0; /* TLS 1.2 suites name the kind of key */
    IS("good", &rules, &hello, 2);
    CHECK(choice.certificate == 0);
    hello.has_groups = false;
    hello.group_count = 0;
    IS("good", &rules, &hello, 2);
    CHECK(choice.group_count == 2 && choice.groups[0] == 23);
}

static void test_refusals(void)
{
    struct wge_client_hello hello = modern;
    hello.tls12 = hello.tls13 = false;
    IS("handshake_version", &rules, &hello, 2);

    hello = modern;
    hello.tls13 = false;
    hello.extended_master_secret = false;
    IS("handshake_no_ems", &rules, &hello, 2);
    struct wge_tls_rules lax = rules;
    lax.require_extended_master_secret = false;
    IS("good", &lax, &hello, 2);
    CHECK(!choice.extended_master_secret);
    hello.tls13 = true; /* TLS 1.3 needs no extension for it */
    IS("good", &rules, &hello, 2);
    CHECK(choice.extended_master_secret);

    hello = modern;
    hello.suite_count = 0;
    IS("handshake_no_suite", &rules, &hello, 2);
    hello = modern;
    hello.group_count = 1; /* X25519 alone */
    IS("handshake_no_group", &rules, &hello, 2);
    hello = modern;
    hello.signatures[0] = hello.signatures[1] = 0x0201; /* SHA-1 */
    IS("handshake_no_signature", &rules, &hello, 2);
    hello = modern;
    hello.signatures[0] = hello.signatures[1] = 0x0401; /* PKCS #1 signs nothing in TLS 1.3 */
    IS("handshake_no_signature", &rules, &hello, 2);
    hello.signatures[0] = hello.signatures[1] = 0x0503; /* nor P-256 with SHA-384 */
    IS("handshake_no_signature", &rules, &hello, 2);
    hello.tls13 = false;
    IS("good", &rules, &hello, 2);

    struct wge_tls_rules strict = rules;
    strict.require_hybrid = true;
    IS("good", &strict, &modern, 2);
    hello = modern;
    hello.group_count = 2;
    IS("handshake_no_hybrid", &strict, &hello, 2);
    hello = modern;
    hello.tls13 = false;
    IS("handshake_no_hybrid", &strict, &hello, 2);
}

static void test_table(void)
{
    CHECK(wge_suite_by_name("TLS_RSA_WITH_AES_128_CBC_SHA") == NULL && wge_group_by_name("x25519") == NULL);
    CHECK(wge_signature_by_name("rsa_pkcs1_sha1") == NULL && wge_suite_by_number(0x1303) == NULL);
    CHECK(wge_group_by_name("SecP384r1MLKEM1024")->number == 4589 && wge_group_by_number(24)->hybrid == false);
}

int main(void)
{
    test_choices();
    test_refusals();
    test_table();
    return 0;
}
