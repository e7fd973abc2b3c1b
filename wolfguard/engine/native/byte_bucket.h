/* SPDX-License-Identifier: GPL-3.0-or-later */
/* byte_bucket.h - what a tunnel may carry in one direction: so many bytes a second, and a burst of bytes at once. In any
 * span of time no more passes than the burst and the span's worth (RFC 2697 2.1 calls it a token bucket). In integers;
 * the clock comes in as milliseconds. */
#ifndef WGE_BYTE_BUCKET_H
#define WGE_BYTE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* A burst holds the largest packet several times, whatever was asked for. */
#define WGE_BURST_MIN UINT64_C(65536)
#define WGE_BURST_MAX (UINT64_C(1) << 40)
#define WGE_RATE_MAX (UINT64_C(1) << 40)

struct wge_rate {
    uint64_t bytes_per_second; /* 0: no limit */
    uint64_t burst;            /* bytes */
};

struct wge_byte_bucket {
    struct wge_rate rate;
    uint64_t credit; /* thousandths of a byte: a rate a second is then thousandths a millisecond */
    uint64_t updated_ms;
};

static inline bool wge_rate_valid(const struct wge_rate *rate)
{
    return rate->bytes_per_second == 0 ||
           (rate->bytes_per_second <= WGE_RATE_MAX && rate->burst >= WGE_BURST_MIN && rate->burst <= WGE_BURST_MAX);
}

/* A valid rate; begins full. */
static inline void wge_byte_bucket_open(struct wge_byte_bucket *b, const struct wge_rate *rate, uint64_t now_ms)
{
    *b = (struct wge_byte_bucket){.rate = *rate, .credit = rate->burst * 1000, .updated_ms = now_ms};
}

/* A clock that stands still or goes back gives nothing. */
static inline void wge_byte_bucket_refill(struct wge_byte_bucket *b, uint64_t now_ms)
{
    if (now_ms <= b->updated_ms)
        return;
    const uint64_t passed = now_ms - b->updated_ms;
    const uint64_t missing = b->rate.burst * 1000 - b->credit;
    b->updated_ms = now_ms;
    b->credit += passed > missing / b->rate.bytes_per_second ? missing : passed * b->rate.bytes_per_second;
}

/* Whether so many bytes may pass now; they are paid for when they may. */
static inline bool wge_byte_bucket_take(struct wge_byte_bucket *b, uint64_t bytes, uint64_t now_ms)
{
    if (b->rate.bytes_per_second == 0)
        return true;
    wge_byte_bucket_refill(b, now_ms);
    if (b->credit / 1000 < bytes)
        return false;
    b->credit -= bytes * 1000;
    return true;
}

/* Another valid rate from here on. What was saved up stays, as far as the new burst holds it; out of no limit, it is
 * full. */
static inline void wge_byte_bucket_change(struct wge_byte_bucket *b, const struct wge_rate *rate, uint64_t now_ms)
{
    const struct wge_byte_bucket before = *b;
    wge_byte_bucket_open(b, rate, now_ms);
    if (before.rate.bytes_per_second == 0)
        return;
    struct wge_byte_bucket filled = before;
    wge_byte_bucket_refill(&filled, now_ms);
    if (filled.credit < b->credit)
        b->credit = filled.credit;
}

#endif
