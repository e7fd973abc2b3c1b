/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events.h - the bounded ring through which C threads speak to Python, and the eventfd that wakes it.
 * A full ring never blocks a thread and never loses what Python must know: whoever lets a connection or a tunnel come
 * to life reserves room for all that it can have outstanding (wge_events_reserve at accept and at adopt), so only
 * aggregated REFUSED events may be lost. Losses are told by the result of wge_events_push; the caller counts them. */
#ifndef WGE_EVENTS_H
#define WGE_EVENTS_H

#include <stdbool.h>
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
    WGE_EVENT_TUNNEL_DATAGRAM, /* data: struct wge_datagram_told */
};

/* What became of a tunnel's datagram channel; texts are static. */
struct wge_datagram_told {
    const char *state; /* "up", "down", "refused" */
    const char *suite; /* IANA's name, or empty */
    bool extended_master_secret;
};

struct wge_event {
    enum wge_event_kind kind;
    uint64_t id;        /* connection, or session for tunnel events */
    uint64_t epoch;     /* tunnel events */
    const char *reason; /* static text: a label */
    int code;           /* BYE code, count of REFUSED, ... */
    uint8_t *data;      /* malloc'ed by the producer, freed by the consumer (wge_event_wipe); NULL if none */
    size_t length;
};

/* What one connection (OPENED, DATA, CLOSED) and one tunnel (CLOSED, two TIMERs, REKEYED, two DATAGRAMs) may have
 * outstanding. */
#define WGE_EVENTS_PER_CONNECTION 3
#define WGE_EVENTS_PER_TUNNEL 6

struct wge_events;

enum wge_result wge_events_create(struct wge_events **out);
void wge_events_free(struct wge_events *e);
int wge_events_fd(const struct wge_events *e);
/* Promises room for `count` more events; NO_MEMORY: nothing was promised, let nothing new come to life. Thread-safe. */
enum wge_result wge_events_reserve(struct wge_events *e, size_t count);
void wge_events_release(struct wge_events *e, size_t count);
/* Takes ownership of event->data, in every case. NO_MEMORY: the event is lost. Thread-safe. */
enum wge_result wge_events_push(struct wge_events *e, const struct wge_event *event);
/* Consumer side (Python thread only). Returns how many were taken; rings again when some are left. */
size_t wge_events_take(struct wge_events *e, struct wge_event *out, size_t capacity);
/* Frees an event's data, overwriting it first: control plaintext carries passwords and cookies. */
void wge_event_wipe(struct wge_event *event);

#endif
