/* SPDX-License-Identifier: GPL-3.0-or-later */
/* token_bucket.h - a rate with a burst of one second's worth, in integers; the clock comes in as an argument. */
#ifndef WGE_TOKEN_BUCKET_H
#define WGE_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct wge_token_bucket {
    uint32_t per_second;
    uint64_t credit_ns; /* time saved up, at most one second */
    uint64_t last_ns;
};

static inline struct wge_token_bucket wge_token_bucket_full(uint32_t per_second, uint64_t now_ns)
{
    return (struct wge_token_bucket){per_second, 1000000000u, now_ns};
}

/* One token costs 1/per_second of a second. A clock that stands still gives nothing. */
static inline bool wge_token_bucket_take(struct wge_token_bucket *bucket, uint64_t now_ns)
{
    if (bucket->per_second == 0)
        return false;
    const uint64_t cost = 1000000000u / bucket->per_second;
    const uint64_t gained = now_ns > bucket->last_ns ? now_ns - bucket->last_ns : 0;
    if (gained > 0)
        bucket->last_ns = now_ns;
    bucket->credit_ns = gained > 1000000000u - bucket->credit_ns ? 1000000000u : bucket->credit_ns + gained;
    if (bucket->credit_ns < cost)
        return false;
    bucket->credit_ns -= cost;
    return true;
}

#endif
