/* SPDX-License-Identifier: GPL-3.0-or-later */
/* channel.c - see channel.h. */
#include "channel.h"

enum wge_result wge_channel_open(struct wge_channel *c, struct wge_stream *stream, uint32_t limit)
{
    *c = (struct wge_channel){.stream = stream, .tls13 = wge_stream_is_tls13(stream), .limit = wge_record_limit(limit)};
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
    if (c->sent_records >= c->limit)
        return WGE_NO_MEMORY;
    enum wge_result result = wge_stream_write(c->stream, frame, length);
    if (result == WGE_OK) {
        c->unsent = true;
        c->sent_records++;
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

enum wge_key_wear wge_channel_key_wear(struct wge_channel *c)
{
    const uint32_t soft = wge_record_limit_soft(c->limit);
    if (c->asked && !wge_stream_awaits_rekey(c->stream)) {
        c->asked = false;
        c->heard_records = 0;
    }
    if (c->sent_records >= c->limit || c->heard_records >= c->limit)
        return WGE_KEYS_SPENT;
    bool worn = c->sent_records >= soft || (c->heard_records >= soft && !c->asked);
    if (worn && !c->tls13)
        return WGE_KEYS_SPENT; /* no renewal within the connection: the client comes back for a new handshake */
    return worn ? WGE_KEYS_WORN : WGE_KEYS_FRESH;
}

enum wge_result wge_channel_rekey(struct wge_channel *c)
{
    /* a second KeyUpdate in a row does not ask (the library sees to that), and hides the answer to the first */
    bool awaited = c->asked && wge_stream_awaits_rekey(c->stream);
    enum wge_result result = wge_stream_rekey(c->stream);
    if (result == WGE_OK) {
        c->sent_records = 0;
        c->asked = !awaited;
        c->unsent = true;
    }
    return result;
}
