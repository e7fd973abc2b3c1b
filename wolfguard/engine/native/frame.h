/* SPDX-License-Identifier: GPL-3.0-or-later */
/* frame.h - the CSTP frame: `53 54 46 01 | length, big endian | type | 00 | payload`. One frame is exactly one TLS
 * record; a record that holds less or more than its frame ends the tunnel. Pure: knows neither sockets nor tunnels. */
#ifndef WGE_FRAME_H
#define WGE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "tls.h"

#define WGE_FRAME_HEADER 8
#define WGE_FRAME_PAYLOAD_MAX (WGE_RECORD_PLAIN_MAX - WGE_FRAME_HEADER)

enum wge_frame_type {
    WGE_FRAME_DATA = 0,
    WGE_FRAME_DPD_REQUEST = 3,
    WGE_FRAME_DPD_RESPONSE = 4,
    WGE_FRAME_DISCONNECT = 5,
    WGE_FRAME_KEEPALIVE = 7,
    WGE_FRAME_COMPRESSED = 8,
    WGE_FRAME_TERMINATE = 9,
};

enum wge_frame_fault {
    WGE_FRAME_GOOD = 0,
    WGE_FRAME_SHORT,  /* the record is shorter than a header */
    WGE_FRAME_MAGIC,  /* first four bytes, or the last of the header */
    WGE_FRAME_LENGTH, /* header and record disagree */
};

struct wge_frame {
    uint8_t type; /* any value: the receiver decides what it knows */
    const uint8_t *payload;
    size_t length;
};

enum wge_frame_fault wge_frame_decode(const uint8_t *record, size_t length, struct wge_frame *out);

/* `length` is the payload's, at most WGE_FRAME_PAYLOAD_MAX. */
void wge_frame_encode(uint8_t header[WGE_FRAME_HEADER], enum wge_frame_type type, size_t length);

#endif
