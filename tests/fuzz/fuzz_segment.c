/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Anything that a TUN could hand over: the pieces parse, carry all of the payload and nothing else, and each leaves the
 * room in front that callers use. */
#include "segment.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > WGE_VNET_HEADER + 65535)
        return 0;
    struct wge_segmenter segmenter;
    uint8_t *buffer = malloc(size + 1);
    memcpy(buffer, data, size);
    if (wge_segment_begin(&segmenter, buffer, size)) {
        size_t whole = segmenter.inner.length - segmenter.head_length;
        size_t payload = 0;
        uint8_t *packet;
        size_t length;
        while (wge_segment_next(&segmenter, &packet, &length)) {
            struct wge_inner inner;
            if (packet < buffer + WGE_VNET_HEADER || packet + length > buffer + size || length > segmenter.largest)
                abort();
            if (!wge_inner_parse(packet, length, &inner))
                abort();
            payload += length - segmenter.head_length;
            memset(packet - WGE_VNET_HEADER, 0xee, WGE_VNET_HEADER);
        }
        if (segmenter.gso_size != 0 && payload != whole)
            abort();
    }
    free(buffer);
    return 0;
}
