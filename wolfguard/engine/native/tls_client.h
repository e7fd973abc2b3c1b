/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls_client.h - TLS 1.3 connections that we open, to servers of the site's choice (RADIUS, RFC 6614 and RFC 9765).
 * Bytes in, bytes out: the caller owns the socket, the clock and the order of calls. The server's chain, its name, its
 * key's size and the protocol (ALPN) are checked before anything can be written; our own certificate's key is in keyd.
 *
 * TLS 1.3 alone: RFC 9765 asks for it, and the library cannot be made to insist on the extended master secret. Who only
 * looks at a server (an audit) checks none of this, and may ask for TLS 1.2. */
#ifndef WGE_TLS_CLIENT_H
#define WGE_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "result.h"
#include "tls_context.h"

struct wge_tls_client;
struct wge_sign_client; /* sign_client.h */

#define WGE_TLS_CLIENT_PLAIN_MAX 16384

/* Borrowed for the call of wge_tls_client_create. */
struct wge_tls_client_config {
    const char *server_name;    /* a DNS name that the server's certificate must have; sent as SNI */
    const uint8_t *authorities; /* PEM, trusted */
    size_t authorities_length;
    struct wge_certificate_config certificate; /* ours; its chain may be absent */
    const char *protocols;                     /* names for ALPN, preferred first, with commas between */
    struct wge_names suites, groups, signatures;
    unsigned minimum_rsa_bits;
    /* Chain, name, sizes of keys and protocol are the caller's to judge: for looking at a server, never for telling it
     * what another one must not hear. `server_name` may be empty then (no SNI), and so may authorities and protocols. */
    bool any_server;
    const char *version; /* "1.3" or "1.2"; NULL for 1.3 */
};

/* INVALID: `why` (WGE_WHY_MAX bytes) says what was refused. `signer` is borrowed until the handshake is over. */
enum wge_result wge_tls_client_create(struct wge_tls_client **out, const struct wge_tls_client_config *config,
                                      struct wge_sign_client *signer, char *why);
void wge_tls_client_free(struct wge_tls_client *c); /* NULL is fine */

/* Takes bytes from the server. NO_MEMORY: more than fits; read first. */
enum wge_result wge_tls_client_feed(struct wge_tls_client *c, const uint8_t *data, size_t length);

/* Goes on with the handshake. WANT_READ: feed more. PEER_ERROR: `*label` says why: tls_chain, tls_name, tls_alert,
 * tls_protocol, tls_version, tls_weak_key, tls_failed; an alert may wait to be sent. */
enum wge_result wge_tls_client_handshake(struct wge_tls_client *c, const char **label);

/* After the handshake: the server's certificates (DER) in the order in which it sent them, for the caller's own rules; NULL
 * past the last one. */
const uint8_t *wge_tls_client_certificate(const struct wge_tls_client *c, size_t index, size_t *length);
/* After the handshake: IANA's names; the protocol that the server chose from ours. */
const char *wge_tls_client_protocol(const struct wge_tls_client *c);
const char *wge_tls_client_suite(const struct wge_tls_client *c);

/* One record's plaintext; `capacity` >= WGE_TLS_CLIENT_PLAIN_MAX. As wge_stream_read. */
enum wge_result wge_tls_client_read(struct wge_tls_client *c, uint8_t *out, size_t capacity, size_t *length);
/* NO_MEMORY: nothing was taken; send what waits first. */
enum wge_result wge_tls_client_write(struct wge_tls_client *c, const uint8_t *data, size_t length);
/* Queues the end; nothing can be read or written after it. */
void wge_tls_client_close_notify(struct wge_tls_client *c);

/* What is to be sent; valid until the next call. */
const uint8_t *wge_tls_client_pending(const struct wge_tls_client *c, size_t *length);
/* So much of it has gone out. */
void wge_tls_client_sent(struct wge_tls_client *c, size_t length);

#endif
