/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_datagram_hello.c - kinds of datagrams, what is read of a hello, what is refused and as what, what is chosen; on
 * hellos of our own and on those that clients sent (tests/fuzz/seeds/datagram). */
#include "algorithms.h"
#include "check.h"
#include "datagram_builder.h"
#include "datagram_hello.h"
#include "negotiation.h"

#define AES256 0x00a9
#define AES128 0x00a8

static const uint16_t server_suites[] = {AES256, AES128};
static const uint16_t client_suites[] = {0xc0a7, AES128, AES256};
static const struct datagram_options usual = {
    .version = 0xfefd, .session_id_length = 32, .message_sequence = 1, .record_sequence = 5};

static void good(struct hello_builder *b)
{
    struct datagram_options options = usual;
    options.cookie_length = 20;
    datagram_begin(b, &options, client_suites, 3);
    hello_list(b, 13, 2, (const uint16_t[]){0x0403, 0x0804}, 2);
    hello_extension(b, 23, "", 0);
    hello_extension(b, 35, "", 0);
    hello_extension(b, 65281, "\0", 1);
    hello_extension(b, 28, "\x40\0", 2);
    datagram_end(b);
}

/* On an exact copy, so that a read beyond the end is seen. */
static const char *verdict(const uint8_t *bytes, size_t length)
{
    struct wge_client_hello hello;
    const char *label = "nothing";
    uint8_t *exact = malloc(length == 0 ? 1 : length);
    CHECK(exact != NULL);
    memcpy(exact, bytes, length);
    enum wge_result result = wge_datagram_hello_parse(&hello, exact, length, &label);
    CHECK(result == WGE_OK || result == WGE_PEER_ERROR);
    CHECK(result != WGE_OK || wge_datagram_classify(exact, length) == WGE_DATAGRAM_HELLO);
    free(exact);
    return result == WGE_OK ? "good" : label;
}

#define IS(b, expected) CHECK(strcmp(verdict((b)->bytes, (b)->length), expected) == 0)
#define MALFORMED "datagram_hello_malformed"

static void test_kinds(void)
{
    static const struct {
        enum wge_datagram_kind kind;
        size_t length;
        const char *bytes;
    } datagrams[] = {
        {WGE_DATAGRAM_HELLO, 14, "\x16\xfe\xff\0\0\0\0\0\0\0\0\0\1\1"},
        {WGE_DATAGRAM_HELLO, 14, "\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\1\1"},
        {WGE_DATAGRAM_HANDSHAKE, 14, "\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\1\x10"},
        {WGE_DATAGRAM_PROTECTED, 14, "\x16\xfe\xfd\0\1\0\0\0\0\0\0\0\1\1"},
        {WGE_DATAGRAM_PROTECTED, 14, "\x17\xfe\xfd\1\0\0\0\0\0\0\0\0\1x"},
        {WGE_DATAGRAM_PLAIN_OTHER, 15, "\x15\xfe\xfd\0\0\0\0\0\0\0\0\0\2\2\x28"},
        {WGE_DATAGRAM_PLAIN_OTHER, 14, "\x14\xfe\xfd\0\0\0\0\0\0\0\0\0\1\1"},
        {WGE_DATAGRAM_CID, 14, "\x19\xfe\xfd\0\1\0\0\0\0\0\0\3\0\0"},
        {WGE_DATAGRAM_UNIFIED, 14, "\x3f\3\0\0\0\0\0\0\0\0\0\0\0\0"},
        {WGE_DATAGRAM_UNIFIED, 14, "\x2f\3\0\0\0\0\0\0\0\0\0\0\0\0"},
        {WGE_DATAGRAM_JUNK, 14, "\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\2\1"}, /* promises a byte more */
        {WGE_DATAGRAM_JUNK, 14, "\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\0\1"}, /* is empty */
        {WGE_DATAGRAM_JUNK, 14, "\x17\xfe\xfd\0\0\0\0\0\0\0\0\0\1\1"}, /* data in the clear */
        {WGE_DATAGRAM_JUNK, 14, "\x16\x01\x00\0\0\0\0\0\0\0\0\0\1\1"}, /* Cisco's version before 1.0 */
        {WGE_DATAGRAM_JUNK, 14, "\x16\x03\x03\0\0\0\0\0\0\0\0\0\1\1"}, /* TLS */
        {WGE_DATAGRAM_JUNK, 14, "\x13\xfe\xfd\0\1\0\0\0\0\0\0\0\1\1"}, /* no content type */
        {WGE_DATAGRAM_JUNK, 14, "\x19\xfe\xff\0\1\0\0\0\0\0\0\3\0\0"}, /* DTLS 1.0 has no connection IDs */
        {WGE_DATAGRAM_JUNK, 1, "\x3f"},
        {WGE_DATAGRAM_JUNK, 0, ""},
    };
    for (size_t i = 0; i < sizeof(datagrams) / sizeof(datagrams[0]); i++) {
        const uint8_t *bytes = (const uint8_t *)datagrams[i].bytes;
        CHECK(wge_datagram_classify(bytes, datagrams[i].length) == datagrams[i].kind);
        size_t head = datagrams[i].length < 14 ? datagrams[i].length : 14;
        for (size_t length = 0; length < head && datagrams[i].kind != WGE_DATAGRAM_UNIFIED; length++)
            CHECK(wge_datagram_classify(bytes, length) == WGE_DATAGRAM_JUNK);
    }
}

