/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tunnel.c - see tunnel.h. The way of a packet: wge_tunnel_receive and wge_intake_packet (outside to inside),
 * wge_tunnel_send_packet (inside to outside). Every drop has its counter. */
#include "tunnel.h"

#include <stdlib.h>
#include <string.h>

#include "association.h"
#include "datagram_hello.h"
#include "intake.h"

#define MTU_MIN 68 /* RFC 791 */

static bool network_valid(const struct wge_network *network)
{
    return (network->family == 4 && network->prefix <= 32) || (network->family == 6 && network->prefix <= 128);
}

bool wge_tunnel_params_valid(const struct wge_tunnel_params *params)
{
    if (params->network_count > WGE_TUNNEL_NETWORKS_MAX || params->mtu < MTU_MIN || params->mtu > WGE_FRAME_PAYLOAD_MAX)
        return false;
    for (size_t i = 0; i < params->network_count; i++)
        if (!network_valid(&params->networks[i]))
            return false;
    if (!wge_rate_valid(&params->up) || !wge_rate_valid(&params->down))
        return false;
    return params->has_ipv4 || params->has_ipv6;
}

static void start_liveness(struct wge_tunnel *t, uint64_t now_ms)
{
    const struct wge_tunnel_params *p = &t->params;
    t->liveness = (struct wge_liveness){
        .dpd_ms = p->dpd_ms,
        .keepalive_ms = p->keepalive_ms,
        .rekey_ms = t->tls.tls13 ? p->rekey_ms : 0, /* TLS 1.2 clients make a new tunnel of their own accord */
        .idle_ms = p->idle_ms,
        .expires_at = p->lifetime_ms == 0 ? WGE_TIMER_NEVER : now_ms + p->lifetime_ms,
    };
    wge_liveness_start(&t->liveness, now_ms);
}

/* A session that comes back finds its counts; a new one starts from nothing. */
static void open_traffic(struct wge_traffic *traffic, uint64_t session, uint64_t now_ms)
{
    if (atomic_load_explicit(&traffic->session, memory_order_relaxed) != session) {
        atomic_store_explicit(&traffic->rx_packets, 0, memory_order_relaxed);
        atomic_store_explicit(&traffic->rx_bytes, 0, memory_order_relaxed);
        atomic_store_explicit(&traffic->tx_packets, 0, memory_order_relaxed);
        atomic_store_explicit(&traffic->tx_bytes, 0, memory_order_relaxed);
        atomic_store_explicit(&traffic->session, session, memory_order_release);
    }
    atomic_store_explicit(&traffic->last_active_ms, now_ms, memory_order_relaxed);
}

enum wge_result wge_tunnel_create(struct wge_tunnel **out, struct wge_stream *stream,
                                  const struct wge_tunnel_params *params, struct wge_traffic *traffic, uint64_t now_ms)
{
    struct wge_tunnel *t = calloc(1, sizeof *t);
    if (t == NULL)
        return WGE_NO_MEMORY;
    enum wge_result result = wge_channel_open(&t->tls, stream, params->record_limit);
    if (result != WGE_OK) {
        free(t);
        return result;
    }
    t->params = *params;
    t->timer.owner = t;
    t->traffic = traffic;
    t->bye_code = -1;
    t->refusal.due_ms = WGE_TIMER_NEVER;
    start_liveness(t, now_ms);
    wge_byte_bucket_open(&t->up, &params->up, now_ms);
    wge_byte_bucket_open(&t->down, &params->down, now_ms);
    if (traffic != NULL)
        open_traffic(traffic, params->session, now_ms);
    *out = t;
    return WGE_OK;
}

void wge_tunnel_free(struct wge_tunnel *t, bool notify)
{
    wge_channel_close(&t->tls, notify);
    free(t->bye_detail);
    explicit_bzero(t->key, sizeof t->key);
    explicit_bzero(t->first_key, sizeof t->first_key);
    free(t);
}

void wge_tunnel_want_flush(struct wge_tunnel *t, struct wge_loop *loop)
{
    if (!t->in_unsent && !t->tls.blocked) {
        t->in_unsent = true;
        t->next_unsent = loop->unsent;
        loop->unsent = t;
    }
}

