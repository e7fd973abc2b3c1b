/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_events.c - order, the bell, promises, what a flood may lose, and several producers at once. */
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "events.h"

#define PRODUCERS 4
#define EACH 5000

static bool rung(const struct wge_events *e)
{
    struct pollfd p = {.fd = wge_events_fd(e), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void test_order_and_bell(void)
{
    struct wge_events *e;
    struct wge_event out[8];
    CHECK(wge_events_create(&e) == WGE_OK);
    CHECK(!rung(e) && wge_events_take(e, out, 8) == 0);
    for (uint64_t i = 1; i <= 5; i++)
        CHECK(wge_events_push(e, &(struct wge_event){.kind = WGE_EVENT_OPENED, .id = i}) == WGE_OK);
    CHECK(rung(e));
    CHECK(wge_events_take(e, out, 3) == 3 && out[0].id == 1 && out[2].id == 3);
    CHECK(rung(e)); /* some are left */
    CHECK(wge_events_take(e, out, 8) == 2 && out[1].id == 5);
    CHECK(!rung(e));
    wge_events_free(e);
}

static void test_flood_loses_refusals_only(void)
{
    struct wge_events *e;
    size_t kept = 0;
    CHECK(wge_events_create(&e) == WGE_OK);
    CHECK(wge_events_reserve(e, 20000) == WGE_OK);
    for (int i = 0; i < 10000; i++) {
        uint8_t *data = malloc(4);
        kept += wge_events_push(e, &(struct wge_event){.kind = WGE_EVENT_REFUSED, .data = data, .length = 4}) == WGE_OK;
    }
    CHECK(kept == 4096);
    for (uint64_t i = 0; i < 20000; i++)
        CHECK(wge_events_push(e, &(struct wge_event){.kind = WGE_EVENT_CLOSED, .id = i}) == WGE_OK);
    CHECK(wge_events_reserve(e, (size_t)1 << 20) == WGE_NO_MEMORY);
    wge_events_release(e, 20000);
    struct wge_event event;
    size_t taken = 0;
    while (wge_events_take(e, &event, 1) == 1) {
        if (taken >= kept)
            CHECK(event.kind == WGE_EVENT_CLOSED && event.id == taken - kept);
        wge_event_wipe(&event);
        if (++taken == kept + 100)
            break; /* the rest is freed, with its data, by wge_events_free */
    }
    wge_events_free(e);
}

static void *produce(void *given)
{
    for (uint64_t i = 0; i < EACH; i++)
        CHECK(wge_events_push(given, &(struct wge_event){
                                         .kind = WGE_EVENT_DATA, .id = i, .data = malloc(1), .length = 1}) == WGE_OK);
    return NULL;
}

static void test_producers(void)
{
    struct wge_events *e;
    pthread_t threads[PRODUCERS];
    CHECK(wge_events_create(&e) == WGE_OK);
    for (int i = 0; i < PRODUCERS; i++)
        CHECK(pthread_create(&threads[i], NULL, produce, e) == 0);
    size_t taken = 0;
    while (taken < PRODUCERS * EACH) {
        struct wge_event out[64];
        struct pollfd p = {.fd = wge_events_fd(e), .events = POLLIN};
        CHECK(poll(&p, 1, 10000) == 1);
        size_t count = wge_events_take(e, out, 64);
        for (size_t i = 0; i < count; i++)
            wge_event_wipe(&out[i]);
        taken += count;
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    CHECK(taken == PRODUCERS * EACH);
    wge_events_free(e);
}

int main(void)
{
    test_order_and_bell();
    test_flood_loses_refusals_only();
    test_producers();
    return 0;
}