static void test_fields(void)
{
    struct hello_builder b;
    struct wge_client_hello hello;
    const char *label;
    good(&b);
    CHECK(wge_datagram_hello_parse(&hello, b.bytes, b.length, &label) == WGE_OK);
    CHECK(hello.dtls12 && !hello.tls12 && !hello.tls13 && !hello.random_weak && hello.version == 0xfefd);
    CHECK(hello.suite_count == 3 && hello.suites[1] == AES128 && hello.suites[2] == AES256);
    CHECK(hello.extended_master_secret && hello.signature_count == 2);
    CHECK(hello.session_id_length == 32 && hello.session_id[0] == 1 && hello.session_id[31] == 32);
    CHECK(hello.cookie_length == 20 && memcmp(hello.cookie, "cccccccccccccccccccc", 20) == 0);
    CHECK(hello.cookie == b.bytes + DATAGRAM_SESSION_AT + 1 + 32 + 1);
    CHECK(hello.message_sequence == 1 && hello.record_sequence == 5);
    memcpy(b.bytes + 5, "\1\2\3\4\5\6", 6);
    CHECK(wge_datagram_hello_parse(&hello, b.bytes, b.length, &label) == WGE_OK);
    CHECK(hello.record_sequence == UINT64_C(0x010203040506));

    datagram_begin(&b, &usual, client_suites, 1); /* without extensions */
    datagram_end(&b);
    CHECK(wge_datagram_hello_parse(&hello, b.bytes, b.length, &label) == WGE_OK);
    CHECK(hello.dtls12 && !hello.extended_master_secret && hello.cookie_length == 0);
}

static void test_every_length(void)
{
    struct hello_builder b;
    good(&b);
    for (size_t length = 0; length < b.length; length++)
        CHECK(strcmp(verdict(b.bytes, length), MALFORMED) == 0);
    IS(&b, "good");
    /* the same with lengths that agree with what is there: cut anywhere but before the extensions it is no hello */
    for (size_t length = 14; length < b.length; length++) {
        struct hello_builder cut = {.length = length};
        memcpy(cut.bytes, b.bytes, length);
        datagram_end(&cut);
        IS(&cut, length == b.extensions_at ? "good" : MALFORMED);
    }
    for (size_t i = 0; i < b.length; i++) { /* any byte may be wrong: nothing worse than an answer */
        for (int bit = 0; bit < 8; bit++) {
            b.bytes[i] ^= (uint8_t)(1 << bit);
            (void)verdict(b.bytes, b.length);
            b.bytes[i] ^= (uint8_t)(1 << bit);
        }
    }
}

