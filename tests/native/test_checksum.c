/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "checksum.h"

#include <arpa/inet.h>

#include "check.h"
#include "packets.h"

static void sums_equal_the_slow_way(struct sequence *s)
{
    static uint8_t data[70000];
    draw_bytes(s, data, sizeof data);
    for (unsigned round = 0; round < 3000; round++) {
        size_t at = below(s, 64);
        size_t length = below(s, round % 100 == 0 ? 65536 : 2000);
        uint16_t start = (uint16_t)draw(s);
        uint32_t slow = slow_sum(data + at, length, ntohs(start));
        CHECK(ntohs(wge_sum_fold(wge_sum(data + at, length, start))) == slow);
    }
}

static void carries_are_not_lost(void)
{
    static uint8_t ones[65535];
    memset(ones, 0xff, sizeof ones);
    CHECK(wge_sum_fold(wge_sum(ones, sizeof ones - 1, 0)) == 0xffff);
    CHECK(ntohs(wge_sum_fold(wge_sum(ones, sizeof ones, 0))) == slow_sum(ones, sizeof ones, 0));
    CHECK(wge_sum_fold(UINT64_MAX) == 0xffff);
    CHECK(wge_sum_fold(0) == 0);
    CHECK(wge_sum(ones, 0, 5) == 5);
}

static void parts_make_the_whole(struct sequence *s)
{
    uint8_t data[2000];
    draw_bytes(s, data, sizeof data);
    for (unsigned round = 0; round < 500; round++) {
        size_t cut = below(s, 1000) * 2;
        uint64_t sum = wge_sum(data + cut, sizeof data - cut, wge_sum(data, cut, 0));
        CHECK(wge_sum_fold(sum) == wge_sum_fold(wge_sum(data, sizeof data, 0)));
    }
}

static void a_word_can_be_replaced(struct sequence *s)
{
    for (unsigned round = 0; round < 2000; round++) {
        uint8_t header[20];
        uint16_t before;
        uint16_t after = (uint16_t)draw(s);
        uint16_t checksum;
        draw_bytes(s, header, sizeof header);
        put16(header + 10, 0);
        put16(header + 10, ~slow_sum(header, 20, 0) & 0xffff);
        memcpy(&before, header + 2, 2);
        memcpy(&checksum, header + 10, 2);
        checksum = wge_checksum_replaced(checksum, before, after);
        memcpy(header + 2, &after, 2);
        memcpy(header + 10, &checksum, 2);
        CHECK(slow_sum(header, 20, 0) == 0xffff);
    }
}

static void partial_checksums_are_finished(struct sequence *s)
{
    for (unsigned round = 0; round < 500; round++) {
        uint8_t packet[1600];
        struct packet_spec spec = {
            .version = round % 2 ? 4 : 6, .protocol = round % 4 < 2 ? 6 : 17, .payload = below(s, 1400)};
        size_t length = build_packet(packet, &spec);
        size_t start = spec.version == 4 ? 20 : 40;
        size_t offset = spec.protocol == 6 ? 16 : 6;
        uint8_t whole[1600];
        memcpy(whole, packet, length);
        uint64_t pseudo = wge_sum_pseudo(spec.version, packet + (spec.version == 4 ? 12 : 8),
                                         packet + (spec.version == 4 ? 16 : 24), spec.protocol, length - start);
        uint16_t partial = wge_sum_fold(pseudo);
        memcpy(packet + start + offset, &partial, 2);
        CHECK(wge_checksum_finish(packet, length, start, offset));
        CHECK(slow_upper_sum(packet, length, start, spec.protocol) == 0xffff);
        CHECK(get16(packet + start + offset) != 0);
    }
    uint8_t packet[20] = {0};
    CHECK(!wge_checksum_finish(packet, 20, 21, 0));
    CHECK(!wge_checksum_finish(packet, 20, 10, 9));
    CHECK(!wge_checksum_finish(packet, 20, 0, 65535));
    CHECK(!wge_checksum_finish(packet, 20, 65535, 0));
    CHECK(wge_checksum_finish(packet, 20, 10, 8));
}

int main(void)
{
    struct sequence s = {0x1234567};
    sums_equal_the_slow_way(&s);
    carries_are_not_lost();
    parts_make_the_whole(&s);
    a_word_can_be_replaced(&s);
    partial_checksums_are_finished(&s);
    return 0;
}
