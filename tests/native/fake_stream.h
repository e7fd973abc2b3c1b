/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fake_stream.h - tls.h without TLS, for tests of what lies above it: a record is two bytes of length and the
 * plaintext, over any stream socket. Lengths above the largest record stand for what TLS can do besides. Being defined
 * by the test itself, these functions win over the library's. */
#ifndef FAKE_STREAM_H
#define FAKE_STREAM_H

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls.h"

#define FAKE_CLOSE_NOTIFY 0xffff
#define FAKE_BROKEN 0xfffe
#define FAKE_KEY_UPDATE 0xfffd /* the stream answers with the same before it reads on */
#define FAKE_IN (64 * 1024)

struct wge_stream {
    int fd;
    bool tls13;
    int number; /* from 1 */
    uint8_t in[FAKE_IN];
    size_t in_at, in_end;
    uint8_t *out;
    size_t out_at, out_end, out_capacity;
};

static _Atomic int fake_streams_alive;
static _Atomic int fake_rekeys;
static _Atomic bool fake_peer_keeps_keys; /* it was asked for new ones and takes its time */
static _Atomic int fake_streams_made;

static inline struct wge_stream *fake_stream(int fd, bool tls13)
{
    struct wge_stream *s = calloc(1, sizeof *s);
    s->fd = fd;
    s->tls13 = tls13;
    s->out_capacity = 4096;
    s->out = malloc(s->out_capacity);
    s->number = atomic_fetch_add(&fake_streams_made, 1) + 1;
    atomic_fetch_add(&fake_streams_alive, 1);
    return s;
}

enum wge_result wge_stream_fill(struct wge_stream *s)
{
    memmove(s->in, s->in + s->in_at, s->in_end - s->in_at);
    s->in_end -= s->in_at;
    s->in_at = 0;
    if (s->in_end == FAKE_IN)
        return WGE_NO_MEMORY;
    ssize_t got = recv(s->fd, s->in + s->in_end, FAKE_IN - s->in_end, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN ? WGE_WANT_READ : WGE_SYSTEM_ERROR;
    s->in_end += (size_t)got;
    return got == 0 ? WGE_CLOSED : WGE_OK;
}

static inline enum wge_result fake_put(struct wge_stream *s, unsigned length, const uint8_t *data, size_t bytes)
{
    if (s->out_end + bytes + 2 > s->out_capacity)
        return WGE_NO_MEMORY;
    s->out[s->out_end++] = (uint8_t)(length >> 8);
    s->out[s->out_end++] = (uint8_t)length;
    if (bytes > 0)
        memcpy(s->out + s->out_end, data, bytes);
    s->out_end += bytes;
    return WGE_OK;
}

enum wge_result wge_stream_read(struct wge_stream *s, uint8_t *out, size_t capacity, size_t *length)
{
    for (;;) {
        if (s->in_end - s->in_at < 2)
            return WGE_WANT_READ;
        size_t bytes = (size_t)s->in[s->in_at] << 8 | s->in[s->in_at + 1];
        if (bytes == FAKE_KEY_UPDATE) {
            if (fake_put(s, FAKE_KEY_UPDATE, NULL, 0) != WGE_OK)
                return WGE_WANT_WRITE;
            s->in_at += 2;
            continue;
        }
        if (bytes > capacity)
            return bytes == FAKE_CLOSE_NOTIFY ? WGE_CLOSED : WGE_PEER_ERROR;
        if (s->in_end - s->in_at < bytes + 2)
            return WGE_WANT_READ;
        memcpy(out, s->in + s->in_at + 2, bytes);
        s->in_at += bytes + 2;
        *length = bytes;
        return WGE_OK;
    }
}

enum wge_result wge_stream_write(struct wge_stream *s, const uint8_t *data, size_t length)
{
    return fake_put(s, (unsigned)length, data, length);
}

enum wge_result wge_stream_flush(struct wge_stream *s)
{
    while (s->out_at < s->out_end) {
        ssize_t sent = send(s->fd, s->out + s->out_at, s->out_end - s->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            memmove(s->out, s->out + s->out_at, s->out_end - s->out_at);
            s->out_end -= s->out_at;
            s->out_at = 0;
            return errno == EAGAIN ? WGE_WANT_WRITE : WGE_SYSTEM_ERROR;
        }
        s->out_at += (size_t)sent;
    }
    s->out_at = s->out_end = 0;
    return WGE_OK;
}

size_t wge_stream_out_pending(const struct wge_stream *s)
{
    return s->out_end - s->out_at;
}

size_t wge_stream_out_room(const struct wge_stream *s)
{
    return s->out_capacity - s->out_end;
}

int wge_stream_fd(const struct wge_stream *s)
{
    return s->fd;
}

bool wge_stream_is_tls13(const struct wge_stream *s)
{
    return s->tls13;
}

enum wge_result wge_stream_become_tunnel(struct wge_stream *s, size_t out_capacity)
{
    s->out = realloc(s->out, out_capacity);
    s->out_capacity = out_capacity;
    return WGE_OK;
}

/* What the stream of this number exports. */
static inline void fake_export(int number, const char *label, uint8_t *out, size_t length)
{
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(number + (int)i + label[0]);
}

enum wge_result wge_stream_export(struct wge_stream *s, const char *label, uint8_t *out, size_t length)
{
    if (out != NULL)
        fake_export(s->number, label, out, length);
    return WGE_OK;
}

enum wge_result wge_stream_rekey(struct wge_stream *s)
{
    atomic_fetch_add(&fake_rekeys, 1);
    return s->tls13 ? fake_put(s, FAKE_KEY_UPDATE, NULL, 0) : WGE_INVALID;
}

bool wge_stream_awaits_rekey(const struct wge_stream *s)
{
    return s->tls13 && atomic_load(&fake_peer_keeps_keys);
}

void wge_stream_close_notify(struct wge_stream *s)
{
    fake_put(s, FAKE_CLOSE_NOTIFY, NULL, 0);
}

void wge_stream_free(struct wge_stream *s, bool notify)
{
    if (notify)
        wge_stream_flush(s);
    close(s->fd);
    free(s->out);
    free(s);
    atomic_fetch_sub(&fake_streams_alive, 1);
}

#endif