static void test_session_ids_and_cookies(void)
{
    static const size_t lengths[] = {0, 1, 31, 32, 33, 255};
    struct hello_builder b;
    struct wge_client_hello hello;
    const char *label;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct datagram_options options = usual;
        options.session_id_length = lengths[i];
        datagram_begin(&b, &options, client_suites, 3);
        datagram_end(&b);
        IS(&b, lengths[i] <= 32 ? "good" : MALFORMED);
        options.session_id_length = 32;
        options.cookie_length = lengths[i];
        datagram_begin(&b, &options, client_suites, 3);
        datagram_end(&b);
        CHECK(wge_datagram_hello_parse(&hello, b.bytes, b.length, &label) == WGE_OK);
        CHECK(hello.cookie_length == lengths[i]);
    }
}

static void test_malformed(void)
{
    struct hello_builder b;
    good(&b);
    put(&b, "x", 1); /* more in the record than the message */
    set16(&b, 11, b.length - 13);
    IS(&b, MALFORMED);
    good(&b);
    put(&b, b.bytes, 60); /* a second record */
    IS(&b, MALFORMED);
    good(&b);
    b.bytes[12]--; /* the record ends before its message */
    IS(&b, MALFORMED);
    good(&b);
    b.bytes[4] = 1; /* not in the clear */
    IS(&b, MALFORMED);
    good(&b);
    b.bytes[13] = 2; /* a ServerHello */
    IS(&b, MALFORMED);
    good(&b);
    hello_extension(&b, 23, "", 0); /* twice */
    datagram_end(&b);
    IS(&b, MALFORMED);
    datagram_begin(&b, &usual, client_suites, 0); /* no suites */
    datagram_end(&b);
    IS(&b, MALFORMED);
    datagram_begin(&b, &usual, client_suites, 1);
    b.bytes[b.length - 1] = 1; /* no null compression */
    datagram_end(&b);
    IS(&b, MALFORMED);
    datagram_begin(&b, &usual, client_suites, 1);
    hello_extension(&b, 23, "x", 1); /* extended master secret says nothing */
    datagram_end(&b);
    IS(&b, MALFORMED);
}

static void test_fragments(void)
{
    struct hello_builder b;
    good(&b);
    b.bytes[16]++; /* the message goes on elsewhere */
    IS(&b, "datagram_hello_fragmented");
    b.bytes[21] = 1; /* and began elsewhere */
    IS(&b, "datagram_hello_fragmented");
    b.bytes[21] = 2; /* but not beyond its end */
    IS(&b, MALFORMED);
    good(&b);
    b.bytes[21] = 1;
    IS(&b, MALFORMED);
    good(&b);
    b.bytes[24]--; /* less than the record has */
    IS(&b, MALFORMED);
}

static void test_versions_and_randoms(void)
{
    static const uint8_t nothing[32];
    static const uint8_t eight[32] = {1, 2, 3, 4, [28] = 5, 6, 7, 8};
    static const uint8_t nine[32] = {1, 2, 3, 4, [27] = 9, 5, 6, 7, 8};
    static const struct {
        uint16_t version;
        bool good, dtls12;
    } versions[] = {{0xfefd, true, true},   {0xfeff, true, false},  {0xfefe, true, false}, {0xfefc, true, true},
                    {0x0303, false, false}, {0x0100, false, false}, {0xfdfd, false, false}};
    static const struct {
        const uint8_t *random;
        const char *verdict;
    } randoms[] = {{nothing, "datagram_hello_weak_random"}, {eight, "datagram_hello_weak_random"}, {nine, "good"}};
    struct hello_builder b;
    struct wge_client_hello hello;
    const char *label;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        struct datagram_options options = usual;
        options.version = versions[i].version;
        datagram_begin(&b, &options, client_suites, 3);
        datagram_end(&b);
        IS(&b, versions[i].good ? "good" : "datagram_hello_version");
        (void)wge_datagram_hello_parse(&hello, b.bytes, b.length, &label);
        CHECK(hello.dtls12 == versions[i].dtls12);
    }
    for (size_t i = 0; i < sizeof(randoms) / sizeof(randoms[0]); i++) {
        struct datagram_options options = usual;
        options.random = randoms[i].random;
        datagram_begin(&b, &options, client_suites, 3);
        datagram_end(&b);
        IS(&b, randoms[i].verdict);
    }
    /* supported_versions has the last word */
    static const uint16_t lists[][2] = {{0xfefc, 0xfefd}, {0xfefc, 0xfeff}, {0x0303, 0x0304}};
    for (size_t i = 0; i < 3; i++) {
        datagram_begin(&b, &usual, client_suites, 3);
        hello_list(&b, 43, 1, lists[i], 2);
        datagram_end(&b);
        CHECK(wge_datagram_hello_parse(&hello, b.bytes, b.length, &label) == WGE_OK);
        CHECK(hello.dtls12 == (i == 0) && !hello.tls12 && !hello.tls13);
    }
}