/* Sends a whole frame. The peer's slowness is not the tunnel's end, a broken connection is. */
static const char *send_record(struct wge_tunnel *t, struct wge_loop *loop, const uint8_t *frame, size_t length,
                               bool *sent)
{
    enum wge_result result = wge_channel_send(&t->tls, frame, length);
    *sent = result == WGE_OK;
    if (result == WGE_OK) {
        WGE_TALLY(&loop->tally, tx_records);
        t->liveness.spoke_at = loop->now_ms;
        wge_tunnel_want_flush(t, loop);
        return NULL;
    }
    if (result == WGE_NO_MEMORY) {
        WGE_TALLY(&loop->tally, drop_session_queue_full);
        return NULL;
    }
    return result == WGE_SYSTEM_ERROR || result == WGE_CLOSED ? "connection_lost" : "tls_error";
}

const char *wge_tunnel_send_packet(struct wge_tunnel *t, struct wge_loop *loop, uint8_t *packet, size_t length)
{
    if (!wge_byte_bucket_take(&t->down, length, loop->now_ms)) {
        WGE_TALLY(&loop->tally, drop_rate_down);
        return NULL;
    }
    if (t->by_datagram && wge_association_carries(t->open, length)) {
        packet[-1] = WGE_FRAME_DATA;
        if (wge_association_send(t->open, loop, packet - 1, length + 1)) {
            t->tx_packets++;
            t->tx_bytes += length;
            return NULL;
        }
    }
    bool sent;
    wge_frame_encode(packet - WGE_FRAME_HEADER, WGE_FRAME_DATA, length);
    const char *end = send_record(t, loop, packet - WGE_FRAME_HEADER, length + WGE_FRAME_HEADER, &sent);
    if (sent) {
        t->tx_packets++;
        t->tx_bytes += length;
    }
    return end;
}

const char *wge_tunnel_send_frame(struct wge_tunnel *t, struct wge_loop *loop, enum wge_frame_type type,
                                  const uint8_t *payload, size_t length)
{
    uint8_t frame[WGE_FRAME_HEADER + WGE_BYE_DETAIL_MAX];
    bool sent;
    if (length > WGE_BYE_DETAIL_MAX)
        length = WGE_BYE_DETAIL_MAX;
    wge_frame_encode(frame, type, length);
    if (length > 0)
        memcpy(frame + WGE_FRAME_HEADER, payload, length);
    return send_record(t, loop, frame, WGE_FRAME_HEADER + length, &sent);
}

/* The first byte of a DISCONNECT is its code, the rest is text for the records. */
static const char *take_bye(struct wge_tunnel *t, struct wge_loop *loop, const struct wge_frame *frame)
{
    WGE_TALLY(&loop->tally, bye_in);
    if (frame->length > 0) {
        size_t length = frame->length - 1;
        t->bye_code = frame->payload[0];
        t->bye_length = length < WGE_BYE_DETAIL_MAX ? length : WGE_BYE_DETAIL_MAX;
        t->bye_detail = t->bye_length == 0 ? NULL : malloc(t->bye_length);
        if (t->bye_detail == NULL)
            t->bye_length = 0;
        else
            memcpy(t->bye_detail, frame->payload + 1, t->bye_length);
    }
    return "bye";
}

/* The answer has the same payload, hence the same bytes but for the type: it goes out from where the request lies. */
static const char *answer_dpd(struct wge_tunnel *t, struct wge_loop *loop, uint8_t *record,
                              const struct wge_frame *frame)
{
    bool sent;
    WGE_TALLY(&loop->tally, dpd_request_in);
    wge_frame_encode(record, WGE_FRAME_DPD_RESPONSE, frame->length);
    return send_record(t, loop, record, WGE_FRAME_HEADER + frame->length, &sent);
}

