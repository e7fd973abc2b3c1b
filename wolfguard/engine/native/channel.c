/* SPDX-License-Identifier: GPL-3.0-or-later */
/* channel.c - see channel.h. */
#include "channel.h"

enum wge_result wge_channel_open(struct wge_channel *c, struct wge_stream *stream)
{
    *c = (struct wge_channel){.stream = stream, .tls13 = wge_stream_is_tls13(stream)};
    return wge_stream_become_tunnel(stream, WGE_CHANNEL_OUT_CAPACITY);
}

void wge_channel_close(struct wge_channel *c, bool notify)
{
    if (c->stream != NULL) {
        wge_stream_free(c->stream, notify);
        c->stream = NULL;
    }
}

enum wge_result wge_channel_send(struct wge_channel *c, const uint8_t *frame, size_t length)
{
    if (!c->blocked && wge_stream_out_pending(c->stream) >= WGE_CHANNEL_FLUSH_AT) {
        enum wge_result flushed = wge_channel_flush(c);
        if (flushed != WGE_OK && flushed != WGE_WANT_WRITE)
            return flushed;
    }
    enum wge_result result = wge_stream_write(c->stream, frame, length);
    if (result == WGE_OK) {
        c->unsent = true;
        c->sent_records++;
        c->sent_bytes += length;
    }
    return result;
}

enum wge_result wge_channel_flush(struct wge_channel *c)
{
    enum wge_result result = wge_stream_flush(c->stream);
    c->blocked = result == WGE_WANT_WRITE;
    c->unsent = false;
    return result;
}

enum wge_key_wear wge_channel_key_wear(const struct wge_channel *c)
{
    if (!c->tls13) {
        return c->sent_bytes >= WGE_CHANNEL_BYTES_HARD || c->heard_bytes >= WGE_CHANNEL_BYTES_HARD ? WGE_KEYS_SPENT
                                                                                                   : WGE_KEYS_FRESH;
    }
    uint64_t records = c->sent_records > c->heard_records ? c->sent_records : c->heard_records;
    if (records >= WGE_CHANNEL_RECORDS_HARD)
        return WGE_KEYS_SPENT;
    return records >= WGE_CHANNEL_RECORDS_SOFT ? WGE_KEYS_WORN : WGE_KEYS_FRESH;
}

enum wge_result wge_channel_rekey(struct wge_channel *c)
{
    enum wge_result result = wge_stream_rekey(c->stream);
    if (result == WGE_OK) {
        c->sent_records = c->sent_bytes = c->heard_records = c->heard_bytes = 0;
        c->unsent = true;
    }
    return result;
}
