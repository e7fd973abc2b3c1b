/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datagram_builder.h - writes datagrams with a DTLS ClientHello; suites and extensions are hello_builder.h's. */
#ifndef WGE_TEST_DATAGRAM_BUILDER_H
#define WGE_TEST_DATAGRAM_BUILDER_H

#include "hello_builder.h"

#define DATAGRAM_BODY_AT 25
#define DATAGRAM_RANDOM_AT 27
#define DATAGRAM_SESSION_AT 59

/* What differs between the hellos of a test; the rest is what clients send. */
struct datagram_options {
    uint16_t version;
    const uint8_t *random; /* 32 bytes */
    size_t session_id_length, cookie_length;
    uint16_t message_sequence;
    uint8_t record_sequence;
};

static const uint8_t datagram_random[32] = "thirty-two bytes of good chance";

/* Heads, version, random, session id (1, 2, 3, ...), cookie (all 'c'), suites, compression. */
static inline void datagram_begin(struct hello_builder *b, const struct datagram_options *o, const uint16_t *suites,
                                  size_t count)
{
    memset(b, 0, sizeof(*b));
    put(b, (uint8_t[]){22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, o->record_sequence, 0, 0}, 13);
    put(b, "\1\0\0\0", 4);
    put16(b, o->message_sequence);
    put(b, "\0\0\0\0\0\0", 6);
    put16(b, o->version);
    put(b, o->random == NULL ? datagram_random : o->random, 32);
    put(b, (uint8_t[]){(uint8_t)o->session_id_length}, 1);
    for (size_t i = 0; i < o->session_id_length; i++)
        put(b, (uint8_t[]){(uint8_t)(i + 1)}, 1);
    put(b, (uint8_t[]){(uint8_t)o->cookie_length}, 1);
    for (size_t i = 0; i < o->cookie_length; i++)
        put(b, "c", 1);
    put16(b, (unsigned)count * 2);
    for (size_t i = 0; i < count; i++)
        put16(b, suites[i]);
    put(b, "\1\0", 2);
}

/* Fills the lengths in. */
static inline void datagram_end(struct hello_builder *b)
{
    if (b->extensions_at != 0)
        set16(b, b->extensions_at, b->length - b->extensions_at - 2);
    set16(b, 11, b->length - 13);
    set16(b, 15, b->length - DATAGRAM_BODY_AT);
    set16(b, 23, b->length - DATAGRAM_BODY_AT);
}

#endif
