/* SPDX-License-Identifier: GPL-3.0-or-later */
/* association.c - see association.h. A frame here is one byte of type and its payload; one record holds one frame. */
#include "association.h"

#include <stdlib.h>

#include "channel.h"
#include "intake.h"

/* A packet begins where the frames of TLS let it begin: memory of the batch is aligned for that. */
#define RECORD_AT (WGE_FRAME_HEADER - 1)
#define CONTENT_HANDSHAKE 22

void wge_association_transmit(void *owner, const uint8_t *datagram, size_t length)
{
    struct wge_way *way = owner;
    wge_outside_send(way->outside, &way->path, datagram, length);
}

void wge_association_free(struct wge_association *a)
{
    wge_dtls_free(a->dtls);
    free(a);
}

void wge_association_break(struct wge_association *a, struct wge_loop *loop, const char *reason)
{
    if (a->state == WGE_ASSOCIATION_BROKEN)
        return;
    a->state = WGE_ASSOCIATION_BROKEN;
    a->broken_by = reason;
    a->next_broken = loop->broken;
    loop->broken = a;
    if (a->tunnel->open == a)
        a->tunnel->by_datagram = false;
}

/* --- from the peer -------------------------------------------------------------------------------------------------- */

/* The answer is as long as the request, so that a client's probe proves the path both ways. */
static void answer_dpd(struct wge_association *a, struct wge_loop *loop, uint8_t *record, size_t length)
{
    WGE_TALLY(&loop->tally, dpd_request_in);
    a->probed_ms = loop->now_ms;
    if (length - 1 >= WGE_ASSOCIATION_PROBE_MIN && length - 1 > a->proven)
        a->proven = (uint32_t)(length - 1);
    record[0] = WGE_FRAME_DPD_RESPONSE;
    (void)wge_association_send(a, loop, record, length);
}

static void take_data(struct wge_association *a, struct wge_loop *loop, const uint8_t *record, size_t length)
{
    struct wge_intake intake = {0, 0};
    wge_intake_packet(a->tunnel, loop, record + 1, length - 1, &intake);
    wge_intake_settle(a->tunnel, loop, &intake);
    a->settled = true;
    a->tunnel->by_datagram = true;
}

/* What is not understood is lost, as anything may be on this channel. */
static void take_record(struct wge_association *a, struct wge_loop *loop, uint8_t *record, size_t length)
{
    switch (record[0]) {
    case WGE_FRAME_DATA:
        take_data(a, loop, record, length);
        break;
    case WGE_FRAME_DPD_REQUEST:
        answer_dpd(a, loop, record, length);
        break;
    case WGE_FRAME_DPD_RESPONSE:
        WGE_TALLY(&loop->tally, dpd_response_in);
        break;
    case WGE_FRAME_KEEPALIVE:
        WGE_TALLY(&loop->tally, keepalive_in);
        break;
    case WGE_FRAME_COMPRESSED:
        WGE_TALLY(&loop->tally, drop_frame_compressed);
        break;
    default:
        WGE_TALLY(&loop->tally, drop_frame_type);
        break;
    }
}

/* Takes all records of the datagram; returns how many there were. `*end` is what the last read said. */
static unsigned take_records(struct wge_association *a, struct wge_loop *loop, const uint8_t *datagram, size_t length,
                             enum wge_result *end)
{
    unsigned records = 0;
    wge_dtls_feed(a->dtls, datagram, length);
    for (;;) {
        uint8_t *record = wge_inside_slot(&loop->inside) + RECORD_AT;
        size_t bytes = 0;
        *end = wge_dtls_read(a->dtls, record, WGE_RECORD_PLAIN_MAX - RECORD_AT, &bytes);
        if (*end != WGE_OK)
            return records;
        records++;
        take_record(a, loop, record, bytes);
        if (a->state == WGE_ASSOCIATION_BROKEN)
            return records;
    }
}

static void count_dropped(struct wge_association *a, struct wge_loop *loop)
{
    uint32_t forged, replayed;
    wge_dtls_dropped(a->dtls, &forged, &replayed);
    WGE_TALLY_BY(&loop->tally, drop_datagram_forged, forged - a->forged);
    WGE_TALLY_BY(&loop->tally, drop_datagram_replayed, replayed - a->replayed);
    a->forged = forged;
    a->replayed = replayed;
}

static uint64_t used(const struct wge_association *a)
{
    return a->sent_records > a->heard_records ? a->sent_records : a->heard_records;
}

