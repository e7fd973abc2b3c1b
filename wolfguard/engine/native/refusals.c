/* SPDX-License-Identifier: GPL-3.0-or-later */
/* refusals.c - a short list, searched in full: it is emptied every second. */
#include "refusals.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD_MS 1000
/* Sums without an address, one a label. */
#define LABELS 32
#define ENTRIES 256

struct entry {
    const char *label;
    struct wge_address source;
    bool anonymous;
    uint32_t count;
};

struct wge_refusals {
    pthread_mutex_t lock;
    struct wge_counters *counters;
    struct wge_events *events;
    uint64_t flushed_ms;
    size_t entry_count, anonymous_count;
    struct entry entries[ENTRIES];
    struct entry anonymous[LABELS];
};

enum wge_result wge_refusals_create(struct wge_refusals **out, struct wge_counters *counters, struct wge_events *events)
{
    struct wge_refusals *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return WGE_NO_MEMORY;
    pthread_mutex_init(&r->lock, NULL);
    r->counters = counters;
    r->events = events;
    *out = r;
    return WGE_OK;
}

void wge_refusals_free(struct wge_refusals *r)
{
    if (r == NULL)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static bool add_to(struct entry *entries, size_t *count, size_t capacity, const struct wge_address *source,
                   const char *label)
{
    for (size_t i = 0; i < *count; i++) {
        bool same = source == NULL || memcmp(entries[i].source.bytes, source->bytes, sizeof(source->bytes)) == 0;
        if (same && strcmp(entries[i].label, label) == 0) {
            entries[i].count++;
            return true;
        }
    }
    if (*count == capacity)
        return false;
    struct entry *entry = &entries[(*count)++];
    memset(entry, 0, sizeof(*entry));
    entry->label = label;
    entry->anonymous = source == NULL;
    entry->count = 1;
    if (source != NULL)
        entry->source = *source;
    return true;
}

void wge_refusals_add(struct wge_refusals *r, const struct wge_address *peer, const char *label)
{
    wge_counters_add(r->counters, label, 1);
    pthread_mutex_lock(&r->lock);
    bool kept = add_to(r->entries, &r->entry_count, ENTRIES, peer, label) ||
                add_to(r->anonymous, &r->anonymous_count, LABELS, NULL, label);
    pthread_mutex_unlock(&r->lock);
    if (!kept)
        WGE_COUNT(r->counters, refusals_lost);
}

static void tell(struct wge_refusals *r, const struct entry *entry)
{
    struct wge_event event = {
        .kind = WGE_EVENT_REFUSED,
        .reason = entry->label,
        .code = entry->count > INT_MAX ? INT_MAX : (int)entry->count,
    };
    char text[WGE_ADDRESS_TEXT_MAX] = "";
    if (!entry->anonymous)
        wge_address_text(&entry->source, text);
    event.data = (uint8_t *)strdup(text);
    event.length = event.data == NULL ? 0 : strlen(text);
    if (wge_events_push(r->events, &event) != WGE_OK)
        WGE_COUNT_BY(r->counters, refusals_lost, entry->count);
}

void wge_refusals_flush(struct wge_refusals *r, uint64_t now_ms)
{
    pthread_mutex_lock(&r->lock);
    bool some = r->entry_count > 0 || r->anonymous_count > 0;
    /* after a quiet time the first is told at once, those that follow are summed */
    if (some && now_ms - r->flushed_ms >= PERIOD_MS) {
        for (size_t i = 0; i < r->entry_count; i++)
            tell(r, &r->entries[i]);
        for (size_t i = 0; i < r->anonymous_count; i++)
            tell(r, &r->anonymous[i]);
        r->entry_count = r->anonymous_count = 0;
        r->flushed_ms = now_ms;
    }
    pthread_mutex_unlock(&r->lock);
}
