/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_dtls.c - the seam to the library's DTLS, with the library's own client at the other end: cookies, keys, records
 * that are forged, repeated, late, and the alert that makes a client begin anew. */
#include "dtls.h"

#include "algorithms.h"
#include "datagram_hello.h"
#include "dtls_client.h"

static const uint8_t good_key[WGE_DTLS_KEY] = {1, 2, 3, 4};
static const uint8_t bad_key[WGE_DTLS_KEY] = {9};
static const struct wge_address home = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1},
                                        .port = 4433};
static const struct wge_address elsewhere = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1},
                                             .port = 4434};

static void to_client(void *owner, const uint8_t *datagram, size_t length)
{
    struct dtls_client *c = owner;
    wire_put(&c->in, datagram, length);
}

static enum wge_result offer(struct wge_dtls_acceptor *a, struct dtls_client *c, const uint8_t *datagram, size_t length,
                             bool has_cookie, const struct wge_address *peer, uint64_t now_ms, struct wge_dtls **out)
{
    return wge_dtls_accept(a,
                           &(struct wge_dtls_hello){.datagram = datagram,
                                                    .length = length,
                                                    .has_cookie = has_cookie,
                                                    .peer = peer,
                                                    .suite = 0x00a9,
                                                    .key = good_key,
                                                    .largest = 1501,
                                                    .transmit = to_client,
                                                    .owner = c},
                           now_ms, out);
}

/* Up to the second hello, which carries the cookie; returns its length. */
static size_t second_hello(struct wge_dtls_acceptor *a, struct dtls_client *c, uint64_t now_ms, uint8_t *hello)
{
    struct wge_dtls *d = NULL;
    CHECK(!dtls_client_connect(c));
    size_t length = wire_take(&c->out, hello);
    CHECK(offer(a, c, hello, length, false, &home, now_ms, &d) == WGE_WANT_READ && d == NULL);
    CHECK(c->in.count == 1);
    CHECK(!dtls_client_connect(c));
    length = wire_take(&c->out, hello);
    CHECK(length > 0);
    return length;
}

/* The whole handshake; NULL if it failed on our side. */
static struct wge_dtls *establish(struct wge_dtls_acceptor *a, struct dtls_client *c)
{
    struct wge_dtls *d = NULL;
    uint8_t datagram[2048];
    size_t length = second_hello(a, c, 0, datagram);
    CHECK(offer(a, c, datagram, length, true, &home, 0, &d) == WGE_OK && d != NULL);
    enum wge_result result = wge_dtls_handshake(d, NULL, 0);
    for (int turn = 0; turn < 8 && result == WGE_WANT_READ; turn++) {
        dtls_client_connect(c);
        while (result == WGE_WANT_READ && (length = wire_take(&c->out, datagram)) > 0)
            result = wge_dtls_handshake(d, datagram, length);
    }
    if (result != WGE_OK) {
        wge_dtls_free(d);
        return NULL;
    }
    CHECK(dtls_client_connect(c));
    return d;
}

static struct wge_dtls_acceptor *acceptor(void)
{
    struct wge_dtls_acceptor *a = NULL;
    CHECK(wge_dtls_acceptor_create(&a, 0) == WGE_OK);
    return a;
}

static void test_records_both_ways(void)
{
    struct wge_dtls_acceptor *a = acceptor();
    struct dtls_client c;
    dtls_client_open(&c, good_key);
    struct wge_dtls *d = establish(a, &c);
    CHECK(d != NULL);
    CHECK(strcmp(wolfSSL_get_cipher_name(c.ssl), "PSK-AES256-GCM-SHA384") == 0);
    uint8_t datagram[2048], plain[16384];
    size_t length;
    /* two records in one datagram are two reads */
    CHECK(wolfSSL_write(c.ssl, "first", 5) == 5 && wolfSSL_write(c.ssl, "second", 6) == 6);
    size_t one = wire_take(&c.out, datagram);
    size_t both = one + wire_take(&c.out, datagram + one);
    wge_dtls_feed(d, datagram, both);
    CHECK(wge_dtls_read(d, plain, sizeof plain, &length) == WGE_OK && length == 5 && memcmp(plain, "first", 5) == 0);
    CHECK(wge_dtls_read(d, plain, sizeof plain, &length) == WGE_OK && length == 6 && memcmp(plain, "second", 6) == 0);
    CHECK(wge_dtls_read(d, plain, sizeof plain, &length) == WGE_WANT_READ);
    /* and back, as long as it may be, and no longer */
    memset(plain, 7, 1501);
    CHECK(wge_dtls_write(d, plain, 1502) == WGE_INVALID);
    CHECK(wge_dtls_write(d, plain, 1501) == WGE_OK);
    CHECK(c.in.count == 1 && c.in.lengths[0] == 1501 + WGE_DTLS_OVERHEAD);
    CHECK(wolfSSL_read(c.ssl, plain, sizeof plain) == 1501);
    wge_dtls_free(d);
    dtls_client_close(&c);
    wge_dtls_acceptor_free(a);
}

