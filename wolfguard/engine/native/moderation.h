/* SPDX-License-Identifier: GPL-3.0-or-later */
/* moderation.h - when the data thread rests between two turns. A stream that trickles in costs a wake-up and a system
 * call or two for every few packets; a rest of a tenth of a millisecond makes a batch of them, as network cards
 * moderate their interrupts. Below a rate at which that could matter to anybody the thread never rests. Pure: time and
 * packets come in, the length of the rest goes out. */
#ifndef WGE_MODERATION_H
#define WGE_MODERATION_H

#include <stdint.h>

#define WGE_MODERATION_WINDOW_US 1000
#define WGE_MODERATION_BUSY 16     /* packets in a window: less is no load */
#define WGE_MODERATION_BATCH 32    /* worth a turn: more gather without a rest */
#define WGE_MODERATION_REST_US 120 /* at most; the kernel's timer slack adds some 50 */
#define WGE_MODERATION_LEAST_US 20 /* a shorter one would cost more than it gathers */

struct wge_moderation {
    uint64_t window_us; /* when the present window began */
    uint32_t packets;   /* in it so far */
    uint32_t before;    /* in the window before it */
};

/* After a turn that has moved so many packets; returns microseconds to rest, 0 for none. */
uint32_t wge_moderation_rest(struct wge_moderation *m, uint64_t now_us, uint64_t packets);

#endif
