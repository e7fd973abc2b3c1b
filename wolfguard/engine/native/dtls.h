/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dtls.h - the seam between wolfSSL and the datagram channel: DTLS 1.2 with a pre-shared key (RFC 6347, RFC 4279,
 * RFC 5487) as stock clients speak it. wolfSSL's I/O callbacks see one datagram in memory and a function that takes what
 * is to be sent; sockets, sessions and clocks are elsewhere. An association has one owner, the data thread: a handshake
 * with a pre-shared key has no public-key operation and waits for nobody. */
#ifndef WGE_DTLS_H
#define WGE_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "result.h"

#define WGE_DTLS_KEY 32 /* bytes of a pre-shared key */
/* Record head 13, explicit nonce 8, tag 16. */
#define WGE_DTLS_OVERHEAD 37
#define WGE_DTLS_COOKIE_MS 60000 /* a cookie secret's turn; the one before is honoured for as long again */

struct wge_dtls;          /* one association */
struct wge_dtls_acceptor; /* turns strangers' hellos into associations */

/* Sends one datagram to the peer; what is lost is lost. */
typedef void (*wge_dtls_transmit)(void *owner, const uint8_t *datagram, size_t length);

/* What is known of a hello before the library sees it; borrowed for the call, but `owner` stays. */
struct wge_dtls_hello {
    const uint8_t *datagram;
    size_t length;
    bool has_cookie;
    const struct wge_address *peer; /* enters the cookie */
    uint16_t suite;                 /* the only one that the handshake may settle on */
    const uint8_t *key;             /* WGE_DTLS_KEY bytes */
    size_t largest;                 /* plaintext bytes of a record of ours */
    wge_dtls_transmit transmit;
    void *owner;
};

enum wge_result wge_dtls_acceptor_create(struct wge_dtls_acceptor **out, uint64_t now_ms);
void wge_dtls_acceptor_free(struct wge_dtls_acceptor *a);

/* WGE_OK: the cookie was right; *out is the peer's association, whose first flight has been sent. WANT_READ: a
 * HelloVerifyRequest has been sent, or nothing; no state is kept. NO_MEMORY, PEER_ERROR: nothing was sent. */
enum wge_result wge_dtls_accept(struct wge_dtls_acceptor *a, const struct wge_dtls_hello *hello, uint64_t now_ms,
                                struct wge_dtls **out);
/* Whose datagrams these are from now on. */
void wge_dtls_set_owner(struct wge_dtls *d, void *owner);
void wge_dtls_free(struct wge_dtls *d); /* without a word to the peer; NULL is fine */

/* Goes on with the handshake. WGE_OK: established. WANT_READ: more is needed. PEER_ERROR: over, an alert may have been
 * sent. */
enum wge_result wge_dtls_handshake(struct wge_dtls *d, const uint8_t *datagram, size_t length);
/* Repeats the last flight, as long as the peer may lack it: until its first record with data. */
void wge_dtls_repeat(struct wge_dtls *d);

/* Gives a datagram to an established association; wge_dtls_read() then takes its records out. The memory is borrowed
 * until that answers WANT_READ. */
void wge_dtls_feed(struct wge_dtls *d, const uint8_t *datagram, size_t length);
/* One record's plaintext. WANT_READ: no more in this datagram. CLOSED: the peer has ended it. PEER_ERROR: fatal alert. */
enum wge_result wge_dtls_read(struct wge_dtls *d, uint8_t *out, size_t capacity, size_t *length);
/* Records thrown away so far: forged (bad tag) and replayed (or older than the window). */
void wge_dtls_dropped(const struct wge_dtls *d, uint32_t *forged, uint32_t *replayed);

/* One record, sent at once. INVALID: too long, nothing was sent. PEER_ERROR: the association is broken. */
enum wge_result wge_dtls_write(struct wge_dtls *d, const uint8_t *data, size_t length);

/* Tells the peer by a fatal alert that these keys are over: stock clients begin a new handshake with their next
 * packet. Nothing may follow but wge_dtls_free(). */
void wge_dtls_abandon(struct wge_dtls *d);

#endif