static void test_cookie_belongs_to_an_address(void)
{
    struct wge_dtls_acceptor *a = acceptor();
    struct dtls_client c;
    struct wge_dtls *d = NULL;
    uint8_t hello[2048];
    dtls_client_open(&c, good_key);
    size_t length = second_hello(a, &c, 0, hello);
    CHECK(offer(a, &c, hello, length, true, &elsewhere, 0, &d) == WGE_WANT_READ && d == NULL);
    CHECK(c.in.count == 1); /* the cookie for that address */
    CHECK(offer(a, &c, hello, length, true, &home, 0, &d) == WGE_OK && d != NULL);
    wge_dtls_free(d);
    dtls_client_close(&c);
    wge_dtls_acceptor_free(a);
}

static void test_secrets_take_turns(void)
{
    static const struct {
        uint64_t later_ms;
        enum wge_result result;
    } cases[] = {
        {WGE_DTLS_COOKIE_MS - 1, WGE_OK},        {WGE_DTLS_COOKIE_MS, WGE_OK}, /* the secret of the turn before */
        {2 * WGE_DTLS_COOKIE_MS - 1, WGE_OK},    {2 * WGE_DTLS_COOKIE_MS, WGE_WANT_READ},
        {9 * WGE_DTLS_COOKIE_MS, WGE_WANT_READ},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wge_dtls_acceptor *a = acceptor();
        struct dtls_client c;
        struct wge_dtls *d = NULL;
        uint8_t hello[2048];
        dtls_client_open(&c, good_key);
        size_t length = second_hello(a, &c, 0, hello);
        c.in.count = 0;
        CHECK(offer(a, &c, hello, length, true, &home, cases[i].later_ms, &d) == cases[i].result);
        CHECK((d != NULL) == (cases[i].result == WGE_OK));
        /* an old cookie is answered with a new one, in a HelloVerifyRequest (message type 3) */
        CHECK(c.in.count == (d == NULL ? 1u : 0u));
        CHECK(d != NULL || c.in.bytes[0][13] == 3);
        wge_dtls_free(d);
        dtls_client_close(&c);
        wge_dtls_acceptor_free(a);
    }
}

static void test_wrong_key_or_name(void)
{
    struct wge_dtls_acceptor *a = acceptor();
    struct dtls_client c;
    dtls_client_open(&c, bad_key);
    CHECK(establish(a, &c) == NULL);
    dtls_client_close(&c);
    dtls_client_open(&c, good_key);
    c.identity = "somebody";
    CHECK(establish(a, &c) == NULL);
    dtls_client_close(&c);
    wge_dtls_acceptor_free(a);
}

static void test_a_lost_flight_is_repeated(void)
{
    struct wge_dtls_acceptor *a = acceptor();
    struct dtls_client c;
    struct wge_dtls *d = NULL;
    uint8_t datagram[2048];
    dtls_client_open(&c, good_key);
    size_t length = second_hello(a, &c, 0, datagram);
    CHECK(offer(a, &c, datagram, length, true, &home, 0, &d) == WGE_OK);
    CHECK(wge_dtls_handshake(d, NULL, 0) == WGE_WANT_READ && c.in.count > 0);
    c.in.count = 0; /* lost */
    wge_dtls_repeat(d);
    CHECK(c.in.count > 0);
    enum wge_result result = WGE_WANT_READ;
    for (int turn = 0; turn < 8 && result == WGE_WANT_READ; turn++) {
        dtls_client_connect(&c);
        while (result == WGE_WANT_READ && (length = wire_take(&c.out, datagram)) > 0)
            result = wge_dtls_handshake(d, datagram, length);
    }
    CHECK(result == WGE_OK && dtls_client_connect(&c));
    wge_dtls_free(d);
    dtls_client_close(&c);
    wge_dtls_acceptor_free(a);
}

