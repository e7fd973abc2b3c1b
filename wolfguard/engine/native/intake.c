/* SPDX-License-Identifier: GPL-3.0-or-later */
/* intake.c - see intake.h. */
#include "intake.h"

/* A client works its MTU out itself, from the path and its cipher, so its packets may exceed ours a little. What an
 * Ethernet carries passes. */
#define INNER_MTU_FLOOR 1500

void wge_intake_packet(struct wge_tunnel *t, struct wge_loop *loop, const uint8_t *packet, size_t length,
                       struct wge_intake *intake)
{
    struct wge_inner inner;
    if (!wge_inner_parse(packet, length, &inner))
        goto drop_inner_malformed;
    if (!wge_inner_source_allowed(&inner, &t->params))
        goto drop_inner_source;
    if (inner.length > t->params.mtu && inner.length > INNER_MTU_FLOOR)
        goto drop_inner_mtu;
    if (!wge_byte_bucket_take(&t->up, inner.length, loop->now_ms))
        goto drop_rate_up;
    intake->packets++;
    intake->bytes += inner.length;
    wge_inside_add(&loop->inside, &inner);
    return;

drop_inner_malformed:
    WGE_TALLY(&loop->tally, drop_inner_malformed);
    return;
drop_inner_source:
    WGE_TALLY(&loop->tally, drop_inner_source);
    return;
drop_inner_mtu:
    WGE_TALLY(&loop->tally, drop_inner_mtu);
    return;
drop_rate_up:
    WGE_TALLY(&loop->tally, drop_rate_up);
}

void wge_intake_settle(struct wge_tunnel *t, struct wge_loop *loop, const struct wge_intake *intake)
{
    if (intake->packets == 0)
        return;
    WGE_TALLY_BY(&loop->tally, rx_packets, intake->packets);
    WGE_TALLY_BY(&loop->tally, rx_bytes, intake->bytes);
    t->liveness.data_at = loop->now_ms;
    if (t->traffic != NULL) {
        wge_traffic_add(&t->traffic->rx_packets, intake->packets);
        wge_traffic_add(&t->traffic->rx_bytes, intake->bytes);
        atomic_store_explicit(&t->traffic->last_active_ms, loop->now_ms, memory_order_relaxed);
    }
}
