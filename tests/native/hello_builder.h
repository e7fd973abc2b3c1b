/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hello_builder.h - writes ClientHello messages, good and bad, one field after the other. */
#ifndef WGE_TEST_HELLO_BUILDER_H
#define WGE_TEST_HELLO_BUILDER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hello_builder {
    uint8_t bytes[20000];
    size_t length;
    size_t extensions_at; /* 0: none yet */
};

static inline void put(struct hello_builder *b, const void *bytes, size_t length)
{
    memcpy(b->bytes + b->length, bytes, length);
    b->length += length;
}

static inline void put16(struct hello_builder *b, unsigned value)
{
    put(b, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static inline void set16(struct hello_builder *b, size_t at, size_t value)
{
    b->bytes[at] = (uint8_t)(value >> 8);
    b->bytes[at + 1] = (uint8_t)value;
}

/* Record and message heads, version, random, an empty session id, suites, compression. */
static inline void hello_begin(struct hello_builder *b, unsigned version, const uint16_t *suites, size_t count)
{
    static const uint8_t heads[] = {22, 3, 1, 0, 0, 1, 0, 0, 0};
    static const uint8_t random[32] = {7};
    memset(b, 0, sizeof(*b));
    put(b, heads, sizeof(heads));
    put16(b, version);
    put(b, random, 32);
    put(b, "\0", 1);
    put16(b, (unsigned)count * 2);
    for (size_t i = 0; i < count; i++)
        put16(b, suites[i]);
    put(b, "\1\0", 2);
}

static inline void hello_extension(struct hello_builder *b, unsigned type, const void *body, size_t length)
{
    if (b->extensions_at == 0) {
        b->extensions_at = b->length;
        put16(b, 0);
    }
    put16(b, type);
    put16(b, (unsigned)length);
    put(b, body, length);
}

/* A list of 16-bit values with a length of `width` bytes before it. */
static inline void hello_list(struct hello_builder *b, unsigned type, size_t width, const uint16_t *values,
                              size_t count)
{
    uint8_t body[512];
    size_t at = width;
    body[0] = (uint8_t)(count * 2 >> 8);
    body[width - 1] = (uint8_t)(count * 2);
    for (size_t i = 0; i < count; i++) {
        body[at++] = (uint8_t)(values[i] >> 8);
        body[at++] = (uint8_t)values[i];
    }
    hello_extension(b, type, body, at);
}

static inline void hello_name(struct hello_builder *b, const char *name)
{
    uint8_t body[512] = {0};
    size_t length = strlen(name);
    body[1] = (uint8_t)(length + 3);
    body[0] = (uint8_t)((length + 3) >> 8);
    body[3] = (uint8_t)(length >> 8);
    body[4] = (uint8_t)length;
    memcpy(body + 5, name, length);
    hello_extension(b, 0, body, length + 5);
}

/* Fills the lengths in. */
static inline void hello_end(struct hello_builder *b)
{
    if (b->extensions_at != 0)
        set16(b, b->extensions_at, b->length - b->extensions_at - 2);
    set16(b, 3, b->length - 5);
    set16(b, 7, b->length - 9);
}

#endif