static void test_bad_records_are_counted_and_harm_nobody(void)
{
    struct wge_dtls_acceptor *a = acceptor();
    struct dtls_client c;
    dtls_client_open(&c, good_key);
    struct wge_dtls *d = establish(a, &c);
    CHECK(d != NULL);
    uint8_t datagram[2048], forged[2048], plain[16384];
    size_t length;
    uint32_t bad_tags, repeats;
    CHECK(wolfSSL_write(c.ssl, "hello", 5) == 5);
    size_t bytes = wire_take(&c.out, datagram);
    unsigned tries = 0;
    /* every byte behind the record's own head, in every kind of record that could be claimed */
    for (uint8_t type = 20; type <= 24; type++)
        for (size_t at = 3; at < bytes; at++) {
            if (at == 11 || at == 12)
                continue; /* the length: classify() has seen to it */
            memcpy(forged, datagram, bytes);
            forged[0] = type;
            forged[at] ^= 0x40;
            wge_dtls_feed(d, forged, bytes);
            CHECK(wge_dtls_read(d, plain, sizeof plain, &length) == WGE_WANT_READ);
            tries++;
        }
    wge_dtls_dropped(d, &bad_tags, &repeats);
    CHECK(bad_tags > 0 && bad_tags <= tries);
    wge_dtls_feed(d, datagram, bytes);
    CHECK(wge_dtls_read(d, plain, sizeof plain, &length) == WGE_OK && length == 5);
    wge_dtls_feed(d, datagram, bytes);
    CHECK(wge_dtls_read(d, plain, sizeof plain, &length) == WGE_WANT_READ);
    uint32_t bad_tags_now, repeats_now;
    wge_dtls_dropped(d, &bad_tags_now, &repeats_now);
    CHECK(repeats_now == repeats + 1 && bad_tags_now == bad_tags);
    wge_dtls_free(d);
    dtls_client_close(&c);
    wge_dtls_acceptor_free(a);
}

/* Records in the clear prove nothing once there are keys, wherever in a datagram they stand; nor do heads that promise
 * more than has come, or datagrams longer than any record of ours. */
static void test_strangers_records_change_nothing(void)
{
    static const struct {
        size_t length;
        uint8_t bytes[40];
    } records[] = {
        {15, {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40}},
        {15, {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0}},
        {14, {20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1}},
        {25, {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 12, 0, 0, 0, 0, 0, 9}},
        {37, {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 24, 1, 0, 16, 0, 0, 5, 0, 0, 0, 0, 0, 12}},
        {37, {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 24, 20, 0, 0, 12, 0, 3, 0, 0, 0, 0, 0, 12}},
        {20, {23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 7}},
        {40, {23, 0xfe, 0xfd, 0, 2, 0, 0, 0, 0, 0, 9, 0, 27}},
        {20, {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 9, 9, 1, 0}},
        {7, {23, 0xfe, 0xfd, 0, 1, 0, 0}},
    };
    enum { RECORDS = sizeof records / sizeof records[0], LONG = 3000 };
    static const uint8_t head[13] = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 9, 9, (LONG - 13) >> 8, (LONG - 13) & 0xff};
    static uint8_t datagram[LONG];
    struct wge_dtls_acceptor *a = acceptor();
    struct dtls_client c;
    dtls_client_open(&c, good_key);
    struct wge_dtls *d = establish(a, &c);
    CHECK(d != NULL);
    uint8_t plain[16384];
    size_t length;
    for (size_t i = 0; i <= RECORDS; i++)
        for (unsigned behind = 0; behind < 2; behind++) {
            size_t at = 0;
            if (behind && i < RECORDS) {
                CHECK(wolfSSL_write(c.ssl, "first", 5) == 5);
                at = wire_take(&c.out, datagram);
            }
            if (i < RECORDS)
                memcpy(datagram + at, records[i].bytes, records[i].length);
            else
                memcpy(datagram, head, sizeof head);
            wge_dtls_feed(d, datagram, i < RECORDS ? at + records[i].length : LONG);
            CHECK(at == 0 || wge_dtls_read(d, plain, sizeof plain, &length) == WGE_OK);
            CHECK(wge_dtls_read(d, plain, sizeof plain, &length) == WGE_WANT_READ);
            CHECK(c.in.count == 0);
            CHECK(wolfSSL_write(c.ssl, "alive", 5) == 5);
            size_t bytes = wire_take(&c.out, datagram);
            wge_dtls_feed(d, datagram, bytes);
            CHECK(wge_dtls_read(d, plain, sizeof plain, &length) == WGE_OK && length == 5);
            CHECK(wge_dtls_read(d, plain, sizeof plain, &length) == WGE_WANT_READ);
        }
    CHECK(wge_dtls_write(d, plain, 5) == WGE_OK && wolfSSL_read(c.ssl, plain, sizeof plain) == 5);
    wge_dtls_free(d);
    dtls_client_close(&c);
    wge_dtls_acceptor_free(a);
}

