/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fake_dtls.h - dtls.h without DTLS, for tests of what lies above it. A client's hello is a real one, and its records
 * have real heads, since they are read before DTLS sees them; what the gateway sends begins with a letter that says what
 * it is. The key stands in the client's last word of the handshake, the hello's random in each record: whose they are
 * not, to him they are forged. Being defined by the test itself, these functions win over the library's. */
#ifndef FAKE_DTLS_H
#define FAKE_DTLS_H

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "dtls.h"

/* From the gateway. */
#define FAKE_VERIFY 'V' /* and the cookie */
#define FAKE_FLIGHT 'S'
#define FAKE_FINISHED 'F'
#define FAKE_RECORD 'D' /* and plaintext */
#define FAKE_ALERT 'A'
/* From the client, behind the head of a record. */
#define FAKE_END 'C'
#define FAKE_FATAL 'X'

#define FAKE_COOKIE 20
#define FAKE_HEAD 13
#define FAKE_NAME 8 /* bytes of the random that stand in each record */
#define FAKE_HELLO_RANDOM_AT 27
#define FAKE_HELLO_COOKIE_AT 93 /* behind an App-ID of 32 bytes */

struct wge_dtls {
    wge_dtls_transmit transmit;
    void *owner;
    uint8_t key[WGE_DTLS_KEY], name[FAKE_NAME];
    size_t largest;
    bool established;
    const uint8_t *in;
    size_t in_length;
    uint32_t heard, forged, replayed;
};

struct wge_dtls_acceptor {
    unsigned hellos;
};

static _Atomic int fake_dtls_alive;
static bool fake_dtls_broken;    /* nothing can be sent */
static uint16_t fake_dtls_suite; /* of the last hello */

/* --- the client's side ------------------------------------------------------------------------------------------- */

/* A record of epoch 1: `what`, the name, a number, the body. Returns its length. */
static inline size_t fake_record(uint8_t *out, uint8_t what, const uint8_t *name, uint32_t number, const void *body,
                                 size_t length)
{
    size_t fragment = 1 + FAKE_NAME + 4 + length;
    const uint8_t head[FAKE_HEAD] = {
        23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, (uint8_t)(fragment >> 8), (uint8_t)fragment};
    memcpy(out, head, sizeof head);
    out[FAKE_HEAD] = what;
    memcpy(out + FAKE_HEAD + 1, name, FAKE_NAME);
    memcpy(out + FAKE_HEAD + 1 + FAKE_NAME, &number, 4);
    if (length > 0)
        memcpy(out + FAKE_HEAD + 1 + FAKE_NAME + 4, body, length);
    return FAKE_HEAD + fragment;
}

static inline void fake_cookie(uint8_t out[FAKE_COOKIE], const struct wge_address *peer)
{
    memset(out, 'c', FAKE_COOKIE);
    memcpy(out, peer->bytes, sizeof peer->bytes);
    memcpy(out + sizeof peer->bytes, &peer->port, sizeof peer->port);
}

/* --- the gateway's side ------------------------------------------------------------------------------------------ */

enum wge_result wge_dtls_acceptor_create(struct wge_dtls_acceptor **out, uint64_t now_ms)
{
    (void)now_ms;
    *out = calloc(1, sizeof **out);
    return WGE_OK;
}

void wge_dtls_acceptor_free(struct wge_dtls_acceptor *a)
{
    free(a);
}

static inline void fake_say(struct wge_dtls *d, uint8_t what, const uint8_t *bytes, size_t length)
{
    uint8_t datagram[1 + 20000] = {what};
    if (length > 0)
        memcpy(datagram + 1, bytes, length);
    d->transmit(d->owner, datagram, length + 1);
}

