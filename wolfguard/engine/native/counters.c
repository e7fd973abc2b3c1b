/* SPDX-License-Identifier: GPL-3.0-or-later */
/* counters.c - counters by place and by name, for those who report them and for labels that are known only at run time.
 */
#include "counters.h"

#include <assert.h>
#include <string.h>

#define X(name) #name,
const char *const wge_counter_names[WGE_COUNTER_COUNT] = {WGE_COUNTERS(X)};
#undef X

static_assert(sizeof(struct wge_counters) == WGE_COUNTER_COUNT * sizeof(_Atomic uint64_t), "counters are an array");

uint64_t wge_counters_read(const struct wge_counters *counters, unsigned place)
{
    const _Atomic uint64_t *first = (const _Atomic uint64_t *)counters;
    return place < WGE_COUNTER_COUNT ? atomic_load_explicit(first + place, memory_order_relaxed) : 0;
}

void wge_counters_add(struct wge_counters *counters, const char *label, uint64_t count)
{
    _Atomic uint64_t *first = (_Atomic uint64_t *)counters;
    for (unsigned i = 0; i < WGE_COUNTER_COUNT; i++) {
        if (strcmp(wge_counter_names[i], label) == 0) {
            atomic_fetch_add_explicit(first + i, count, memory_order_relaxed);
            return;
        }
    }
}
