/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "liveness.h"

#include "check.h"

/* Runs to `until`, waking only when told to, and notes when what was due. */
static unsigned run(struct wge_liveness *l, uint64_t from, uint64_t until, unsigned kind, uint64_t *times)
{
    unsigned count = 0;
    uint64_t next = from;
    for (unsigned wakes = 0; next <= until; wakes++) {
        uint64_t now = next;
        CHECK(wakes < 1000);
        if ((wge_liveness_due(l, now, &next) & kind) != 0)
            times[count++] = now;
        CHECK(next > now);
    }
    return count;
}

static void silence_is_asked_twice_then_given_up(void)
{
    struct wge_liveness l = {.dpd_ms = 1000, .expires_at = WGE_TIMER_NEVER};
    uint64_t times[100];
    uint64_t next;
    wge_liveness_start(&l, 5000);
    CHECK(run(&l, 5000, 7900, WGE_DUE_DPD_REQUEST, times) == 2);
    CHECK(times[0] == 6000 && times[1] == 7000);
    CHECK(wge_liveness_due(&l, 7999, &next) == 0 && next == 8000);
    CHECK(wge_liveness_due(&l, 8000, &next) == WGE_DUE_DPD_TIMEOUT);
}

static void an_answer_starts_anew(void)
{
    struct wge_liveness l = {.dpd_ms = 1000, .expires_at = WGE_TIMER_NEVER};
    uint64_t next;
    wge_liveness_start(&l, 0);
    CHECK(wge_liveness_due(&l, 1000, &next) == WGE_DUE_DPD_REQUEST);
    l.heard_at = 1100;
    CHECK(wge_liveness_due(&l, 2000, &next) == 0 && next == 2100);
    CHECK(wge_liveness_due(&l, 2100, &next) == WGE_DUE_DPD_REQUEST);
    CHECK(wge_liveness_due(&l, 4100, &next) == WGE_DUE_DPD_TIMEOUT);
}

static void keepalives_fill_our_silence(void)
{
    struct wge_liveness l = {.keepalive_ms = 300, .expires_at = WGE_TIMER_NEVER};
    uint64_t times[100];
    wge_liveness_start(&l, 0);
    CHECK(run(&l, 0, 1000, WGE_DUE_KEEPALIVE, times) == 3 && times[0] == 300 && times[2] == 900);
    l.spoke_at = 1000;
    uint64_t next;
    CHECK(wge_liveness_due(&l, 1200, &next) == 0 && next == 1300);
}

static void idleness_is_told_once_a_cause(void)
{
    struct wge_liveness l = {.idle_ms = 100, .expires_at = WGE_TIMER_NEVER};
    uint64_t times[100];
    wge_liveness_start(&l, 0);
    CHECK(run(&l, 0, 1000, WGE_DUE_IDLE, times) == 1 && times[0] == 100);
    l.data_at = 1000;
    CHECK(run(&l, 1000, 2000, WGE_DUE_IDLE, times) == 1 && times[0] == 1100);
}

static void a_lifetime_ends_once(void)
{
    struct wge_liveness l = {.expires_at = 700};
    uint64_t times[100];
    uint64_t next;
    wge_liveness_start(&l, 0);
    CHECK(run(&l, 0, 699, WGE_DUE_EXPIRED, times) == 0);
    CHECK(wge_liveness_due(&l, 800, &next) == WGE_DUE_EXPIRED && next == WGE_TIMER_NEVER);
    CHECK(wge_liveness_due(&l, 900, &next) == 0);
}

static void rekeying_is_tried_again(void)
{
    struct wge_liveness l = {.rekey_ms = 5000, .expires_at = WGE_TIMER_NEVER};
    uint64_t next;
    wge_liveness_start(&l, 0);
    CHECK(wge_liveness_due(&l, 0, &next) == 0 && next == 5000);
    CHECK(wge_liveness_due(&l, 5000, &next) == WGE_DUE_REKEY && next == 5000 + WGE_REKEY_RETRY_MS);
    l.rekey_at = 10000; /* as success does */
    CHECK(wge_liveness_due(&l, 6000, &next) == 0 && next == 10000);
}

static void zero_is_never(void)
{
    struct wge_liveness l = {.expires_at = WGE_TIMER_NEVER};
    uint64_t next;
    wge_liveness_start(&l, 1);
    CHECK(wge_liveness_due(&l, UINT64_MAX / 2, &next) == 0 && next == WGE_TIMER_NEVER);
}

int main(void)
{
    silence_is_asked_twice_then_given_up();
    an_answer_starts_anew();
    keepalives_fill_our_silence();
    idleness_is_told_once_a_cause();
    a_lifetime_ends_once();
    rekeying_is_tried_again();
    zero_is_never();
    return 0;
}
