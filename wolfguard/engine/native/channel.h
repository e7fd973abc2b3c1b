/* SPDX-License-Identifier: GPL-3.0-or-later */
/* channel.h - one way to a peer: today the TLS stream, later DTLS next to it. Sends frames as records, keeps count of
 * what the present keys have protected, and knows whether the socket takes more. Knows nothing of sessions and packets.
 */
#ifndef WGE_CHANNEL_H
#define WGE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "tls.h"

/* Ciphertext that waits for a peer. What does not fit is dropped, newest first. */
#define WGE_CHANNEL_OUT_CAPACITY (256 * 1024)
/* A send this large has nothing left to win by waiting for the end of the batch. */
#define WGE_CHANNEL_FLUSH_AT (128 * 1024)

/* RFC 8446 section 5.5 allows 2^24.5 records of full size under one AES-GCM key. TLS 1.3 renews its keys in time.
 * TLS 1.2 cannot; its bound is the same limit counted in bytes (2^34.5 blocks), with a margin. */
#define WGE_CHANNEL_RECORDS_HARD (1u << 24)
#define WGE_CHANNEL_RECORDS_SOFT (WGE_CHANNEL_RECORDS_HARD - (1u << 16))
#define WGE_CHANNEL_BYTES_HARD (1ull << 37)

struct wge_channel {
    struct wge_stream *stream;
    bool tls13;
    bool blocked; /* the socket took only a part: wait for EPOLLOUT */
    bool unsent;  /* bytes wait for the end of the batch */
    /* under the present keys */
    uint64_t sent_records, sent_bytes, heard_records, heard_bytes;
};

enum wge_key_wear { WGE_KEYS_FRESH = 0, WGE_KEYS_WORN, WGE_KEYS_SPENT };

/* Takes the stream over and gives it the buffers of a tunnel. */
enum wge_result wge_channel_open(struct wge_channel *c, struct wge_stream *stream);
void wge_channel_close(struct wge_channel *c, bool notify);

/* Sends one frame, header included. NO_MEMORY: the queue is full, the frame is lost. */
enum wge_result wge_channel_send(struct wge_channel *c, const uint8_t *frame, size_t length);

/* Hands waiting bytes to the socket. OK: all gone; WANT_WRITE: `blocked` is set. */
enum wge_result wge_channel_flush(struct wge_channel *c);

enum wge_key_wear wge_channel_key_wear(const struct wge_channel *c);
enum wge_result wge_channel_rekey(struct wge_channel *c);

#endif