static const char *take_record(struct wge_tunnel *t, struct wge_loop *loop, uint8_t *record, size_t length,
                               struct wge_intake *intake)
{
    struct wge_frame frame;
    switch (wge_frame_decode(record, length, &frame)) {
    case WGE_FRAME_GOOD:
        break;
    case WGE_FRAME_SHORT:
        WGE_TALLY(&loop->tally, drop_frame_short);
        return "frame_short";
    case WGE_FRAME_MAGIC:
        WGE_TALLY(&loop->tally, drop_frame_magic);
        return "frame_magic";
    case WGE_FRAME_LENGTH:
        WGE_TALLY(&loop->tally, drop_frame_length);
        return "frame_length";
    }
    switch (frame.type) {
    case WGE_FRAME_DATA:
        /* a client with a datagram channel sends this way when it has lost that one */
        t->by_datagram = false;
        t->tls_data_ms = loop->now_ms;
        wge_intake_packet(t, loop, frame.payload, frame.length, intake);
        return NULL;
    case WGE_FRAME_DPD_REQUEST:
        return answer_dpd(t, loop, record, &frame);
    case WGE_FRAME_DPD_RESPONSE:
        WGE_TALLY(&loop->tally, dpd_response_in);
        return NULL;
    case WGE_FRAME_KEEPALIVE:
        WGE_TALLY(&loop->tally, keepalive_in);
        return NULL;
    case WGE_FRAME_DISCONNECT:
        return take_bye(t, loop, &frame);
    case WGE_FRAME_COMPRESSED:
        WGE_TALLY(&loop->tally, drop_frame_compressed); /* never offered */
        return NULL;
    default:
        WGE_TALLY(&loop->tally, drop_frame_type);
        return NULL;
    }
}

/* Decrypts what is buffered. One read of the socket is a turn's budget: the next turn waits for epoll, so that no
 * tunnel keeps the thread from the others. */
static const char *take_records(struct wge_tunnel *t, struct wge_loop *loop, struct wge_intake *intake)
{
    uint64_t records = 0;
    const char *end = NULL;
    while (end == NULL) {
        uint8_t *record = wge_inside_slot(&loop->inside);
        size_t length = 0;
        enum wge_result result = wge_stream_read(t->tls.stream, record, WGE_RECORD_PLAIN_MAX, &length);
        if (result == WGE_OK) {
            records++;
            end = take_record(t, loop, record, length, intake);
        } else if (result == WGE_WANT_READ) {
            break;
        } else if (result == WGE_WANT_WRITE) {
            enum wge_result flushed = wge_channel_flush(&t->tls);
            if (flushed == WGE_WANT_WRITE) {
                t->reading_stalled = true;
                break;
            }
            if (flushed != WGE_OK)
                end = "connection_lost";
        } else {
            end = result == WGE_CLOSED ? "peer_closed" : result == WGE_NO_MEMORY ? "no_memory" : "tls_error";
        }
    }
    if (records > 0) {
        t->tls.heard_records += records;
        t->liveness.heard_at = loop->now_ms;
        WGE_TALLY_BY(&loop->tally, rx_records, records);
    }
    return end;
}

/* A peer that has gone on lingering is read only to see it close; what it says no longer matters. */
static const char *discard_records(struct wge_tunnel *t, struct wge_loop *loop)
{
    for (;;) {
        size_t length;
        enum wge_result result =
            wge_stream_read(t->tls.stream, wge_inside_slot(&loop->inside), WGE_RECORD_PLAIN_MAX, &length);
        if (result == WGE_WANT_READ)
            return NULL;
        if (result != WGE_OK)
            return "ended";
    }
}

const char *wge_tunnel_receive(struct wge_tunnel *t, struct wge_loop *loop, bool fill)
{
    if (fill) {
        switch (wge_stream_fill(t->tls.stream)) {
        case WGE_OK:
            break;
        case WGE_WANT_READ:
            return NULL;
        case WGE_CLOSED:
            return "peer_closed";
        case WGE_NO_MEMORY:
            return "no_memory";
        default:
            return "connection_lost";
        }
    }
    if (t->state == WGE_TUNNEL_LINGERING)
        return discard_records(t, loop);
    struct wge_intake intake = {0, 0};
    const char *end = take_records(t, loop, &intake);
    wge_inside_flush(&loop->inside);
    wge_intake_settle(t, loop, &intake);
    /* Answers of TLS itself (KeyUpdate) wait in the same buffer; worn keys are looked at by the flush. */
    if (end == NULL && (wge_stream_out_pending(t->tls.stream) > 0 || wge_channel_key_wear(&t->tls) != WGE_KEYS_FRESH))
        wge_tunnel_want_flush(t, loop);
    return end;
}