/* The client repeats its last flight until it has ours; by then we are done and read records. */
static void test_a_lost_last_flight_is_repeated(void)
{
    struct wge_dtls_acceptor *a = acceptor();
    struct dtls_client c;
    struct wge_dtls *d = NULL;
    uint8_t datagram[2048], plain[16384];
    dtls_client_open(&c, good_key);
    size_t length = second_hello(a, &c, 0, datagram), bytes;
    CHECK(offer(a, &c, datagram, length, true, &home, 0, &d) == WGE_OK);
    enum wge_result result = wge_dtls_handshake(d, NULL, 0);
    CHECK(!dtls_client_connect(&c));
    while (result == WGE_WANT_READ && (length = wire_take(&c.out, datagram)) > 0)
        result = wge_dtls_handshake(d, datagram, length);
    CHECK(result == WGE_OK && c.in.count > 0);
    c.in.count = 0; /* lost */
    CHECK(wolfSSL_dtls_got_timeout(c.ssl) == WOLFSSL_SUCCESS && c.out.count > 0);
    while ((length = wire_take(&c.out, datagram)) > 0) {
        const uint8_t *sealed = wge_datagram_sealed(datagram, &length);
        if (sealed == NULL)
            continue; /* in the clear nothing is read any more */
        wge_dtls_feed(d, sealed, length);
        CHECK(wge_dtls_read(d, plain, sizeof plain, &bytes) == WGE_WANT_READ);
        wge_dtls_repeat(d);
    }
    CHECK(c.in.count > 0 && dtls_client_connect(&c));
    wge_dtls_free(d);
    dtls_client_close(&c);
    wge_dtls_acceptor_free(a);
}

/* A burst may be turned round in its order up to the window, 1024 records. */
static void test_wide_window(void)
{
    enum { BURST = 1000 };
    static uint8_t burst[BURST][64];
    static size_t lengths[BURST];
    struct wge_dtls_acceptor *a = acceptor();
    struct dtls_client c;
    dtls_client_open(&c, good_key);
    struct wge_dtls *d = establish(a, &c);
    CHECK(d != NULL);
    uint8_t plain[16384];
    size_t length;
    for (int i = 0; i < BURST; i++) {
        CHECK(wolfSSL_write(c.ssl, &i, sizeof i) == sizeof i);
        lengths[i] = wire_take(&c.out, burst[i]);
    }
    for (int i = BURST - 1; i >= 0; i--) {
        wge_dtls_feed(d, burst[i], lengths[i]);
        CHECK(wge_dtls_read(d, plain, sizeof plain, &length) == WGE_OK && memcmp(plain, &i, sizeof i) == 0);
    }
    wge_dtls_free(d);
    dtls_client_close(&c);
    wge_dtls_acceptor_free(a);
}

static void test_abandoned_keys_are_dead_for_the_client(void)
{
    struct wge_dtls_acceptor *a = acceptor();
    struct dtls_client c;
    dtls_client_open(&c, good_key);
    struct wge_dtls *d = establish(a, &c);
    CHECK(d != NULL);
    char plain[64];
    wge_dtls_abandon(d);
    CHECK(c.in.count == 1);
    CHECK(wolfSSL_read(c.ssl, plain, sizeof plain) <= 0);
    WOLFSSL_ALERT_HISTORY history;
    CHECK(wolfSSL_get_alert_history(c.ssl, &history) == WOLFSSL_SUCCESS);
    CHECK(history.last_rx.level == 2 && history.last_rx.code == 90);
    wge_dtls_free(d);
    dtls_client_close(&c);
    wge_dtls_acceptor_free(a);
}

int main(void)
{
    test_records_both_ways();
    test_cookie_belongs_to_an_address();
    test_secrets_take_turns();
    test_wrong_key_or_name();
    test_a_lost_flight_is_repeated();
    test_bad_records_are_counted_and_harm_nobody();
    test_strangers_records_change_nothing();
    test_a_lost_last_flight_is_repeated();
    test_wide_window();
    test_abandoned_keys_are_dead_for_the_client();
    return 0;
}
