/* SPDX-License-Identifier: GPL-3.0-or-later */
/* frame.c - see frame.h. */
#include "frame.h"

#include <string.h>

static const uint8_t magic[4] = {0x53, 0x54, 0x46, 0x01};

enum wge_frame_fault wge_frame_decode(const uint8_t *record, size_t length, struct wge_frame *out)
{
    if (length < WGE_FRAME_HEADER)
        return WGE_FRAME_SHORT;
    if (memcmp(record, magic, sizeof magic) != 0 || record[7] != 0)
        return WGE_FRAME_MAGIC;
    size_t payload = (size_t)record[4] << 8 | record[5];
    if (payload != length - WGE_FRAME_HEADER)
        return WGE_FRAME_LENGTH;
    out->type = record[6];
    out->payload = record + WGE_FRAME_HEADER;
    out->length = payload;
    return WGE_FRAME_GOOD;
}

void wge_frame_encode(uint8_t header[WGE_FRAME_HEADER], enum wge_frame_type type, size_t length)
{
    memcpy(header, magic, sizeof magic);
    header[4] = (uint8_t)(length >> 8);
    header[5] = (uint8_t)length;
    header[6] = (uint8_t)type;
    header[7] = 0;
}
