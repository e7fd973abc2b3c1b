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

/* RFC 8446 section 5.5, RFC 9147 section 4.5.3 and RFC 9325 section 4.4 allow 2^24.5 records of full size under one
 * AES-GCM key. A profile or site may ask for less. Keys are renewed a margin before the limit: KeyUpdate in TLS 1.3, a new
 * handshake in TLS 1.2 (the client makes its tunnel anew) and in DTLS 1.2. No record goes out above the limit. */
#define WGE_CHANNEL_RECORDS_MOST (1u << 24)
#define WGE_CHANNEL_RECORDS_LEAST 256
#define WGE_CHANNEL_MARGIN_MOST (1u << 16)

struct wge_channel {
    struct wge_stream *stream;
    bool tls13;
    bool blocked;                         /* the socket took only a part: wait for EPOLLOUT */
    bool unsent;                          /* bytes wait for the end of the batch */
    bool asked;                           /* the peer to renew its keys: they count on until it has */
    uint32_t limit;                       /* records under one key */
    uint64_t sent_records, heard_records; /* under the present keys */
};

enum wge_key_wear { WGE_KEYS_FRESH = 0, WGE_KEYS_WORN, WGE_KEYS_SPENT };

/* `limit` 0 is the most. */
static inline uint32_t wge_record_limit(uint32_t limit)
{
    return limit == 0 || limit > WGE_CHANNEL_RECORDS_MOST ? WGE_CHANNEL_RECORDS_MOST : limit;
}

/* From how many records on keys are to be renewed. */
static inline uint32_t wge_record_limit_soft(uint32_t limit)
{
    return limit - (limit / 2 < WGE_CHANNEL_MARGIN_MOST ? limit / 2 : WGE_CHANNEL_MARGIN_MOST);
}

/* Takes the stream over and gives it the buffers of a tunnel. `limit`: records under one key, 0 for the most. */
enum wge_result wge_channel_open(struct wge_channel *c, struct wge_stream *stream, uint32_t limit);
void wge_channel_close(struct wge_channel *c, bool notify);

/* Sends one frame, header included. NO_MEMORY: the queue is full or the keys are used up, the frame is lost. */
enum wge_result wge_channel_send(struct wge_channel *c, const uint8_t *frame, size_t length);

/* Hands waiting bytes to the socket. OK: all gone; WANT_WRITE: `blocked` is set. */
enum wge_result wge_channel_flush(struct wge_channel *c);

enum wge_key_wear wge_channel_key_wear(struct wge_channel *c);
enum wge_result wge_channel_rekey(struct wge_channel *c);

#endif
