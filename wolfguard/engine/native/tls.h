/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls.h - the seam between wolfSSL and everything else. tls.c, tls_sign.c, tls_context.c and tls_client.c are
 * the only files that include its headers for TLS. wolfSSL's I/O callbacks see the stream's memory
 * buffers only; wge_stream_fill / wge_stream_flush move them to and from the socket.
 *
 * A stream has one owner thread at a time: a handshake thread until the tunnel starts, then the data thread. */
#ifndef WGE_TLS_H
#define WGE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "result.h"

struct wge_stream;       /* one TLS connection: WOLFSSL object, socket, ciphertext buffers */
struct wge_tls_context;  /* one site's immutable, reference-counted configuration (tls_context.h) */
struct wge_client_hello; /* what a client offers (client_hello.h) */
struct wge_tls_choice;   /* what was chosen from it (negotiation.h) */
struct wge_sign_client;  /* a thread's way to keyd (sign_client.h) */

#define WGE_RECORD_PLAIN_MAX 16384

/* What the handshake settled; all texts are static. Names are IANA's. */
struct wge_tls_facts {
    const char *version; /* "TLS 1.3" */
    const char *suite;
    const char *group;
    const char *signature;
    bool extended_master_secret;
};

/* --- handshake: these belong to the handshake threads ----------------------------------------------------------- */

/* Takes a connected, non-blocking socket; on error it stays the caller's. */
enum wge_result wge_stream_create(struct wge_stream **out, int fd);

/* Looks at the buffered ClientHello without consuming it. WANT_READ: not whole yet. PEER_ERROR: `*label` says why. */
enum wge_result wge_stream_hello(const struct wge_stream *s, struct wge_client_hello *hello, const char **label);

/* Queues a fatal alert in the clear, before wge_stream_begin only. */
void wge_stream_refuse(struct wge_stream *s, uint8_t alert);

/* Makes the TLS object for this choice. `signer` is borrowed until the handshake is over. Takes its own reference. */
enum wge_result wge_stream_begin(struct wge_stream *s, struct wge_tls_context *context,
                                 const struct wge_tls_choice *choice, struct wge_sign_client *signer);

/* Goes on with the handshake over what is buffered. PEER_ERROR: `*label` says why; an alert has been queued. */
enum wge_result wge_stream_accept(struct wge_stream *s, const char **label);

/* After wge_stream_accept has answered WGE_OK. */
void wge_stream_facts(const struct wge_stream *s, struct wge_tls_facts *facts);

/* --- records: these belong to whoever owns the stream ------------------------------------------------------------ */

/* Moves bytes from the socket into the inbound ciphertext buffer: one recv() of as much as fits (>= 64 KiB for a
 * tunnel). WGE_OK: something came; WANT_READ: nothing there; CLOSED: EOF; SYSTEM_ERROR; NO_MEMORY: the buffer is full
 * (read first) or could not be had. */
enum wge_result wge_stream_fill(struct wge_stream *s);

/* Decrypts the next record into `out` (capacity >= WGE_RECORD_PLAIN_MAX): exactly one record per call, so that a CSTP
 * frame is one call. WGE_OK sets *length > 0. WANT_READ: no whole record is buffered. CLOSED: close_notify. PEER_ERROR:
 * alert or broken record. WANT_WRITE: an answer to the peer's KeyUpdates finds no room: flush, then read again. */
enum wge_result wge_stream_read(struct wge_stream *s, uint8_t *out, size_t capacity, size_t *length);

/* Encrypts `data` as exactly one record (length <= WGE_RECORD_PLAIN_MAX) into the outbound buffer; no system call.
 * NO_MEMORY: the outbound buffer has not enough room: nothing was taken. */
enum wge_result wge_stream_write(struct wge_stream *s, const uint8_t *data, size_t length);

/* Sends the outbound buffer: OK when empty, WANT_WRITE when the socket took only a part. */
enum wge_result wge_stream_flush(struct wge_stream *s);

size_t wge_stream_out_pending(const struct wge_stream *s); /* bytes of ciphertext not sent yet */
size_t wge_stream_out_room(const struct wge_stream *s);    /* bytes of ciphertext that still fit */
int wge_stream_fd(const struct wge_stream *s);
bool wge_stream_is_tls13(const struct wge_stream *s);

/* Enlarges buffers from control size to tunnel size (inbound >= 64 KiB, outbound `out_capacity`). Lazy memory: an idle
 * tunnel must cost little, so buffers are borrowed from a pool of the data thread while they hold bytes. */
enum wge_result wge_stream_become_tunnel(struct wge_stream *s, size_t out_capacity);

/* Keying material of this connection without a context (RFC 5705; RFC 8446 section 7.5), once: what the library needs
 * for it is given back then. `out` NULL: nobody will ask. */
enum wge_result wge_stream_export(struct wge_stream *s, const char *label, uint8_t *out, size_t length);

/* TLS 1.3 KeyUpdate of our sending keys, asking the peer for the same. INVALID on TLS 1.2. */
enum wge_result wge_stream_rekey(struct wge_stream *s);

/* Whether the peer was asked to renew its keys and has not done so yet. */
bool wge_stream_awaits_rekey(const struct wge_stream *s);

/* Queues close_notify; nothing can be written after it. */
void wge_stream_close_notify(struct wge_stream *s);

/* Queues close_notify where asked and sends what can be sent at once (best effort), closes the socket, frees
 * everything. */
void wge_stream_free(struct wge_stream *s, bool notify);

#endif