static void test_choice(void)
{
    struct hello_builder b;
    struct wge_client_hello hello;
    struct wge_datagram_choice choice;
    const char *label;
    uint8_t alert;
    good(&b);
    CHECK(wge_datagram_hello_parse(&hello, b.bytes, b.length, &label) == WGE_OK);
    CHECK(wge_datagram_negotiate(server_suites, 2, true, &hello, &choice, &label, &alert) == WGE_OK);
    CHECK(choice.suite == AES256 && choice.extended_master_secret); /* the server's order */
    CHECK(wge_datagram_negotiate(server_suites + 1, 1, true, &hello, &choice, &label, &alert) == WGE_OK);
    CHECK(choice.suite == AES128);

    hello.extended_master_secret = false;
    CHECK(wge_datagram_negotiate(server_suites, 2, false, &hello, &choice, &label, &alert) == WGE_OK);
    CHECK(choice.suite == AES256 && !choice.extended_master_secret);
    CHECK(wge_datagram_negotiate(server_suites, 2, true, &hello, &choice, &label, &alert) == WGE_PEER_ERROR);
    CHECK(strcmp(label, "datagram_no_ems") == 0 && alert == WGE_ALERT_INSUFFICIENT_SECURITY);

    /* 0xc0a7 is offered, but no suite of ours */
    CHECK(wge_datagram_negotiate(client_suites, 1, false, &hello, &choice, &label, &alert) == WGE_PEER_ERROR);
    CHECK(strcmp(label, "datagram_no_suite") == 0 && alert == WGE_ALERT_HANDSHAKE_FAILURE);
    CHECK(wge_datagram_negotiate(server_suites, 0, false, &hello, &choice, &label, &alert) == WGE_PEER_ERROR);

    hello.dtls12 = false;
    CHECK(wge_datagram_negotiate(server_suites, 2, false, &hello, &choice, &label, &alert) == WGE_PEER_ERROR);
    CHECK(strcmp(label, "datagram_version") == 0 && alert == WGE_ALERT_PROTOCOL_VERSION);
}

static void test_suites_of_their_own(void)
{
    const struct wge_psk_suite *suite = wge_psk_suite_by_name("TLS_PSK_WITH_AES_256_GCM_SHA384");
    CHECK(suite != NULL && suite == wge_psk_suite_by_number(AES256));
    CHECK(strcmp(suite->library_name, "PSK-AES256-GCM-SHA384") == 0);
    suite = wge_psk_suite_by_name("TLS_PSK_WITH_AES_128_GCM_SHA256");
    CHECK(suite != NULL && suite == wge_psk_suite_by_number(AES128));
    CHECK(strcmp(suite->library_name, "PSK-AES128-GCM-SHA256") == 0);
    CHECK(wge_suite_by_number(AES256) == NULL && wge_suite_by_name(suite->name) == NULL);
    CHECK(wge_psk_suite_by_number(0x1302) == NULL && wge_psk_suite_by_name("TLS_AES_256_GCM_SHA384") == NULL);
}

static void test_alert(void)
{
    static const uint8_t expected[] = {21, 0xfe, 0xfd, 0, 0, 1, 2, 3, 4, 5, 6, 0, 2, 2, 71};
    uint8_t record[WGE_DATAGRAM_ALERT_SIZE];
    CHECK(wge_datagram_alert(record, UINT64_C(0x010203040506), 71) == sizeof(expected));
    CHECK(memcmp(record, expected, sizeof(expected)) == 0);
    CHECK(wge_datagram_classify(record, sizeof(record)) == WGE_DATAGRAM_PLAIN_OTHER);
}

