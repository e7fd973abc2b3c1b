/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_byte_bucket.c - over any sequence of packets and times, no more passes than the burst and the time's worth, and no
 * less than a client that asks for no more may expect. */
#include "byte_bucket.h"

#include "check.h"
#include "packets.h"

#define PACKETS 400

static const struct wge_rate rates[] = {
    {1, WGE_BURST_MIN}, {999, WGE_BURST_MIN}, {12500, 100000}, {125000000, 12500000}, {WGE_RATE_MAX, WGE_BURST_MAX},
};

static uint64_t worth(const struct wge_rate *rate, uint64_t ms)
{
    return ms / 1000 * rate->bytes_per_second + ms % 1000 * rate->bytes_per_second / 1000;
}

/* In every span of the sequence, not from the start alone. */
static void never_more(void)
{
    static uint64_t at[PACKETS], passed[PACKETS];
    struct sequence s = {0xb0c};
    for (unsigned round = 0; round < 200; round++) {
        const struct wge_rate *rate = &rates[below(&s, sizeof rates / sizeof *rates)];
        struct wge_byte_bucket b;
        uint64_t now = below(&s, 1000000);
        wge_byte_bucket_open(&b, rate, now);
        for (size_t i = 0; i < PACKETS; i++) {
            uint64_t bytes = 1 + below(&s, 16000);
            now += below(&s, 4) == 0 ? below(&s, 3000) : below(&s, 3);
            at[i] = now;
            passed[i] = wge_byte_bucket_take(&b, bytes, now) ? bytes : 0;
            uint64_t sum = 0;
            for (size_t first = i + 1; first-- > 0;) {
                sum += passed[first];
                CHECK(sum <= rate->burst + worth(rate, now - at[first]) + 1);
            }
        }
    }
}

/* Who asks for just the rate is never refused. */
static void never_less(void)
{
    struct sequence s = {0xfa1};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct wge_byte_bucket b;
        uint64_t now = 5;
        wge_byte_bucket_open(&b, &rates[i], now);
        CHECK(wge_byte_bucket_take(&b, rates[i].burst, now));
        CHECK(!wge_byte_bucket_take(&b, 1, now));
        for (unsigned round = 0; round < 1000; round++) {
            uint64_t pause = 1000 * (1 + below(&s, 3));
            uint64_t bytes = worth(&rates[i], pause);
            now += pause;
            if (bytes <= rates[i].burst)
                CHECK(wge_byte_bucket_take(&b, bytes, now));
        }
    }
}

static void odd_clocks(void)
{
    struct wge_byte_bucket b;
    wge_byte_bucket_open(&b, &rates[2], 1000);
    CHECK(wge_byte_bucket_take(&b, 100000, 1000));
    CHECK(!wge_byte_bucket_take(&b, 1, 0) && !wge_byte_bucket_take(&b, 1, 1000));
    CHECK(wge_byte_bucket_take(&b, 12, 1001) && !wge_byte_bucket_take(&b, 1, 1001));
    CHECK(wge_byte_bucket_take(&b, 100000, UINT64_MAX) && !wge_byte_bucket_take(&b, 1, UINT64_MAX));
}

static void no_limit(void)
{
    const struct wge_rate none = {0, 0};
    struct wge_byte_bucket b;
    wge_byte_bucket_open(&b, &none, 1);
    for (unsigned i = 0; i < 1000; i++)
        CHECK(wge_byte_bucket_take(&b, 16000, 1));
}

static void changes(void)
{
    const struct wge_rate none = {0, 0}, narrow = {1000, WGE_BURST_MIN}, wide = {1000000, 10 * WGE_BURST_MIN};
    struct wge_byte_bucket b;
    wge_byte_bucket_open(&b, &none, 1);
    wge_byte_bucket_change(&b, &narrow, 1);
    CHECK(wge_byte_bucket_take(&b, WGE_BURST_MIN, 1) && !wge_byte_bucket_take(&b, 1, 1));
    wge_byte_bucket_change(&b, &wide, 2); /* a new rate is no new burst */
    CHECK(wge_byte_bucket_take(&b, 1, 2) && !wge_byte_bucket_take(&b, 1, 2));
    CHECK(wge_byte_bucket_take(&b, 1000, 3) && !wge_byte_bucket_take(&b, 1, 3));
    wge_byte_bucket_take(&b, 1, 1000000);
    wge_byte_bucket_change(&b, &narrow, 1000000);
    CHECK(wge_byte_bucket_take(&b, WGE_BURST_MIN, 1000000) && !wge_byte_bucket_take(&b, 1, 1000000));
    wge_byte_bucket_change(&b, &none, 1000000);
    CHECK(wge_byte_bucket_take(&b, UINT32_MAX, 1000000));
}

static void bounds(void)
{
    struct wge_rate rate = {1, WGE_BURST_MIN - 1};
    CHECK(!wge_rate_valid(&rate));
    rate = (struct wge_rate){WGE_RATE_MAX + 1, WGE_BURST_MIN};
    CHECK(!wge_rate_valid(&rate));
    rate = (struct wge_rate){1, WGE_BURST_MAX + 1};
    CHECK(!wge_rate_valid(&rate));
    rate = (struct wge_rate){0, 0};
    CHECK(wge_rate_valid(&rate));
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        CHECK(wge_rate_valid(&rates[i]));
}

int main(void)
{
    never_more();
    never_less();
    odd_clocks();
    no_limit();
    changes();
    bounds();
    return 0;
}
