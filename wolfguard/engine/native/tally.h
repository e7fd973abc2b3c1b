/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tally.h - the data thread's own, plain copy of the counters. It is added to the shared, atomic ones once a loop, so
 * that counting a packet costs an ordinary increment. */
#ifndef WGE_TALLY_H
#define WGE_TALLY_H

#include "counters.h"

struct wge_tally {
#define X(name) uint64_t name;
    WGE_COUNTERS(X)
#undef X
};

#define WGE_TALLY(tally, name) ((tally)->name++)
#define WGE_TALLY_BY(tally, name, n) ((tally)->name += (n))

static inline void wge_tally_flush(struct wge_tally *tally, struct wge_counters *counters)
{
#define X(name) \
    if (tally->name != 0) { \
        WGE_COUNT_BY(counters, name, tally->name); \
        tally->name = 0; \
    }
    WGE_COUNTERS(X)
#undef X
}

#endif
