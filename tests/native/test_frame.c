/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "frame.h"

#include "check.h"
#include "packets.h"

static void bytes_are_as_on_the_wire(void)
{
    const uint8_t expected[] = {0x53, 0x54, 0x46, 0x01, 0x05, 0x7c, 0x03, 0x00};
    uint8_t header[WGE_FRAME_HEADER];
    wge_frame_encode(header, WGE_FRAME_DPD_REQUEST, 1404);
    CHECK(memcmp(header, expected, sizeof expected) == 0);
}

static void what_is_encoded_decodes(struct sequence *s)
{
    static uint8_t record[WGE_RECORD_PLAIN_MAX];
    for (unsigned round = 0; round < 1000; round++) {
        size_t length = below(s, WGE_FRAME_PAYLOAD_MAX + 1);
        struct wge_frame frame;
        wge_frame_encode(record, WGE_FRAME_DATA, length);
        record[6] = (uint8_t)draw(s);
        CHECK(wge_frame_decode(record, length + WGE_FRAME_HEADER, &frame) == WGE_FRAME_GOOD);
        CHECK(frame.type == record[6] && frame.length == length && frame.payload == record + WGE_FRAME_HEADER);
    }
}

static void every_lie_has_its_name(void)
{
    uint8_t record[WGE_FRAME_HEADER + 4] = {0};
    struct wge_frame frame;
    wge_frame_encode(record, WGE_FRAME_DATA, 4);
    for (size_t length = 0; length < WGE_FRAME_HEADER; length++)
        CHECK(wge_frame_decode(record, length, &frame) == WGE_FRAME_SHORT);
    CHECK(wge_frame_decode(record, sizeof record - 1, &frame) == WGE_FRAME_LENGTH);
    CHECK(wge_frame_decode(record, WGE_FRAME_HEADER, &frame) == WGE_FRAME_LENGTH);
    record[5] = 3;
    CHECK(wge_frame_decode(record, sizeof record, &frame) == WGE_FRAME_LENGTH);
    record[5] = 4;
    for (size_t i = 0; i < WGE_FRAME_HEADER; i++) {
        bool magic = i < 4 || i == 7;
        record[i] ^= 0x10;
        enum wge_frame_fault fault = wge_frame_decode(record, sizeof record, &frame);
        CHECK(fault == (magic ? WGE_FRAME_MAGIC : i == 6 ? WGE_FRAME_GOOD : WGE_FRAME_LENGTH));
        record[i] ^= 0x10;
    }
}

int main(void)
{
    struct sequence s = {0x77};
    bytes_are_as_on_the_wire();
    what_is_encoded_decodes(&s);
    every_lie_has_its_name();
    return 0;
}
