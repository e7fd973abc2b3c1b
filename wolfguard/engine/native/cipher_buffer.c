/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cipher_buffer.c - linear, moved together only when the end is reached. */
#include "cipher_buffer.h"

#include <string.h>

#include "buffer_pool.h"

void wge_cipher_drop(struct wge_cipher_buffer *b)
{
    wge_buffer_return(b->bytes, b->capacity);
    b->bytes = NULL;
    b->start = b->end = 0;
}

size_t wge_cipher_room(struct wge_cipher_buffer *b, size_t wanted)
{
    if (b->bytes == NULL) {
        b->bytes = wge_buffer_borrow(b->capacity);
        if (b->bytes == NULL)
            return 0;
    }
    if (b->capacity - b->end < wanted && b->start > 0) {
        memmove(b->bytes, b->bytes + b->start, wge_cipher_held(b));
        b->end -= b->start;
        b->start = 0;
    }
    return b->capacity - b->end;
}

size_t wge_cipher_take(struct wge_cipher_buffer *b, void *out, size_t wanted)
{
    size_t count = wge_cipher_held(b);
    if (count == 0)
        return 0;
    if (count > wanted)
        count = wanted;
    memcpy(out, b->bytes + b->start, count);
    b->start += count;
    if (wge_cipher_held(b) == 0)
        wge_cipher_drop(b);
    return count;
}

size_t wge_cipher_put(struct wge_cipher_buffer *b, const void *bytes, size_t length)
{
    size_t room = wge_cipher_room(b, length);
    if (room == 0)
        return 0;
    if (length > room)
        length = room;
    memcpy(b->bytes + b->end, bytes, length);
    b->end += length;
    return length;
}

bool wge_cipher_resize(struct wge_cipher_buffer *b, size_t capacity)
{
    const size_t kept = wge_cipher_held(b);
    if (kept > capacity)
        return false;
    if (b->bytes != NULL) {
        uint8_t *bytes = wge_buffer_borrow(capacity);
        if (bytes == NULL)
            return false;
        memcpy(bytes, b->bytes + b->start, kept);
        wge_buffer_return(b->bytes, b->capacity);
        b->bytes = bytes;
        b->start = 0;
        b->end = kept;
    }
    b->capacity = capacity;
    return true;
}
