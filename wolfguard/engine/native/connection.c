/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connection.c - the states of a connection. Whatever goes wrong in the handshake is a refusal of a stranger, summed by
 * address and label. Once OPENED is told, Python hears CLOSED with a reason, exactly once. */
#include "connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_BYTES_MAX (256 * 1024)
/* How often one call may go back to the socket; the rest waits its turn. */
#define FILLS_MAX 16

struct wge_connection *wge_connection_create(struct wge_front *front, struct wge_sign_client *signer, int fd,
                                             uint64_t id, const struct wge_address *peer,
                                             const struct wge_address *local)
{
    struct wge_connection *c = calloc(1, sizeof(*c));
    if (c == NULL || wge_stream_create(&c->stream, fd) != WGE_OK) {
        wge_limiter_leave(front->limiter, peer);
        wge_events_release(front->events, WGE_EVENTS_PER_CONNECTION);
        close(fd);
        free(c);
        return NULL;
    }
    c->front = front;
    c->signer = signer;
    c->id = id;
    c->peer = *peer;
    c->local = *local;
    c->limited = true;
    return c;
}

static void leave_limiter(struct wge_connection *c)
{
    if (c->limited)
        wge_limiter_leave(c->front->limiter, &c->peer);
    c->limited = false;
}

void wge_connection_free(struct wge_connection *c)
{
    if (c == NULL)
        return;
    leave_limiter(c);
    wge_events_release(c->front->events, WGE_EVENTS_PER_CONNECTION);
    wge_plain_queue_clear(&c->queue);
    free(c->facts);
    wge_stream_free(c->stream, false);
    free(c);
}

static void push(struct wge_connection *c, enum wge_event_kind kind, const char *reason, uint8_t *data, size_t length)
{
    struct wge_event event = {.kind = kind, .id = c->id, .reason = reason, .data = data, .length = length};
    if (wge_events_push(c->front->events, &event) != WGE_OK) {
        WGE_COUNT(c->front->counters, events_lost);
        c->state = WGE_CONNECTION_DEAD;
    }
}

static void tell(struct wge_connection *c)
{
    struct wge_opened *facts = c->facts;
    if (c->told)
        return;
    c->facts = NULL;
    c->told = true;
    push(c, WGE_EVENT_OPENED, NULL, (uint8_t *)facts, sizeof(*facts));
}

/* An end that nobody needs to hear of, of a client who has said nothing. */
static bool is_silent(const struct wge_connection *c, const char *label)
{
    return !c->told && (strcmp(label, "closed_by_peer") == 0 || strcmp(label, "reset_by_peer") == 0 ||
                        strcmp(label, "login_timeout") == 0);
}

/* `label` before the end of the handshake is a counter's name, after it a reason for Python. */
static void end(struct wge_connection *c, const char *label)
{
    if (c->state == WGE_CONNECTION_DEAD)
        return;
    if (!c->opened) {
        wge_refusals_add(c->front->refusals, &c->peer, label);
    } else if (is_silent(c, label)) {
        WGE_COUNT(c->front->counters, closed_silent);
    } else if (c->state != WGE_CONNECTION_LINGER) {
        tell(c);
        push(c, WGE_EVENT_CLOSED, label, NULL, 0);
    }
    (void)wge_stream_flush(c->stream); /* an alert may wait */
    c->state = WGE_CONNECTION_DEAD;
}

/* --- handshake ---------------------------------------------------------------------------------------------------- */

static void refuse(struct wge_connection *c, const char *label, uint8_t alert)
{
    wge_stream_refuse(c->stream, alert);
    end(c, label);
}

static bool note_facts(struct wge_connection *c, const char *site, const char *server_name)
{
    struct wge_opened *facts = calloc(1, sizeof(*facts));
    if (facts == NULL)
        return false;
    facts->peer = c->peer;
    facts->local = c->local;
    snprintf(facts->site, sizeof(facts->site), "%s", site);
    snprintf(facts->server_name, sizeof(facts->server_name), "%s", server_name);
    c->facts = facts;
    return true;
}

static enum wge_result judge_hello(struct wge_connection *c, struct wge_sites *sites,
                                   const struct wge_client_hello *hello)
{
    struct wge_tls_context *context = wge_sites_select(sites, hello->server_name);
    size_t count;
    const struct wge_certificate_facts *certificates = wge_tls_context_certificates(context, &count);
    struct wge_tls_choice choice;
    const char *label = "handshake_failed";
    uint8_t alert = WGE_ALERT_HANDSHAKE_FAILURE;
    enum wge_result result =
        wge_negotiate(wge_tls_context_rules(context), certificates, count, hello, &choice, &label, &alert);
    if (result != WGE_OK) {
        refuse(c, label, alert);
        return result;
    }
    result = note_facts(c, wge_tls_context_name(context), hello->server_name)
                 ? wge_stream_begin(c->stream, context, &choice, c->signer)
                 : WGE_NO_MEMORY;
    if (result == WGE_OK)
        c->state = WGE_CONNECTION_HANDSHAKE;
    else
        end(c, "refused_no_memory");
    return result;
}

