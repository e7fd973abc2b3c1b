/* SPDX-License-Identifier: GPL-3.0-or-later */
/* association.h - one DTLS association of a tunnel: its handshake, its records both ways, what its silence and age mean.
 * A tunnel has at most one that is open and one that rises beside it. Functions that find its end call
 * wge_association_break(); it stays in memory until the end of the loop (datagrams.c), since a datagram of the same
 * batch may still name it. */
#ifndef WGE_ASSOCIATION_H
#define WGE_ASSOCIATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtls.h"
#include "liveness.h"
#include "outside.h"
#include "timers.h"
#include "tunnel.h"

/* A handshake that has not succeeded by then never will: clients give up after 12 s. */
#define WGE_ASSOCIATION_HANDSHAKE_MS 15000
#define WGE_ASSOCIATION_REPEAT_MS 1000
/* A peer that repeats its last flight has not got ours. */
#define WGE_ASSOCIATION_LAST_FLIGHT_MS 250
/* Quiet after the handshake and the probes of the path's MTU, during which clients throw data away. */
#define WGE_ASSOCIATION_SETTLE_MS 300
/* Clients probe for no shorter MTU; what is shorter asks whether we live, and says nothing of the path. */
#define WGE_ASSOCIATION_PROBE_MIN 576
/* Records sent and nothing heard for so long is asked about; without an answer after the second time, TLS has to do. */
#define WGE_ASSOCIATION_UNHEARD_MS 5000
#define WGE_ASSOCIATION_ANSWER_MS 3000

enum wge_association_state {
    WGE_ASSOCIATION_RISING = 0,
    WGE_ASSOCIATION_OPEN,
    WGE_ASSOCIATION_BROKEN, /* freed at the end of the loop */
};

/* What a transmit function needs, also before there is an association. */
struct wge_way {
    struct wge_outside *outside;
    struct wge_path path;
};

struct wge_association {
    struct wge_way way;
    enum wge_association_state state;
    bool settled; /* packets may go this way */
    bool asked;   /* about the silence since unheard_at */
    bool extended_master_secret;
    bool by_first_key; /* not the tunnel's own (key_memory.h) */
    const char *suite;
    const char *broken_by; /* label, NULL: nobody needs to know */
    struct wge_tunnel *tunnel;
    struct wge_dtls *dtls;
    struct wge_liveness liveness;
    struct wge_timer timer;
    uint64_t begun_ms;   /* state RISING or OPEN began */
    uint64_t probed_ms;  /* last DPD request of the peer */
    uint64_t unheard_ms; /* first record sent after the peer was heard last; 0: none */
    uint64_t asked_ms;
    uint64_t repeated_ms;                 /* our last flight, once open */
    uint64_t sent_records, heard_records; /* under these keys */
    uint32_t forged, replayed;            /* counted so far */
    uint32_t proven;                      /* longest packet that a probe has stood for; 0: no probe yet */
    uint32_t repeat_ms;
    uint8_t random[32]; /* of the ClientHello that began it */
    /* Of the same path: its peer seems to begin anew, and is believed when that handshake is done. */
    struct wge_association *contender, *contends;
    struct wge_association *next_on_path, *next_at_address, *next_broken;
};

/* The wge_dtls_transmit of associations; `owner` is a struct wge_way. */
void wge_association_transmit(void *owner, const uint8_t *datagram, size_t length);

void wge_association_free(struct wge_association *a);

/* Takes it out of use; `reason` NULL: nothing is told. */
void wge_association_break(struct wge_association *a, struct wge_loop *loop, const char *reason);

/* A datagram on its path. True: it has just become open. */
bool wge_association_take(struct wge_association *a, struct wge_loop *loop, const uint8_t *datagram, size_t length);

/* Whether a datagram from elsewhere is this peer's: only if its keys say so, and then its records have been taken. */
bool wge_association_claims(struct wge_association *a, struct wge_loop *loop, const uint8_t *datagram, size_t length);

/* Whether packets of this length go this way now. */
static inline bool wge_association_carries(const struct wge_association *a, size_t length)
{
    return a->state == WGE_ASSOCIATION_OPEN && (a->proven == 0 || length <= a->proven);
}

/* One frame, type byte first. False: the association has just broken, nothing was sent. */
bool wge_association_send(struct wge_association *a, struct wge_loop *loop, const uint8_t *frame, size_t length);

/* What is due at this time; returns when to call again. */
uint64_t wge_association_due(struct wge_association *a, struct wge_loop *loop);

#endif