enum wge_result wge_dtls_accept(struct wge_dtls_acceptor *a, const struct wge_dtls_hello *hello, uint64_t now_ms,
                                struct wge_dtls **out)
{
    uint8_t cookie[FAKE_COOKIE];
    (void)now_ms;
    a->hellos++;
    fake_cookie(cookie, hello->peer);
    if (hello->has_cookie && hello->datagram[FAKE_HELLO_COOKIE_AT] == '!')
        return WGE_PEER_ERROR;
    struct wge_dtls *d = calloc(1, sizeof *d);
    d->transmit = hello->transmit;
    d->owner = hello->owner;
    if (!hello->has_cookie || memcmp(hello->datagram + FAKE_HELLO_COOKIE_AT, cookie, FAKE_COOKIE) != 0) {
        fake_say(d, FAKE_VERIFY, cookie, sizeof cookie);
        free(d);
        return WGE_WANT_READ;
    }
    memcpy(d->key, hello->key, sizeof d->key);
    memcpy(d->name, hello->datagram + FAKE_HELLO_RANDOM_AT, sizeof d->name);
    d->largest = hello->largest;
    fake_dtls_suite = hello->suite;
    atomic_fetch_add(&fake_dtls_alive, 1);
    *out = d;
    return WGE_OK;
}

void wge_dtls_set_owner(struct wge_dtls *d, void *owner)
{
    d->owner = owner;
}

void wge_dtls_free(struct wge_dtls *d)
{
    if (d == NULL)
        return;
    free(d);
    atomic_fetch_sub(&fake_dtls_alive, 1);
}

/* The client's last word is a record whose body is the key. */
enum wge_result wge_dtls_handshake(struct wge_dtls *d, const uint8_t *datagram, size_t length)
{
    size_t key_at = FAKE_HEAD + 1 + FAKE_NAME + 4;
    if (datagram == NULL || datagram[4] == 0) { /* a flight is asked for, or repeated */
        fake_say(d, FAKE_FLIGHT, NULL, 0);
        return WGE_WANT_READ;
    }
    if (length > FAKE_HEAD && datagram[FAKE_HEAD] == FAKE_FATAL)
        return WGE_PEER_ERROR;
    if (length != key_at + WGE_DTLS_KEY || memcmp(datagram + key_at, d->key, WGE_DTLS_KEY) != 0) {
        d->forged++;
        return WGE_WANT_READ;
    }
    d->established = true;
    fake_say(d, FAKE_FINISHED, NULL, 0);
    return WGE_OK;
}

void wge_dtls_repeat(struct wge_dtls *d)
{
    fake_say(d, d->established ? FAKE_FINISHED : FAKE_FLIGHT, NULL, 0);
}

void wge_dtls_feed(struct wge_dtls *d, const uint8_t *datagram, size_t length)
{
    d->in = datagram;
    d->in_length = length;
}

enum wge_result wge_dtls_read(struct wge_dtls *d, uint8_t *out, size_t capacity, size_t *length)
{
    while (d->in_length > FAKE_HEAD) {
        const uint8_t *record = d->in;
        size_t fragment = (size_t)record[11] << 8 | record[12];
        size_t whole = FAKE_HEAD + fragment;
        uint32_t number;
        if (whole > d->in_length)
            break;
        d->in += whole;
        d->in_length -= whole;
        if (record[4] == 0) /* of the handshake, late */
            continue;
        if (fragment < 1 + FAKE_NAME + 4 || memcmp(record + FAKE_HEAD + 1, d->name, FAKE_NAME) != 0) {
            d->forged++;
            continue;
        }
        memcpy(&number, record + FAKE_HEAD + 1 + FAKE_NAME, 4);
        if (number <= d->heard) {
            d->replayed++;
            continue;
        }
        d->heard = number;
        if (record[FAKE_HEAD] == FAKE_END)
            return WGE_CLOSED;
        if (record[FAKE_HEAD] == FAKE_FATAL)
            return WGE_PEER_ERROR;
        *length = fragment - 1 - FAKE_NAME - 4;
        if (*length == 0 || *length > capacity)
            continue;
        memcpy(out, record + whole - *length, *length);
        return WGE_OK;
    }
    d->in_length = 0;
    return WGE_WANT_READ;
}

void wge_dtls_dropped(const struct wge_dtls *d, uint32_t *forged, uint32_t *replayed)
{
    *forged = d->forged;
    *replayed = d->replayed;
}

enum wge_result wge_dtls_write(struct wge_dtls *d, const uint8_t *data, size_t length)
{
    if (length > d->largest)
        return WGE_INVALID;
    if (fake_dtls_broken)
        return WGE_PEER_ERROR;
    fake_say(d, FAKE_RECORD, data, length);
    return WGE_OK;
}

void wge_dtls_abandon(struct wge_dtls *d)
{
    if (d->established)
        fake_say(d, FAKE_ALERT, NULL, 0);
}

#endif
