/* SPDX-License-Identifier: GPL-3.0-or-later */
/* moderation.c - see moderation.h. */
#include "moderation.h"

static void look_at_window(struct wge_moderation *m, uint64_t now_us)
{
    uint64_t age = now_us - m->window_us;
    if (age < WGE_MODERATION_WINDOW_US)
        return;
    m->before = age < 2 * WGE_MODERATION_WINDOW_US ? m->packets : 0; /* after a pause the load is unknown */
    m->packets = 0;
    m->window_us = now_us;
}

uint32_t wge_moderation_rest(struct wge_moderation *m, uint64_t now_us, uint64_t packets)
{
    look_at_window(m, now_us);
    m->packets += packets < UINT32_MAX - m->packets ? (uint32_t)packets : 0;
    if (m->before < WGE_MODERATION_BUSY || packets >= WGE_MODERATION_BATCH)
        return 0;
    uint32_t rest = WGE_MODERATION_BATCH * WGE_MODERATION_WINDOW_US / m->before;
    if (rest > WGE_MODERATION_REST_US)
        rest = WGE_MODERATION_REST_US;
    return rest < WGE_MODERATION_LEAST_US ? 0 : rest;
}