static uint32_t limit_of(const struct wge_association *a)
{
    return wge_record_limit(a->tunnel->params.record_limit);
}

/* Under one AES-GCM key of TLS 1.2 as many records as of TLS 1.3 (channel.h). Renewed when the loop is at its timers. */
static bool worn(const struct wge_association *a)
{
    return used(a) >= wge_record_limit_soft(limit_of(a));
}

/* The client makes a new handshake with its next packet; meanwhile TLS carries what there is. */
static void renew(struct wge_association *a, struct wge_loop *loop)
{
    WGE_TALLY(&loop->tally, datagram_rekeyed);
    wge_dtls_abandon(a->dtls);
    wge_association_break(a, loop, "rekey");
}

static void look_for_wear(struct wge_association *a, struct wge_loop *loop)
{
    if (worn(a))
        wge_timers_hasten(loop->timers, &a->timer, loop->now_ms);
}

static void heard(struct wge_association *a, struct wge_loop *loop, unsigned records)
{
    a->liveness.heard_at = loop->now_ms;
    a->heard_records += records;
    a->unheard_ms = 0;
    WGE_TALLY_BY(&loop->tally, rx_records, records);
    look_for_wear(a, loop);
}

/* Before the first data the peer may lack our last flight, and then repeats its own: a sealed handshake message. */
static void repeat_last_flight(struct wge_association *a, const struct wge_loop *loop, uint8_t content)
{
    bool recently = loop->now_ms < a->repeated_ms + WGE_ASSOCIATION_LAST_FLIGHT_MS;
    if (content != CONTENT_HANDSHAKE || a->heard_records > 0 || recently)
        return;
    a->repeated_ms = loop->now_ms;
    wge_dtls_repeat(a->dtls);
}

static void take_established(struct wge_association *a, struct wge_loop *loop, const uint8_t *datagram, size_t length)
{
    enum wge_result end;
    repeat_last_flight(a, loop, datagram[0]);
    unsigned records = take_records(a, loop, datagram, length, &end);
    if (records > 0)
        heard(a, loop, records);
    else
        count_dropped(a, loop);
    if (end == WGE_CLOSED)
        wge_association_break(a, loop, "peer_closed");
    else if (end == WGE_PEER_ERROR)
        wge_association_break(a, loop, "peer_alert");
}

static void open_up(struct wge_association *a, struct wge_loop *loop)
{
    const struct wge_tunnel_params *p = &a->tunnel->params;
    WGE_TALLY(&loop->tally, datagram_handshake_ok);
    a->state = WGE_ASSOCIATION_OPEN;
    a->begun_ms = a->probed_ms = loop->now_ms;
    a->liveness = (struct wge_liveness){
        .dpd_ms = p->dpd_ms, .keepalive_ms = 0, .rekey_ms = p->rekey_ms, .expires_at = WGE_TIMER_NEVER};
    wge_liveness_start(&a->liveness, loop->now_ms);
}

bool wge_association_take(struct wge_association *a, struct wge_loop *loop, const uint8_t *datagram, size_t length)
{
    if (a->state == WGE_ASSOCIATION_OPEN)
        take_established(a, loop, datagram, length);
    if (a->state != WGE_ASSOCIATION_RISING)
        return false;
    enum wge_result result = wge_dtls_handshake(a->dtls, datagram, length);
    if (result == WGE_WANT_READ)
        return false;
    if (result != WGE_OK) {
        WGE_TALLY(&loop->tally, datagram_handshake_failed);
        wge_association_break(a, loop, "datagram_handshake_failed");
        return false;
    }
    open_up(a, loop);
    return true;
}

bool wge_association_claims(struct wge_association *a, struct wge_loop *loop, const uint8_t *datagram, size_t length)
{
    enum wge_result end;
    if (a->state != WGE_ASSOCIATION_OPEN)
        return false;
    unsigned records = take_records(a, loop, datagram, length, &end);
    if (records > 0)
        heard(a, loop, records);
    else
        wge_dtls_dropped(a->dtls, &a->forged, &a->replayed); /* somebody else's record is no forgery */
    return records > 0;
}

/* --- to the peer ---------------------------------------------------------------------------------------------------- */