/* WGE_OK: go on at once. WANT_READ: more bytes are needed. Anything else: the connection has ended. */
static enum wge_result step_hello(struct wge_connection *c)
{
    struct wge_client_hello hello;
    const char *label = "handshake_malformed";
    enum wge_result result = wge_stream_hello(c->stream, &hello, &label);
    if (result == WGE_WANT_READ)
        return result;
    if (result != WGE_OK) {
        if (strcmp(label, "handshake_not_tls") == 0)
            end(c, label); /* whoever does not speak TLS gets no alert */
        else
            refuse(c, label, WGE_ALERT_DECODE_ERROR);
        return result;
    }
    struct wge_sites *sites = wge_front_sites(c->front);
    if (sites == NULL) {
        refuse(c, "handshake_failed", WGE_ALERT_INTERNAL_ERROR);
        return WGE_PEER_ERROR;
    }
    result = judge_hello(c, sites, &hello);
    wge_sites_release(sites);
    return result;
}

static void open_connection(struct wge_connection *c)
{
    wge_stream_facts(c->stream, &c->facts->tls);
    c->opened = true;
    c->granted = true;
    c->state = WGE_CONNECTION_CONTROL;
    WGE_COUNT(c->front->counters, handshake_ok);
}

static enum wge_result step_handshake(struct wge_connection *c)
{
    const char *label = "handshake_failed";
    enum wge_result result = wge_stream_accept(c->stream, &label);
    if (result == WGE_PEER_ERROR || result == WGE_INVALID) {
        end(c, label);
        return result;
    }
    if (result == WGE_OK)
        open_connection(c);
    enum wge_result flushed = wge_stream_flush(c->stream);
    if (flushed == WGE_SYSTEM_ERROR) {
        end(c, c->opened ? "reset_by_peer" : "handshake_closed");
        return flushed;
    }
    if (result == WGE_WANT_WRITE) /* a flight larger than the buffer: again when the socket has taken some */
        return flushed == WGE_OK ? WGE_OK : WGE_WANT_READ;
    return result;
}

static void advance_handshake(struct wge_connection *c)
{
    for (int fills = 0;;) {
        enum wge_result result = c->state == WGE_CONNECTION_HELLO ? step_hello(c) : step_handshake(c);
        if (c->state != WGE_CONNECTION_HELLO && c->state != WGE_CONNECTION_HANDSHAKE)
            return;
        if (result == WGE_OK)
            continue;
        result = fills++ < FILLS_MAX ? wge_stream_fill(c->stream) : WGE_WANT_READ;
        if (result == WGE_WANT_READ)
            return;
        if (result == WGE_NO_MEMORY) {
            end(c, "refused_no_memory");
            return;
        }
        if (result != WGE_OK) {
            end(c, "handshake_closed");
            return;
        }
    }
}

/* --- control ------------------------------------------------------------------------------------------------------ */

static void deliver(struct wge_connection *c, uint8_t *plain, size_t length)
{
    uint8_t *copy = malloc(length);
    if (copy != NULL)
        memcpy(copy, plain, length);
    explicit_bzero(plain, length);
    if (copy == NULL) {
        end(c, "no_memory");
        return;
    }
    c->granted = false;
    WGE_COUNT_BY(c->front->counters, control_bytes_in, length);
    tell(c);
    push(c, WGE_EVENT_DATA, NULL, copy, length);
}

static void advance_reading(struct wge_connection *c, uint8_t *scratch)
{
    int fills = 0;
    while (c->state == WGE_CONNECTION_CONTROL && c->granted && !c->closing && !c->needs_flush) {
        size_t length = 0;
        enum wge_result result = wge_stream_read(c->stream, scratch, WGE_RECORD_PLAIN_MAX, &length);
        if (result == WGE_OK) {
            deliver(c, scratch, length);
            return;
        }
        /* here all that was in memory has been read, so that epoll tells when to come back */
        if (result == WGE_WANT_READ)
            result = fills++ < FILLS_MAX ? wge_stream_fill(c->stream) : WGE_WANT_READ;
        if (result == WGE_WANT_READ)
            return;
        if (result == WGE_WANT_WRITE)
            c->needs_flush = wge_stream_flush(c->stream) != WGE_OK;
        else if (result == WGE_CLOSED)
            end(c, "closed_by_peer");
        else if (result == WGE_SYSTEM_ERROR)
            end(c, "reset_by_peer");
        else if (result != WGE_OK)
            end(c, result == WGE_NO_MEMORY ? "no_memory" : "record_broken");
    }
}

/* Turns what Python wrote into records; sends only to make room. */
static enum wge_result seal(struct wge_connection *c)
{
    while (wge_plain_queue_length(&c->queue) > 0) {
        size_t left = wge_plain_queue_length(&c->queue);
        size_t part = left < WGE_RECORD_PLAIN_MAX ? left : WGE_RECORD_PLAIN_MAX;
        enum wge_result result = wge_stream_write(c->stream, c->queue.bytes + c->queue.start, part);
        if (result == WGE_OK) {
            WGE_COUNT_BY(c->front->counters, control_bytes_out, part);
            c->queue.start += part;
            continue;
        }
        if (result == WGE_NO_MEMORY && wge_stream_out_pending(c->stream) > 0)
            result = wge_stream_flush(c->stream);
        if (result != WGE_OK)
            return result;
    }
    wge_plain_queue_clear(&c->queue);
    return WGE_OK;
}