static size_t read_seed(const char *name, uint8_t *bytes, size_t capacity)
{
    char path[4096];
    const char *end = strrchr(__FILE__, '/');
    CHECK(end != NULL);
    snprintf(path, sizeof(path), "%.*s/../fuzz/seeds/datagram/%s", (int)(end - __FILE__), __FILE__, name);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    size_t length = fread(bytes, 1, capacity, file);
    fclose(file);
    return length;
}

/* openconnect 9.12 with GnuTLS 3.8.9 and 9.21 with OpenSSL 3.6, before and after a HelloVerifyRequest; gnutls-cli 3.7
 * and s_client 3.0. */
static void test_real_clients(void)
{
    static const struct {
        const char *name;
        uint8_t session_id_length, cookie_length;
        uint16_t sequence;
        bool dtls12, extended_master_secret;
    } clients[] = {
        {"openconnect_gnutls", 32, 0, 0, true, false}, {"openconnect_gnutls_cookie", 32, 20, 1, true, false},
        {"openconnect_openssl", 32, 0, 0, true, true}, {"openconnect_openssl_cookie", 32, 20, 1, true, true},
        {"gnutls_cli", 0, 0, 0, true, true},           {"s_client", 0, 0, 0, true, true},
        {"s_client_dtls10", 0, 0, 0, false, true},
    };
    for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        uint8_t bytes[2048];
        struct wge_client_hello hello;
        struct wge_datagram_choice choice;
        const char *label;
        uint8_t alert;
        size_t length = read_seed(clients[i].name, bytes, sizeof(bytes));
        CHECK(wge_datagram_classify(bytes, length) == WGE_DATAGRAM_HELLO);
        CHECK(wge_datagram_hello_parse(&hello, bytes, length, &label) == WGE_OK);
        CHECK(hello.session_id_length == clients[i].session_id_length);
        CHECK(hello.session_id_length == 0 || hello.session_id[0] == 3);
        CHECK(hello.cookie_length == clients[i].cookie_length);
        CHECK(hello.message_sequence == clients[i].sequence && hello.record_sequence == clients[i].sequence);
        CHECK(hello.dtls12 == clients[i].dtls12);
        CHECK(hello.extended_master_secret == clients[i].extended_master_secret);
        enum wge_result result = wge_datagram_negotiate(server_suites, 2, false, &hello, &choice, &label, &alert);
        CHECK(clients[i].dtls12 ? result == WGE_OK && choice.suite == AES256 : result == WGE_PEER_ERROR);
    }
}

/* One record: epoch, and so many bytes behind the head. */
static size_t put_record(uint8_t *at, uint8_t epoch, uint8_t bytes)
{
    const uint8_t head[13] = {23, 0xfe, 0xfd, 0, epoch, [12] = bytes};
    memcpy(at, head, sizeof head);
    memset(at + sizeof head, epoch, bytes);
    return sizeof head + bytes;
}

/* Of what is in the clear and what is sealed, in every order, the first sealed run is taken. */
static void test_sealed(void)
{
    uint8_t datagram[256];
    size_t clear = put_record(datagram, 0, 9);
    size_t length = clear;
    CHECK(wge_datagram_sealed(datagram, &length) == NULL);
    size_t one = put_record(datagram + clear, 1, 20);
    size_t two = put_record(datagram + clear + one, 2, 5);
    size_t last = put_record(datagram + clear + one + two, 0, 3);
    put_record(datagram + clear + one + two + last, 1, 4);
    length = clear + one + two + last + 17;
    CHECK(wge_datagram_sealed(datagram, &length) == datagram + clear && length == one + two);
    length = one + two;
    CHECK(wge_datagram_sealed(datagram + clear, &length) == datagram + clear && length == one + two);
    length = one + two - 1; /* the second is not whole */
    CHECK(wge_datagram_sealed(datagram + clear, &length) == datagram + clear && length == one);
    for (length = 0; length < one;) {
        size_t cut = length++;
        CHECK(wge_datagram_sealed(datagram + clear, &cut) == NULL);
    }
}

int main(void)
{
    test_sealed();
    test_kinds();
    test_fields();
    test_every_length();
    test_session_ids_and_cookies();
    test_malformed();
    test_fragments();
    test_versions_and_randoms();
    test_choice();
    test_suites_of_their_own();
    test_alert();
    test_real_clients();
    return 0;
}