void wge_tunnel_account(struct wge_tunnel *t, struct wge_loop *loop)
{
    if (t->tx_packets == 0)
        return;
    WGE_TALLY_BY(&loop->tally, tx_packets, t->tx_packets);
    WGE_TALLY_BY(&loop->tally, tx_bytes, t->tx_bytes);
    t->liveness.data_at = loop->now_ms;
    if (t->traffic != NULL) {
        wge_traffic_add(&t->traffic->tx_packets, t->tx_packets);
        wge_traffic_add(&t->traffic->tx_bytes, t->tx_bytes);
        atomic_store_explicit(&t->traffic->last_active_ms, loop->now_ms, memory_order_relaxed);
    }
    t->tx_packets = 0;
    t->tx_bytes = 0;
}

const char *wge_tunnel_flush(struct wge_tunnel *t, struct wge_loop *loop)
{
    wge_tunnel_account(t, loop);
    enum wge_result result = wge_channel_flush(&t->tls);
    return result == WGE_OK || result == WGE_WANT_WRITE ? NULL : "connection_lost";
}

const char *wge_tunnel_stay_alive(struct wge_tunnel *t, struct wge_loop *loop, unsigned due)
{
    if ((due & WGE_DUE_DPD_TIMEOUT) != 0) {
        WGE_TALLY(&loop->tally, dpd_timeout);
        return "dpd_timeout";
    }
    const char *end = NULL;
    if ((due & WGE_DUE_DPD_REQUEST) != 0) {
        WGE_TALLY(&loop->tally, dpd_request_out);
        end = wge_tunnel_send_frame(t, loop, WGE_FRAME_DPD_REQUEST, NULL, 0);
    } else if ((due & WGE_DUE_KEEPALIVE) != 0) {
        WGE_TALLY(&loop->tally, keepalive_out); /* a DPD request keeps the path open as well */
        end = wge_tunnel_send_frame(t, loop, WGE_FRAME_KEEPALIVE, NULL, 0);
    }
    return end;
}

/* More than one, since a frame that comes along with the alert is read in the same turn and wakes nobody. */
#define NUDGES 6

uint64_t wge_tunnel_nudge(struct wge_tunnel *t, struct wge_loop *loop, const char **end)
{
    struct wge_refusal *refusal = &t->refusal;
    uint8_t record[WGE_DATAGRAM_ALERT_SIZE];
    if (loop->now_ms < refusal->due_ms)
        return refusal->due_ms;
    size_t length = wge_datagram_alert(record, refusal->sequence + ++refusal->times, refusal->alert);
    wge_outside_send(&loop->outside, &refusal->path, record, length);
    WGE_TALLY(&loop->tally, keepalive_out);
    *end = wge_tunnel_send_frame(t, loop, WGE_FRAME_KEEPALIVE, NULL, 0);
    refusal->due_ms = refusal->times < NUDGES ? loop->now_ms + WGE_NUDGE_MS : WGE_TIMER_NEVER;
    return refusal->due_ms;
}

const char *wge_tunnel_rekey(struct wge_tunnel *t, struct wge_loop *loop, bool *rekeyed)
{
    enum wge_result result = wge_channel_rekey(&t->tls);
    *rekeyed = result == WGE_OK;
    if (result == WGE_OK) {
        WGE_TALLY(&loop->tally, rekeyed);
        t->liveness.spoke_at = loop->now_ms;
        t->liveness.rekey_at = t->params.rekey_ms == 0 ? WGE_TIMER_NEVER : loop->now_ms + t->params.rekey_ms;
        wge_tunnel_want_flush(t, loop);
        return NULL;
    }
    WGE_TALLY(&loop->tally, rekey_failed);
    bool later = result == WGE_NO_MEMORY || result == WGE_WANT_WRITE;
    if (later && wge_channel_key_wear(&t->tls) != WGE_KEYS_SPENT) {
        t->liveness.rekey_at = loop->now_ms + WGE_REKEY_RETRY_MS;
        return NULL;
    }
    return "rekey_failed";
}
