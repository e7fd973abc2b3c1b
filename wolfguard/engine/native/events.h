/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events.h - the bounded ring through which C threads speak to Python, and the eventfd that wakes it.
 * A full ring never blocks a thread and never loses what Python must know: producers of connection events hold a
 * reservation (made at accept / adopt), only aggregated REFUSED events may be lost, and are counted. */
#ifndef WGE_EVENTS_H
#define WGE_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "result.h"

enum wge_event_kind {
    WGE_EVENT_OPENED = 1,
    WGE_EVENT_DATA,
    WGE_EVENT_CLOSED,
    WGE_EVENT_REFUSED,
    WGE_EVENT_TUNNEL_CLOSED,
    WGE_EVENT_TUNNEL_TIMER,
    WGE_EVENT_TUNNEL_REKEYED,
};

struct wge_event {
    enum wge_event_kind kind;
    uint64_t id;         /* connection, or session for tunnel events */
    uint64_t epoch;      /* tunnel events */
    const char *reason;  /* static text: a label */
    int code;            /* BYE code, count of REFUSED, ... */
    uint8_t *data;       /* malloc'ed by the producer, freed by the consumer; NULL if none */
    size_t length;
};

struct wge_events;

enum wge_result wge_events_create(struct wge_events **out);
void wge_events_free(struct wge_events *e);
int wge_events_fd(const struct wge_events *e);
/* Takes ownership of event->data, in every case. Thread-safe. */
enum wge_result wge_events_push(struct wge_events *e, const struct wge_event *event);
/* Consumer side (Python thread only). Returns how many were taken. */
size_t wge_events_take(struct wge_events *e, struct wge_event *out, size_t capacity);

#endif
