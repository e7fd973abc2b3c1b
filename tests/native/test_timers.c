/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Against an array that is searched from end to end; and that room is kept for timers that rest. */
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

static void as_the_array_says(void)
{
    struct sequence s = {0x71c};
    struct wge_timers t;
    wge_timers_init(&t);
    CHECK(wge_timers_next(&t) == WGE_TIMER_NEVER && wge_timers_take(&t, UINT64_MAX) == NULL);
    for (size_t i = 0; i < TIMERS; i++) {
        CHECK(wge_timers_reserve(&t) == WGE_OK);
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
}

/* Under the address sanitizer: the heap holds all that were ever promised room, though they were never armed at once
 * before. */
static void resting_timers_keep_their_room(void)
{
    struct wge_timers t;
    wge_timers_init(&t);
    for (size_t i = 0; i < TIMERS; i++) {
        timers[i] = (struct wge_timer){.owner = &due[i]};
        CHECK(wge_timers_reserve(&t) == WGE_OK);
        wge_timers_set(&t, &timers[i], i);
        CHECK(wge_timers_take(&t, i) == &timers[i] && t.count == 0);
    }
    for (size_t i = 0; i < TIMERS; i++)
        wge_timers_hasten(&t, &timers[i], 1000 - i);
    CHECK(t.count == TIMERS);
    for (size_t i = TIMERS; i-- > 0;) {
        wge_timers_hasten(&t, &timers[i], 2000);
        CHECK(wge_timers_next(&t) == 1000 - i);
        wge_timers_release(&t, &timers[i]);
    }
    CHECK(t.count == 0 && t.reserved == 0);
    wge_timers_free(&t);
}

int main(void)
{
    as_the_array_says();
    resting_timers_keep_their_room();
    return 0;
}
