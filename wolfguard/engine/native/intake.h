/* SPDX-License-Identifier: GPL-3.0-or-later */
/* intake.h - packets from a client on their way inside, whichever channel brought them: what is wrong with them is
 * counted, the rest joins the batch for the TUN and the session's traffic. */
#ifndef WGE_INTAKE_H
#define WGE_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "tunnel.h"

/* Packets and bytes that one turn has taken from the peer. */
struct wge_intake {
    uint64_t packets, bytes;
};

/* The packet lies in the slot that wge_inside_slot() gave last. */
void wge_intake_packet(struct wge_tunnel *t, struct wge_loop *loop, const uint8_t *packet, size_t length,
                       struct wge_intake *intake);

/* Counts what a turn has taken. */
void wge_intake_settle(struct wge_tunnel *t, struct wge_loop *loop, const struct wge_intake *intake);

#endif