bool wge_association_send(struct wge_association *a, struct wge_loop *loop, const uint8_t *frame, size_t length)
{
    if (used(a) >= limit_of(a)) {
        renew(a, loop);
        return false;
    }
    enum wge_result result = wge_dtls_write(a->dtls, frame, length);
    if (result == WGE_INVALID) {
        WGE_TALLY(&loop->tally, drop_datagram_too_long);
        return true;
    }
    if (result != WGE_OK) {
        wge_association_break(a, loop, "datagram_broken");
        return false;
    }
    WGE_TALLY(&loop->tally, tx_records);
    a->sent_records++;
    if (a->unheard_ms == 0) {
        a->unheard_ms = loop->now_ms;
        a->asked = false;
        /* moved at most once in the time that is waited for, whatever the traffic */
        wge_timers_hasten(loop->timers, &a->timer, loop->now_ms + WGE_ASSOCIATION_UNHEARD_MS);
    }
    look_for_wear(a, loop);
    return true;
}

static bool ask(struct wge_association *a, struct wge_loop *loop)
{
    const uint8_t request = WGE_FRAME_DPD_REQUEST;
    WGE_TALLY(&loop->tally, dpd_request_out);
    return wge_association_send(a, loop, &request, 1);
}

/* --- time ------------------------------------------------------------------------------------------------------------ */

static uint64_t rising_due(struct wge_association *a, struct wge_loop *loop)
{
    if (loop->now_ms >= a->begun_ms + WGE_ASSOCIATION_HANDSHAKE_MS) {
        WGE_TALLY(&loop->tally, datagram_handshake_timeout);
        wge_association_break(a, loop, "datagram_handshake_timeout");
        return WGE_TIMER_NEVER;
    }
    wge_dtls_repeat(a->dtls);
    a->repeat_ms *= 2;
    return loop->now_ms + a->repeat_ms;
}

static uint64_t settle(struct wge_association *a, const struct wge_loop *loop)
{
    uint64_t busy = a->probed_ms > a->tunnel->tls_data_ms ? a->probed_ms : a->tunnel->tls_data_ms;
    if (a->settled)
        return WGE_TIMER_NEVER;
    if (loop->now_ms < busy + WGE_ASSOCIATION_SETTLE_MS)
        return busy + WGE_ASSOCIATION_SETTLE_MS;
    a->settled = true;
    a->tunnel->by_datagram = true;
    return WGE_TIMER_NEVER;
}

/* A peer that takes data and says nothing may not be reached this way any more. */
static uint64_t doubt(struct wge_association *a, struct wge_loop *loop)
{
    if (a->unheard_ms == 0 || !a->tunnel->by_datagram)
        return WGE_TIMER_NEVER;
    if (!a->asked) {
        if (loop->now_ms < a->unheard_ms + WGE_ASSOCIATION_UNHEARD_MS)
            return a->unheard_ms + WGE_ASSOCIATION_UNHEARD_MS;
        a->asked = true;
        a->asked_ms = loop->now_ms;
        if (!ask(a, loop))
            return WGE_TIMER_NEVER;
    }
    if (loop->now_ms < a->asked_ms + WGE_ASSOCIATION_ANSWER_MS)
        return a->asked_ms + WGE_ASSOCIATION_ANSWER_MS;
    WGE_TALLY(&loop->tally, datagram_silent);
    a->tunnel->by_datagram = false;
    return WGE_TIMER_NEVER;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t open_due(struct wge_association *a, struct wge_loop *loop)
{
    uint64_t next;
    unsigned due = wge_liveness_due(&a->liveness, loop->now_ms, &next);
    if ((due & WGE_DUE_DPD_TIMEOUT) != 0) {
        WGE_TALLY(&loop->tally, dpd_timeout);
        wge_association_break(a, loop, "dpd_timeout");
        return WGE_TIMER_NEVER;
    }
    if ((due & WGE_DUE_REKEY) != 0 || worn(a)) {
        renew(a, loop);
        return WGE_TIMER_NEVER;
    }
    if ((due & WGE_DUE_DPD_REQUEST) != 0 && !ask(a, loop))
        return WGE_TIMER_NEVER;
    next = sooner(next, settle(a, loop));
    return sooner(next, doubt(a, loop));
}

uint64_t wge_association_due(struct wge_association *a, struct wge_loop *loop)
{
    if (a->state == WGE_ASSOCIATION_RISING)
        return rising_due(a, loop);
    return a->state == WGE_ASSOCIATION_OPEN ? open_due(a, loop) : WGE_TIMER_NEVER;
}
