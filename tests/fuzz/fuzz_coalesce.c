/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any packets of a client, each after two bytes of length: joining and cutting gives back every one of them. Only IPv4
 * identifications under DF may differ, with the header checksum that goes with them. */
#include "coalesce.h"

#include <stdlib.h>
#include <string.h>

#include "segment.h"

static struct wge_coalescer coalescer;
static uint8_t written[WGE_VNET_HEADER + 65535];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct wge_coalesce_packet *came, const uint8_t *went, size_t length)
{
    if (came->length != length)
        return false;
    if (memcmp(came->data, went, length) == 0)
        return true;
    bool free_identification = came->data[0] == 0x45 && (came->data[6] & 0x40) != 0;
    return free_identification && memcmp(came->data, went, 4) == 0 && memcmp(came->data + 6, went + 6, 4) == 0 &&
           memcmp(came->data + 12, went + 12, length - 12) == 0;
}

static void check_group(size_t index)
{
    struct iovec parts[WGE_COALESCE_IOVECS];
    size_t count = wge_coalesce_gather(&coalescer, index, parts);
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (length + parts[i].iov_len > sizeof written)
            abort();
        memcpy(written + length, parts[i].iov_base, parts[i].iov_len);
        length += parts[i].iov_len;
    }
    struct wge_segmenter segmenter;
    if (!wge_segment_begin(&segmenter, written, length))
        abort();
    uint8_t *packet;
    uint16_t place = coalescer.groups[index].first;
    while (wge_segment_next(&segmenter, &packet, &length)) {
        if (place == WGE_COALESCE_PACKETS || !same(&coalescer.packets[place], packet, length))
            abort();
        place = coalescer.packets[place].next;
    }
    if (place != WGE_COALESCE_PACKETS)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wge_coalesce_init(&coalescer, true, true);
    while (size >= 2 && !wge_coalesce_full(&coalescer)) {
        size_t length = (size_t)data[0] << 8 | data[1];
        struct wge_inner inner;
        data += 2;
        size -= 2;
        if (length > size)
            length = size;
        if (wge_inner_parse(data, length, &inner))
            wge_coalesce_add(&coalescer, &inner);
        data += length;
        size -= length;
    }
    for (size_t i = 0; i < coalescer.group_count; i++)
        check_group(i);
    return 0;
}
