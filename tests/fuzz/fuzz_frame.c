/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any record: a frame that decodes lies within it and encodes to the same header. */
#include "frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wge_frame frame;
    if (size > WGE_RECORD_PLAIN_MAX || wge_frame_decode(data, size, &frame) != WGE_FRAME_GOOD)
        return 0;
    uint8_t header[WGE_FRAME_HEADER];
    wge_frame_encode(header, (enum wge_frame_type)frame.type, frame.length);
    if (frame.payload + frame.length != data + size || memcmp(header, data, sizeof header) != 0)
        abort();
    return 0;
}
