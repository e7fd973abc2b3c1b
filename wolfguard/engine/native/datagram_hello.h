/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datagram_hello.h - what a UDP datagram that begins a DTLS 1.2 handshake says, before any TLS object exists (RFC 6347
 * section 4, RFC 9146 section 4, RFC 9147 section 4). A stranger's datagram is judged here for the price of one pass and
 * no state; what is chosen from its ClientHello (a PSK suite, extended master secret or not) is chosen here too. Knows
 * neither wolfSSL nor sockets nor sessions. */
#ifndef WGE_DATAGRAM_HELLO_H
#define WGE_DATAGRAM_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client_hello.h"
#include "result.h"

#define WGE_DATAGRAM_ALERT_SIZE 15

/* By the head of the first record alone; whether the rest holds is for others to see. */
enum wge_datagram_kind {
    WGE_DATAGRAM_JUNK = 0,    /* no DTLS record, or one that promises more than has come */
    WGE_DATAGRAM_HELLO,       /* plaintext ClientHello, or its first bytes */
    WGE_DATAGRAM_HANDSHAKE,   /* plaintext, another handshake message */
    WGE_DATAGRAM_PROTECTED,   /* epoch 1 or later */
    WGE_DATAGRAM_PLAIN_OTHER, /* plaintext alert or ChangeCipherSpec */
    WGE_DATAGRAM_CID,         /* DTLS 1.2 record with a connection ID: known, not served */
    WGE_DATAGRAM_UNIFIED,     /* DTLS 1.3 record: known, not served */
};

enum wge_datagram_kind wge_datagram_classify(const uint8_t *datagram, size_t length);

/* Reads a datagram that is one record with one whole ClientHello, and nothing else. PEER_ERROR: `*label` is
 * "datagram_hello_malformed", "datagram_hello_fragmented", "datagram_hello_version" (of no DTLS at all) or
 * "datagram_hello_weak_random". A good hello may still offer DTLS 1.0 alone: see `dtls12`. `hello->cookie` points into
 * the datagram. */
enum wge_result wge_datagram_hello_parse(struct wge_client_hello *hello, const uint8_t *datagram, size_t length,
                                         const char **label);

/* The first run of protected records in a datagram: what is in the clear before and behind it proves nothing once there
 * are keys. `*length` becomes the run's. NULL: there is none. */
const uint8_t *wge_datagram_sealed(const uint8_t *datagram, size_t *length);

struct wge_datagram_choice {
    uint16_t suite;              /* IANA's number, in algorithms.h a PSK suite */
    bool extended_master_secret; /* the client offered it, so it is in use when the handshake succeeds */
};

/* The first of `suites` (PSK suites in the server's order) that the client offers. PEER_ERROR: `*label` is
 * "datagram_version", "datagram_no_suite" or "datagram_no_ems" and names the counter, `*alert` what to tell the
 * client. */
enum wge_result wge_datagram_negotiate(const uint16_t *suites, size_t count, bool require_ems,
                                       const struct wge_client_hello *hello, struct wge_datagram_choice *choice,
                                       const char **label, uint8_t *alert);

/* A fatal alert as a plaintext record (epoch 0); returns its size. `sequence` is the hello's `record_sequence`, as in
 * every answer without state (RFC 6347 section 4.2.1): after a HelloVerifyRequest with number 0 a client takes a second
 * record 0 for a replay. */
size_t wge_datagram_alert(uint8_t out[WGE_DATAGRAM_ALERT_SIZE], uint64_t sequence, uint8_t alert);

#endif