/* WGE_OK: all is with the kernel. */
static enum wge_result pump(struct wge_connection *c)
{
    enum wge_result result = seal(c);
    return result == WGE_OK ? wge_stream_flush(c->stream) : result;
}

static void linger(struct wge_connection *c)
{
    wge_stream_close_notify(c->stream);
    push(c, WGE_EVENT_CLOSED, "closed", NULL, 0);
    if (c->state != WGE_CONNECTION_DEAD)
        c->state = WGE_CONNECTION_LINGER;
}

static void advance_writing(struct wge_connection *c)
{
    enum wge_result result = pump(c);
    if (result == WGE_OK)
        c->needs_flush = false;
    else if (result != WGE_WANT_WRITE)
        end(c, result == WGE_NO_MEMORY ? "no_memory" : "reset_by_peer");
    if (c->state == WGE_CONNECTION_CONTROL && c->closing && wge_plain_queue_length(&c->queue) == 0)
        linger(c);
}

/* Closing with unread bytes in the socket would be a reset, which can destroy the answer on its way to the peer. */
static void advance_linger(struct wge_connection *c, uint8_t *scratch)
{
    enum wge_result result = wge_stream_flush(c->stream);
    if (result == WGE_OK && !c->half_closed) {
        c->half_closed = true;
        shutdown(wge_stream_fd(c->stream), SHUT_WR);
    }
    ssize_t count;
    while ((count = recv(wge_stream_fd(c->stream), scratch, WGE_RECORD_PLAIN_MAX, 0)) > 0)
        if ((c->lingered += (size_t)count) > LINGER_BYTES_MAX)
            break;
    bool waits = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    if (!waits || result == WGE_SYSTEM_ERROR)
        c->state = WGE_CONNECTION_DEAD;
}

void wge_connection_advance(struct wge_connection *c, uint8_t *scratch)
{
    if (c->state == WGE_CONNECTION_HELLO || c->state == WGE_CONNECTION_HANDSHAKE)
        advance_handshake(c);
    if (c->state == WGE_CONNECTION_CONTROL)
        advance_writing(c);
    if (c->state == WGE_CONNECTION_CONTROL)
        advance_reading(c, scratch);
    if (c->state == WGE_CONNECTION_LINGER)
        advance_linger(c, scratch);
}

void wge_connection_broken(struct wge_connection *c)
{
    end(c, c->opened ? "reset_by_peer" : "handshake_closed");
}

void wge_connection_expired(struct wge_connection *c)
{
    if (c->state == WGE_CONNECTION_CONTROL && !c->closing)
        wge_refusals_add(c->front->refusals, &c->peer, "login_timeout");
    end(c, c->opened ? "login_timeout" : "handshake_timeout");
}

uint32_t wge_connection_interest(const struct wge_connection *c)
{
    uint32_t out = wge_stream_out_pending(c->stream) > 0 || c->needs_flush ? (uint32_t)EPOLLOUT : 0;
    if (c->state == WGE_CONNECTION_CONTROL && (!c->granted || c->closing || c->needs_flush))
        return out;
    return out | (uint32_t)EPOLLIN;
}

/* --- what Python asks for ------------------------------------------------------------------------------------------
 */

void wge_connection_grant(struct wge_connection *c)
{
    c->granted = true;
}

void wge_connection_write(struct wge_connection *c, const uint8_t *data, size_t length, bool close)
{
    if (c->state != WGE_CONNECTION_CONTROL || c->closing)
        return;
    if (length > WGE_CONTROL_QUEUE_MAX - wge_plain_queue_length(&c->queue))
        end(c, "write_overflow");
    else if (wge_plain_queue_add(&c->queue, data, length) != WGE_OK)
        end(c, "no_memory");
    c->closing = close;
}

void wge_connection_close(struct wge_connection *c)
{
    if (c->state == WGE_CONNECTION_CONTROL)
        c->closing = true;
}

void wge_connection_authenticated(struct wge_connection *c)
{
    leave_limiter(c);
}

struct wge_stream *wge_connection_take_stream(struct wge_connection *c, const uint8_t *head, size_t length)
{
    if (c->state != WGE_CONNECTION_CONTROL || c->closing)
        return NULL;
    wge_connection_write(c, head, length, false);
    if (c->state != WGE_CONNECTION_CONTROL)
        return NULL;
    /* the data thread sends it when it knows the tunnel: a client may answer by a datagram at once */
    enum wge_result result = seal(c);
    bool queued = wge_plain_queue_length(&c->queue) == 0 && (result == WGE_OK || result == WGE_WANT_WRITE);
    if (!queued) {
        end(c, "reset_by_peer");
        return NULL;
    }
    struct wge_stream *stream = c->stream;
    c->stream = NULL;
    c->state = WGE_CONNECTION_DEAD;
    return stream;
}
