/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_moderation.c - no rest without load, a bounded one under load, none when batches are large anyway. */
#include "moderation.h"

#include "check.h"

/* `turns` turns of `packets` each, spread evenly over `ms` windows from `*now`; returns the last answer. */
static uint32_t turns(struct wge_moderation *m, uint64_t *now, unsigned ms, unsigned each_ms, uint64_t packets)
{
    uint32_t rest = 0;
    for (unsigned i = 0; i < ms * each_ms; i++) {
        *now += WGE_MODERATION_WINDOW_US / each_ms;
        rest = wge_moderation_rest(m, *now, packets);
    }
    return rest;
}

static void test_a_trickle_is_never_held(void)
{
    struct wge_moderation m = {0};
    uint64_t now = 1000000;
    for (int i = 0; i < 1000; i++) {
        now += 100; /* ten a millisecond */
        CHECK(wge_moderation_rest(&m, now, 1) == 0);
    }
}

static void test_a_stream_is_held_for_a_bounded_time(void)
{
    struct wge_moderation m = {0};
    uint64_t now = 1000000;
    CHECK(turns(&m, &now, 3, 50, 1) == WGE_MODERATION_REST_US);
    /* the faster it is, the shorter is the rest */
    CHECK(turns(&m, &now, 3, 100, 4) == WGE_MODERATION_BATCH * WGE_MODERATION_WINDOW_US / 400);
    /* and so fast that a rest has no use */
    CHECK(turns(&m, &now, 3, 100, 31) == 0);
}

static void test_large_batches_need_no_rest(void)
{
    struct wge_moderation m = {0};
    uint64_t now = 1000000;
    CHECK(turns(&m, &now, 3, 10, WGE_MODERATION_BATCH) == 0);
    CHECK(wge_moderation_rest(&m, now, WGE_MODERATION_BATCH - 1) > 0);
}

static void test_a_pause_ends_the_load(void)
{
    struct wge_moderation m = {0};
    uint64_t now = 1000000;
    CHECK(turns(&m, &now, 3, 50, 1) > 0);
    now += 2 * WGE_MODERATION_WINDOW_US;
    CHECK(wge_moderation_rest(&m, now, 1) == 0);
    /* absurd counts do not wrap */
    CHECK(wge_moderation_rest(&m, now, UINT64_MAX) == 0);
    CHECK(wge_moderation_rest(&m, now + 10, 1) == 0);
}

int main(void)
{
    test_a_trickle_is_never_held();
    test_a_stream_is_held_for_a_bounded_time();
    test_large_batches_need_no_rest();
    test_a_pause_ends_the_load();
    return 0;
}
