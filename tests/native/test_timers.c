/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Against an array that is searched from end to end. */
#include "timers.h"

#include "check.h"
#include "packets.h"

#define TIMERS 300

static struct wge_timer timers[TIMERS];
static uint64_t due[TIMERS]; /* WGE_TIMER_NEVER: not armed */

static uint64_t earliest(void)
{
    uint64_t first = WGE_TIMER_NEVER;
    for (size_t i = 0; i < TIMERS; i++)
        if (due[i] < first)
            first = due[i];
    return first;
}

int main(void)
{
    struct sequence s = {0x71c};
    struct wge_timers t;
    wge_timers_init(&t);
    CHECK(wge_timers_next(&t) == WGE_TIMER_NEVER && wge_timers_take(&t, UINT64_MAX) == NULL);
    for (size_t i = 0; i < TIMERS; i++) {
        CHECK(wge_timers_reserve(&t, i + 1) == WGE_OK);
        timers[i].owner = &due[i];
        due[i] = WGE_TIMER_NEVER;
    }
    uint64_t now = 0;
    for (unsigned round = 0; round < 50000; round++) {
        size_t i = below(&s, TIMERS);
        due[i] = below(&s, 4) == 0 ? WGE_TIMER_NEVER : now + below(&s, 500);
        wge_timers_set(&t, &timers[i], due[i]);
        CHECK(wge_timers_next(&t) == earliest());
        if (below(&s, 8) == 0) {
            struct wge_timer *timer;
            now += below(&s, 40);
            while ((timer = wge_timers_take(&t, now)) != NULL) {
                uint64_t *its = timer->owner;
                CHECK(*its == earliest() && *its <= now);
                *its = WGE_TIMER_NEVER;
            }
            CHECK(earliest() > now);
        }
    }
    wge_timers_free(&t);
    return 0;
}
