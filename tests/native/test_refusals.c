/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_refusals.c - sums by address and label, once a second, bounded. */
#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "refusals.h"

static struct wge_counters counters;

static struct wge_address number(uint32_t n)
{
    struct wge_address a = {.bytes = {0x20, 0x01, 0x0d, 0xb8}};
    memcpy(a.bytes + 12, &n, 4);
    return a;
}

int main(void)
{
    struct wge_events *events;
    struct wge_refusals *r;
    struct wge_event out[512];
    CHECK(wge_events_create(&events) == WGE_OK && wge_refusals_create(&r, &counters, events) == WGE_OK);
    struct wge_address a = number(0x01000000);
    for (int i = 0; i < 1000; i++)
        wge_refusals_add(r, &a, "handshake_malformed");
    wge_refusals_add(r, &a, "handshake_timeout");
    CHECK(counters.handshake_malformed == 1000 && counters.handshake_timeout == 1);
    wge_refusals_flush(r, 500);
    CHECK(wge_events_take(events, out, 512) == 0);
    wge_refusals_flush(r, 1500);
    CHECK(wge_events_take(events, out, 512) == 2);
    CHECK(out[0].kind == WGE_EVENT_REFUSED && out[0].code == 1000 && strcmp(out[0].reason, "handshake_malformed") == 0);
    CHECK(out[0].length == strlen("2001:db8::1") && memcmp(out[0].data, "2001:db8::1", out[0].length) == 0);
    CHECK(out[1].code == 1);
    wge_event_wipe(&out[0]);
    wge_event_wipe(&out[1]);

    /* more addresses than places: the rest is one sum without an address */
    for (uint32_t i = 0; i < 10000; i++) {
        a = number(i);
        wge_refusals_add(r, &a, "refused_source_rate");
    }
    wge_refusals_flush(r, 3000);
    size_t count = wge_events_take(events, out, 512);
    int sum = 0;
    bool anonymous = false;
    for (size_t i = 0; i < count; i++) {
        sum += out[i].code;
        anonymous |= out[i].length == 0;
        wge_event_wipe(&out[i]);
    }
    CHECK(count == 257 && anonymous && sum == 10000 && counters.refusals_lost == 0);
    wge_refusals_flush(r, 5000);
    CHECK(wge_events_take(events, out, 512) == 0);
    wge_refusals_free(r);
    wge_events_free(events);
    return 0;
}
