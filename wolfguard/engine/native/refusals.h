/* SPDX-License-Identifier: GPL-3.0-or-later */
/* refusals.h - strangers turned away, summed by (address, label) so that a flood is one event a second and not a
 * million. Bounded: what finds no place is summed under its label alone, with an empty address. Shared by the handshake
 * threads. */
#ifndef WGE_REFUSALS_H
#define WGE_REFUSALS_H

#include "address.h"
#include "counters.h"
#include "events.h"
#include "result.h"

struct wge_refusals;

enum wge_result wge_refusals_create(struct wge_refusals **out, struct wge_counters *counters,
                                    struct wge_events *events);
void wge_refusals_free(struct wge_refusals *r);

/* Counts one under the counter of that name, and for the next event. `label` is static text. */
void wge_refusals_add(struct wge_refusals *r, const struct wge_address *peer, const char *label);
/* Turns the sums into EVENT_REFUSED (data: the address as text, code: how many, reason: the label) if a second has
 * passed since they were told last. */
void wge_refusals_flush(struct wge_refusals *r, uint64_t now_ms);

#endif
