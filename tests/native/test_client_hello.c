/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_client_hello.c - what is read, at every length, in one record or many; what is refused, and as what. */
#include "check.h"
#include "client_hello.h"
#include "hello_builder.h"

static const uint16_t suites[] = {0x1302, 0x1301, 0xc02c};
static const uint16_t versions[] = {0x0a0a, 0x0304, 0x0303};
static const uint16_t groups[] = {4587, 23};
static const uint16_t signatures[] = {0x0403, 0x0804};

static void good(struct hello_builder *b)
{
    hello_begin(b, 0x0303, suites, 3);
    hello_name(b, "VPN.Example.com");
    hello_extension(b, 23, "", 0);
    hello_list(b, 10, 2, groups, 2);
    hello_list(b, 13, 2, signatures, 2);
    hello_extension(b, 0x1a1a, "xyz", 3);
    hello_list(b, 43, 1, versions, 3);
    hello_end(b);
}

static const char *verdict(const uint8_t *bytes, size_t length)
{
    struct wge_client_hello hello;
    const char *label = "nothing";
    /* an exact copy, so that a read beyond the end is seen */
    uint8_t *copy = malloc(length + 1);
    CHECK(copy != NULL);
    memcpy(copy, bytes, length);
    uint8_t *exact = realloc(copy, length == 0 ? 1 : length);
    enum wge_result result = wge_client_hello_parse(&hello, exact, length, &label);
    free(exact);
    CHECK(result == WGE_OK || result == WGE_WANT_READ || result == WGE_PEER_ERROR);
    return result == WGE_OK ? "good" : result == WGE_WANT_READ ? "more" : label;
}

#define IS(b, expected) CHECK(strcmp(verdict((b)->bytes, (b)->length), expected) == 0)

static void test_fields(void)
{
    struct hello_builder b;
    struct wge_client_hello hello;
    const char *label;
    good(&b);
    CHECK(wge_client_hello_parse(&hello, b.bytes, b.length, &label) == WGE_OK);
    CHECK(strcmp(hello.server_name, "vpn.example.com") == 0);
    CHECK(hello.tls12 && hello.tls13 && hello.extended_master_secret && hello.has_groups);
    CHECK(hello.suite_count == 3 && hello.suites[0] == 0x1302 && hello.suites[2] == 0xc02c);
    CHECK(hello.group_count == 2 && hello.groups[0] == 4587);
    CHECK(hello.signature_count == 2 && hello.signatures[1] == 0x0804);

    hello_begin(&b, 0x0303, suites, 1); /* TLS 1.2 without extensions */
    hello_end(&b);
    CHECK(wge_client_hello_parse(&hello, b.bytes, b.length, &label) == WGE_OK);
    CHECK(hello.tls12 && !hello.tls13 && !hello.has_groups && hello.server_name[0] == '\0');

    hello_begin(&b, 0x0301, suites, 1); /* TLS 1.0 */
    hello_end(&b);
    CHECK(wge_client_hello_parse(&hello, b.bytes, b.length, &label) == WGE_OK && !hello.tls12 && !hello.tls13);
}

static void test_every_length(void)
{
    struct hello_builder b;
    good(&b);
    for (size_t length = 0; length < b.length; length++)
        CHECK(strcmp(verdict(b.bytes, length), "more") == 0);
    IS(&b, "good");
    for (size_t i = 0; i < b.length; i++) { /* any byte may be wrong: nothing worse than an answer */
        for (int bit = 0; bit < 8; bit++) {
            b.bytes[i] ^= (uint8_t)(1 << bit);
            (void)verdict(b.bytes, b.length);
            b.bytes[i] ^= (uint8_t)(1 << bit);
        }
    }
}

static void test_many_records(void)
{
    struct hello_builder b, cut = {.length = 0};
    good(&b);
    for (size_t i = 5; i < b.length; i += 7) {
        size_t part = b.length - i < 7 ? b.length - i : 7;
        put(&cut, (uint8_t[]){22, 3, 1, 0, (uint8_t)part}, 5);
        put(&cut, b.bytes + i, part);
    }
    for (size_t length = 0; length < cut.length; length++)
        CHECK(strcmp(verdict(cut.bytes, length), "more") == 0);
    IS(&cut, "good");
    put(&cut, "\x14\x03\x03\x00\x01\x01", 6); /* ChangeCipherSpec in a record of its own is the library's matter */
    IS(&cut, "good");
}

static void test_not_tls(void)
{
    static const char request[] = "GET / HTTP/1.1\r\n";
    CHECK(strcmp(verdict((const uint8_t *)request, sizeof(request)), "handshake_not_tls") == 0);
    CHECK(strcmp(verdict((const uint8_t *)"\x80\x2e\x01", 3), "handshake_not_tls") == 0);
    CHECK(strcmp(verdict((const uint8_t *)"\x16\x02", 2), "handshake_not_tls") == 0);
}

static void test_malformed(void)
{
    struct hello_builder b;
    const char bad[] = "handshake_malformed";
    good(&b);
    b.bytes[5] = 2; /* a ServerHello */
    IS(&b, bad);
    good(&b);
    b.bytes[6] = 1; /* 64 KiB */
    IS(&b, bad);
    good(&b);
    put(&b, "x", 1); /* more in the record than the message */
    set16(&b, 3, b.length - 5);
    IS(&b, bad);
    b.length--; /* and the same when the rest has not come yet */
    IS(&b, bad);
    good(&b);
    hello_extension(&b, 23, "", 0); /* twice */
    hello_end(&b);
    IS(&b, bad);
    good(&b);
    set16(&b, 3, 0); /* an empty record */
    IS(&b, bad);
    hello_begin(&b, 0x0303, suites, 0); /* no suites */
    hello_end(&b);
    IS(&b, bad);
    hello_begin(&b, 0x0303, suites, 1);
    b.bytes[b.length - 1] = 1; /* no null compression */
    hello_end(&b);
    IS(&b, bad);
    hello_begin(&b, 0x0303, suites, 1);
    hello_extension(&b, 10, "\0\3\0\x17\0", 5); /* half a group */
    hello_end(&b);
    IS(&b, bad);
    hello_begin(&b, 0x0303, suites, 1);
    hello_name(&b, "a\x01"); /* not a name */
    hello_end(&b);
    IS(&b, bad);
    hello_begin(&b, 0x0303, suites, 1);
    hello_name(&b, ""); /* neither */
    hello_end(&b);
    IS(&b, bad);
}

static void test_long(void)
{
    struct hello_builder b;
    static const uint8_t filler[11000];
    good(&b);
    hello_extension(&b, 21, filler, sizeof(filler)); /* padding */
    hello_end(&b);
    IS(&b, "good");
    hello_extension(&b, 22, filler, 3000);
    hello_end(&b);
    IS(&b, "handshake_malformed");
}

int main(void)
{
    test_fields();
    test_every_length();
    test_many_records();
    test_not_tls();
    test_malformed();
    test_long();
    return 0;
}
