/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spki.h"

#include <stdbool.h>
#include <string.h>

#define TAG_INTEGER 0x02
#define TAG_BIT_STRING 0x03
#define TAG_SEQUENCE 0x30

/* AlgorithmIdentifier { rsaEncryption 1.2.840.113549.1.1.1, NULL } */
static const uint8_t rsa_encryption[] = {
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
};

/* DER is written from its end, so that every length is known when its header comes. */
struct backward {
    uint8_t *buffer;
    size_t at; /* first byte written; what lies before is free */
    bool full;
};

static void put(struct backward *w, const uint8_t *bytes, size_t length)
{
    if (w->full || length > w->at) {
        w->full = true;
        return;
    }
    w->at -= length;
    memcpy(w->buffer + w->at, bytes, length);
}

static void put_byte(struct backward *w, uint8_t byte)
{
    put(w, &byte, 1);
}

static void put_header(struct backward *w, uint8_t tag, size_t length)
{
    uint8_t long_form = 0;
    for (size_t rest = length; length > 127 && rest > 0; rest >>= 8, long_form++)
        put_byte(w, (uint8_t)(rest & 0xff));
    put_byte(w, long_form == 0 ? (uint8_t)length : (uint8_t)(0x80 | long_form));
    put_byte(w, tag);
}

static void put_unsigned(struct backward *w, const uint8_t *number, size_t length)
{
    while (length > 1 && number[0] == 0) {
        number++;
        length--;
    }
    put(w, number, length);
    const bool sign = length > 0 && (number[0] & 0x80) != 0;
    if (sign)
        put_byte(w, 0);
    put_header(w, TAG_INTEGER, length + (sign ? 1 : 0));
}

unsigned wge_unsigned_bits(const uint8_t *number, size_t length)
{
    while (length > 0 && number[0] == 0) {
        number++;
        length--;
    }
    if (length == 0)
        return 0;
    unsigned bits = (unsigned)(length - 1) * 8;
    for (uint8_t top = number[0]; top != 0; top >>= 1)
        bits++;
    return bits;
}

size_t wge_spki_encode_rsa(uint8_t *out, const uint8_t *modulus, size_t modulus_length, const uint8_t *exponent,
                           size_t exponent_length)
{
    uint8_t buffer[WGE_SPKI_MAX];
    struct backward w = {buffer, sizeof buffer, false};
    put_unsigned(&w, exponent, exponent_length);
    put_unsigned(&w, modulus, modulus_length);
    put_header(&w, TAG_SEQUENCE, sizeof buffer - w.at);
    put_byte(&w, 0); /* no unused bits */
    put_header(&w, TAG_BIT_STRING, sizeof buffer - w.at);
    put(&w, rsa_encryption, sizeof rsa_encryption);
    put_header(&w, TAG_SEQUENCE, sizeof buffer - w.at);
    if (w.full)
        return 0;
    memcpy(out, buffer + w.at, sizeof buffer - w.at);
    return sizeof buffer - w.at;
}
