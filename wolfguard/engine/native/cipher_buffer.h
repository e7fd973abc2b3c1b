/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cipher_buffer.h - ciphertext between a socket and the TLS library: filled at the end, emptied at the start. Its
 * memory is borrowed while it holds something (buffer_pool.h). Wiped by nobody: it holds no secrets. */
#ifndef WGE_CIPHER_BUFFER_H
#define WGE_CIPHER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wge_cipher_buffer {
    uint8_t *bytes; /* NULL while empty */
    size_t capacity;
    size_t start, end;
};

static inline size_t wge_cipher_held(const struct wge_cipher_buffer *b)
{
    return b->end - b->start;
}

/* Forgets what it holds and gives the memory back. */
void wge_cipher_drop(struct wge_cipher_buffer *b);
/* Makes `wanted` bytes of room at the end, where the capacity allows; returns how many there are. */
size_t wge_cipher_room(struct wge_cipher_buffer *b, size_t wanted);
/* Moves up to `wanted` bytes from its start to `out`; returns how many. */
size_t wge_cipher_take(struct wge_cipher_buffer *b, void *out, size_t wanted);
/* Adds as much of the bytes as there is room for; returns how many. */
size_t wge_cipher_put(struct wge_cipher_buffer *b, const void *bytes, size_t length);
/* Keeps what it holds. False: that does not fit, or there is no memory; nothing has changed. */
bool wge_cipher_resize(struct wge_cipher_buffer *b, size_t capacity);

#endif
