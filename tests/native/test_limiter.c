/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_limiter.c - rates, counts, what belongs to one source, and a table that forgets nothing worth having. */
#include <arpa/inet.h>
#include <string.h>

#include "check.h"
#include "limiter.h"

static const uint8_t secret[16] = {1, 2, 3};

static struct wge_address at(const char *text)
{
    struct sockaddr_storage from = {0};
    struct wge_address address;
    if (strchr(text, ':') != NULL) {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        CHECK(inet_pton(AF_INET6, text, &v6.sin6_addr) == 1);
        memcpy(&from, &v6, sizeof(v6));
    } else {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        CHECK(inet_pton(AF_INET, text, &v4.sin_addr) == 1);
        memcpy(&from, &v4, sizeof(v4));
    }
    CHECK(wge_address_from(&address, &from));
    return address;
}

static struct wge_limiter *make(uint32_t half_open, uint32_t rate, uint32_t burst, uint32_t unauthenticated)
{
    struct wge_limiter *l;
    struct wge_limits limits = {half_open, rate, burst, unauthenticated};
    CHECK(wge_limiter_create(&l, &limits, secret) == WGE_OK);
    return l;
}

static void test_rate(void)
{
    struct wge_limiter *l = make(100, 10, 3, 50);
    struct wge_address a = at("192.0.2.1"), b = at("192.0.2.2");
    for (int i = 0; i < 3; i++)
        CHECK(wge_limiter_enter(l, &a, 1000) == WGE_ADMITTED);
    CHECK(wge_limiter_enter(l, &a, 1000) == WGE_REFUSED_SOURCE_RATE);
    CHECK(wge_limiter_enter(l, &b, 1000) == WGE_ADMITTED);
    CHECK(wge_limiter_enter(l, &a, 1099) == WGE_REFUSED_SOURCE_RATE);
    CHECK(wge_limiter_enter(l, &a, 1100) == WGE_ADMITTED);           /* ten a second */
    CHECK(wge_limiter_enter(l, &a, 900) == WGE_REFUSED_SOURCE_RATE); /* time never runs backwards for a bucket */
    CHECK(wge_limiter_enter(l, &a, 1u << 30) == WGE_ADMITTED);
    wge_limiter_free(l);
}

static void test_counts(void)
{
    struct wge_limiter *l = make(5, 1000, 1000, 2);
    struct wge_address a = at("2001:db8:1:2::1"), same = at("2001:db8:1:2:ffff::9"), other = at("2001:db8:1:3::1");
    CHECK(wge_limiter_enter(l, &a, 0) == WGE_ADMITTED);
    CHECK(wge_limiter_enter(l, &same, 0) == WGE_ADMITTED); /* one /64 is one source */
    CHECK(wge_limiter_enter(l, &same, 0) == WGE_REFUSED_SOURCE_CONNECTIONS);
    CHECK(wge_limiter_enter(l, &other, 0) == WGE_ADMITTED);
    wge_limiter_leave(l, &a);
    CHECK(wge_limiter_enter(l, &same, 0) == WGE_ADMITTED);
    struct wge_address b = at("192.0.2.1"), c = at("192.0.2.2"), d = at("192.0.2.3");
    CHECK(wge_limiter_enter(l, &b, 0) == WGE_ADMITTED);
    CHECK(wge_limiter_enter(l, &c, 0) == WGE_ADMITTED);
    CHECK(wge_limiter_half_open(l) == 5);
    CHECK(wge_limiter_enter(l, &d, 0) == WGE_REFUSED_HALF_OPEN);
    wge_limiter_leave(l, &b);
    wge_limiter_leave(l, &b); /* once too often changes nothing */
    CHECK(wge_limiter_half_open(l) == 4);
    CHECK(wge_limiter_enter(l, &d, 0) == WGE_ADMITTED);
    wge_limiter_free(l);
}

/* A flood of sources can neither make the limiter forget a live connection, nor keep strangers out, nor mint bursts. */
static void test_flood_of_sources(void)
{
    struct wge_limiter *l = make(1000, 1, 20, 10);
    struct wge_address live = at("192.0.2.1");
    for (int i = 0; i < 10; i++)
        CHECK(wge_limiter_enter(l, &live, 0) == WGE_ADMITTED);
    unsigned admitted = 0;
    for (uint32_t i = 0; i < 200000; i++) {
        struct wge_address a = at("2001:db8::1");
        memcpy(a.bytes + 4, &i, 4);
        for (int n = 0; n < 2; n++) {
            if (wge_limiter_enter(l, &a, 0) != WGE_ADMITTED)
                break;
            wge_limiter_leave(l, &a);
            admitted++;
        }
    }
    CHECK(admitted >= 200000); /* everybody gets one */
    CHECK(wge_limiter_enter(l, &live, 0) == WGE_REFUSED_SOURCE_CONNECTIONS);
    CHECK(wge_limiter_half_open(l) == 10);
    /* 8192 places were full of debts long ago: newcomers inherit them */
    for (uint32_t i = 0; i < 200000; i++) {
        struct wge_address a = at("2001:db9::1");
        memcpy(a.bytes + 4, &i, 4);
        for (int n = 0; n < 20 && wge_limiter_enter(l, &a, 0) == WGE_ADMITTED; n++)
            wge_limiter_leave(l, &a);
    }
    unsigned minted = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        struct wge_address a = at("2001:dba::1");
        memcpy(a.bytes + 4, &i, 4);
        for (int n = 0; n < 20 && wge_limiter_enter(l, &a, 0) == WGE_ADMITTED; n++, minted++)
            wge_limiter_leave(l, &a);
    }
    CHECK(minted == 10000);
    wge_limiter_free(l);
}

static void test_bounds(void)
{
    struct wge_limiter *l;
    struct wge_limits none = {0, 1, 1, 1};
    CHECK(wge_limiter_create(&l, &none, secret) == WGE_INVALID);
}

static void test_addresses(void)
{
    char text[WGE_ADDRESS_TEXT_MAX];
    struct wge_address a = at("192.0.2.7");
    wge_address_text(&a, text);
    CHECK(strcmp(text, "192.0.2.7") == 0);
    a = at("2001:db8:0:0:0:0:0:1");
    wge_address_text(&a, text);
    CHECK(strcmp(text, "2001:db8::1") == 0);
    a = at("::ffff:192.0.2.7"); /* what a dual-stack listener reports */
    wge_address_text(&a, text);
    CHECK(strcmp(text, "192.0.2.7") == 0);
    struct wge_address b = wge_address_source(&a);
    CHECK(memcmp(a.bytes, b.bytes, 16) == 0);
    struct sockaddr_storage unix_socket = {.ss_family = AF_UNIX};
    CHECK(!wge_address_from(&a, &unix_socket));
}

int main(void)
{
    test_rate();
    test_counts();
    test_flood_of_sources();
    test_bounds();
    test_addresses();
    return 0;
}
