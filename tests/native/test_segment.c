/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A super-packet of n payloads must give exactly the packets that the sender would have made itself. */
#include "segment.h"

#include "check.h"
#include "packets.h"

static uint8_t buffer[2 * 65536]; /* the vnet header may point past a packet */

static struct wge_vnet describe(const struct packet_spec *p, size_t gso_size)
{
    bool tcp = p->protocol == 6;
    return (struct wge_vnet){
        .flags = WGE_VNET_NEEDS_CHECKSUM,
        .gso_type = !tcp              ? WGE_VNET_GSO_UDP
                    : p->version == 4 ? WGE_VNET_GSO_TCP4
                                      : WGE_VNET_GSO_TCP6,
        .header_length = 1, /* a hint that need not be right */
        .gso_size = (uint16_t)gso_size,
        .checksum_start = p->version == 4 ? 20 : 40,
        .checksum_offset = tcp ? 16 : 6,
    };
}

static size_t super_packet(const struct packet_spec *p, const struct wge_vnet *vnet)
{
    memcpy(buffer, vnet, sizeof *vnet);
    size_t length = WGE_VNET_HEADER + build_packet(buffer + WGE_VNET_HEADER, p);
    put16(buffer + WGE_VNET_HEADER + vnet->checksum_start + vnet->checksum_offset, 0x1234); /* partial: replaced */
    return length;
}

/* What the sender would have sent as packet `index`. */
static size_t expected_packet(uint8_t *out, const struct packet_spec *whole, size_t gso_size, size_t index)
{
    struct packet_spec p = *whole;
    size_t at = index * gso_size;
    bool last = whole->payload - at <= gso_size;
    p.payload = last ? whole->payload - at : gso_size;
    p.payload_value = (uint8_t)(whole->payload_value + at * 7);
    p.identification = (uint16_t)(whole->identification + index);
    p.seq = whole->seq + (uint32_t)at;
    if (!last)
        p.flags &= (uint8_t)~0x09;
    if (index > 0)
        p.flags &= (uint8_t)~0x80;
    return build_packet(out, &p);
}

static struct packet_spec random_flow(struct sequence *s)
{
    struct packet_spec p = {
        .version = below(s, 2) ? 4 : 6,
        .protocol = below(s, 3) ? 6 : 17,
        .client = (uint8_t)draw(s),
        .tos = (uint8_t)draw(s),
        .ttl = (uint8_t)draw(s),
        .flags = (uint8_t)(0x10 | (draw(s) & 0xc9)), /* ACK and any of FIN, PSH, ECE, CWR */
        .dont_fragment = below(s, 2),
        .identification = (uint16_t)draw(s),
        .source_port = (uint16_t)draw(s),
        .destination_port = (uint16_t)draw(s),
        .window = (uint16_t)draw(s),
        .flow_label = draw(s),
        .seq = draw(s),
        .ack = draw(s),
        .options = (uint8_t)(below(s, 11) * 4),
        .option_value = (uint8_t)draw(s),
        .payload_value = (uint8_t)draw(s),
    };
    if (below(s, 8) == 0)
        p.seq = UINT32_MAX - below(s, 5000); /* wraps on the way */
    return p;
}

static void cutting_equals_the_senders_own(struct sequence *s)
{
    static uint8_t expected[65536];
    for (unsigned round = 0; round < 1500; round++) {
        struct packet_spec p = random_flow(s);
        p.payload = 1 + below(s, round % 20 == 0 ? 65000 : 9000);
        size_t gso_size = 1 + below(s, round % 50 == 0 ? 60 : 1460);
        struct wge_vnet vnet = describe(&p, gso_size);
        if (p.protocol == 6 && (p.flags & 0x80) != 0)
            vnet.gso_type |= WGE_VNET_GSO_ECN;
        struct wge_segmenter segmenter;
        size_t length = super_packet(&p, &vnet);
        CHECK(wge_segment_begin(&segmenter, buffer, length));
        CHECK(segmenter.largest == expected_packet(expected, &p, gso_size, 0));
        size_t index = 0;
        uint8_t *packet;
        size_t bytes;
        for (; wge_segment_next(&segmenter, &packet, &bytes); index++) {
            CHECK(bytes == expected_packet(expected, &p, gso_size, index));
            CHECK(memcmp(packet, expected, bytes) == 0);
            CHECK(segmenter.inner.destination[0] == (p.version == 4 ? 0xc0 : 0x20));
            memset(packet - WGE_VNET_HEADER, 0xee, WGE_VNET_HEADER + bytes); /* the caller may */
        }
        CHECK(index == (p.payload + gso_size - 1) / gso_size);
        CHECK(!wge_segment_next(&segmenter, &packet, &bytes));
    }
}

static void single_packets_pass(struct sequence *s)
{
    uint8_t expected[2000];
    for (unsigned round = 0; round < 300; round++) {
        struct packet_spec p = random_flow(s);
        struct wge_vnet vnet = {0};
        p.payload = below(s, 1400);
        if (round % 3 == 0)
            p.protocol = 1; /* not everything is TCP or UDP */
        memcpy(buffer, &vnet, sizeof vnet);
        size_t length = build_packet(buffer + WGE_VNET_HEADER, &p);
        memcpy(expected, buffer + WGE_VNET_HEADER, length);
        if (p.protocol != 1 && round % 2 == 0) {
            vnet = describe(&p, 0);
            vnet.gso_type = WGE_VNET_GSO_NONE;
            memcpy(buffer, &vnet, sizeof vnet);
            uint8_t *field = buffer + WGE_VNET_HEADER + vnet.checksum_start + vnet.checksum_offset;
            put16(field, 0);
            unsigned others = slow_upper_sum(buffer + WGE_VNET_HEADER, length, vnet.checksum_start, p.protocol);
            unsigned own = slow_sum(buffer + WGE_VNET_HEADER + vnet.checksum_start, length - vnet.checksum_start, 0);
            put16(field, slow_sum((const uint8_t[]){(uint8_t)(others >> 8), (uint8_t)others, (uint8_t)(~own >> 8),
                                                    (uint8_t)~own},
                                  4, 0));
        }
        struct wge_segmenter segmenter;
        uint8_t *packet;
        size_t bytes;
        CHECK(wge_segment_begin(&segmenter, buffer, WGE_VNET_HEADER + length));
        CHECK(wge_segment_next(&segmenter, &packet, &bytes) && bytes == length);
        if (p.protocol != 1) {
            size_t ip = p.version == 4 ? 20 : 40;
            CHECK(slow_upper_sum(packet, bytes, ip, p.protocol) == 0xffff);
            put16(packet + ip + (p.protocol == 6 ? 16 : 6), get16(expected + ip + (p.protocol == 6 ? 16 : 6)));
        }
        CHECK(memcmp(packet, expected, bytes) == 0);
        CHECK(!wge_segment_next(&segmenter, &packet, &bytes));
    }
}

static bool begins(const struct packet_spec *p, const struct wge_vnet *vnet, size_t change)
{
    struct wge_segmenter segmenter;
    size_t length = super_packet(p, vnet);
    return wge_segment_begin(&segmenter, buffer, length - change);
}

static void absurd_headers_are_refused(void)
{
    struct packet_spec p = {.version = 4, .protocol = 6, .flags = 0x10, .payload = 4000, .options = 12};
    struct wge_vnet good = describe(&p, 1000);
    struct wge_vnet bad = good;
    CHECK(begins(&p, &good, 0));
    CHECK(!begins(&p, &good, 1)); /* cut short */
    for (size_t length = 0; length <= WGE_VNET_HEADER; length++) {
        struct wge_segmenter segmenter;
        CHECK(!wge_segment_begin(&segmenter, buffer, length));
    }
    bad.gso_size = 0;
    CHECK(!begins(&p, &bad, 0));
    bad = good;
    bad.flags = 0;
    CHECK(!begins(&p, &bad, 0));
    for (unsigned type = 1; type < 256; type++) {
        bad = good;
        bad.gso_type = (uint8_t)type;
        CHECK(begins(&p, &bad, 0) == ((type & 0x7f) == WGE_VNET_GSO_TCP4));
    }
    for (unsigned start = 0; start < 100; start++) {
        bad = good;
        bad.checksum_start = (uint16_t)start;
        CHECK(begins(&p, &bad, 0) == (start == 20));
        bad = good;
        bad.checksum_offset = (uint16_t)start;
        CHECK(begins(&p, &bad, 0) == (start == 16));
        bad.gso_type = WGE_VNET_GSO_NONE;
        bad.checksum_start = (uint16_t)(65535 - start);
        CHECK(!begins(&p, &bad, 0));
    }
    for (unsigned flag = 0; flag < 3; flag++) {
        struct packet_spec odd = p;
        odd.flags |= (const uint8_t[]){0x02, 0x04, 0x20}[flag]; /* SYN, RST, URG */
        CHECK(!begins(&odd, &good, 0));
    }
    struct packet_spec empty = p;
    empty.payload = 0;
    CHECK(!begins(&empty, &good, 0));
    struct packet_spec udp = {.version = 4, .protocol = 17, .payload = 4000};
    struct wge_vnet datagrams = describe(&udp, 1000);
    CHECK(begins(&udp, &datagrams, 0));
    datagrams.gso_type |= WGE_VNET_GSO_ECN;
    CHECK(!begins(&udp, &datagrams, 0));
    CHECK(!begins(&udp, &good, 0));
}

static void damaged_packets_are_refused(void)
{
    struct packet_spec p = {.version = 4, .protocol = 6, .flags = 0x10, .payload = 4000, .options = 12};
    struct wge_vnet vnet = describe(&p, 1000);
    struct wge_segmenter segmenter;
    size_t length = super_packet(&p, &vnet);
    uint8_t *packet = buffer + WGE_VNET_HEADER;
    for (unsigned words = 0; words < 16; words++) {
        packet[32] = (uint8_t)(words << 4);
        CHECK(wge_segment_begin(&segmenter, buffer, length) == (words >= 5));
    }
    length = super_packet(&p, &vnet);
    put16(packet + 6, 0x2000); /* a fragment cannot be cut */
    CHECK(!wge_segment_begin(&segmenter, buffer, length));
    length = super_packet(&p, &vnet);
    put16(packet + 2, 1500);
    CHECK(!wge_segment_begin(&segmenter, buffer, length));
}

/* What the device could say of a packet, and no kernel says. Whatever is taken must come out within the buffer. */
static void no_size_leads_out_of_the_packet(void)
{
    for (unsigned protocol = 6; protocol <= 17; protocol += 11) {
        struct packet_spec p = {.version = 4, .protocol = (uint8_t)protocol, .flags = 0x10, .payload = 1000};
        const size_t sizes[] = {1, 999, 1000, 1001, 1500, 65535};
        for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct wge_vnet vnet = describe(&p, sizes[i]);
            struct wge_segmenter segmenter;
            size_t length = super_packet(&p, &vnet);
            CHECK(wge_segment_begin(&segmenter, buffer, length));
            uint8_t *packet;
            size_t bytes, payload = 0, head = length - WGE_VNET_HEADER - p.payload;
            for (; wge_segment_next(&segmenter, &packet, &bytes); payload += bytes - head) {
                CHECK(packet >= buffer + WGE_VNET_HEADER && packet + bytes <= buffer + length);
                CHECK(bytes > head && bytes <= segmenter.largest && segmenter.largest <= length - WGE_VNET_HEADER);
            }
            CHECK(payload == p.payload);
        }
        struct wge_vnet none = describe(&p, 0);
        CHECK(!begins(&p, &none, 0));
    }
}

/* The hint of the header's length is not believed, however wrong. */
static void hints_are_not_believed(void)
{
    struct packet_spec p = {.version = 6, .protocol = 6, .flags = 0x10, .payload = 3000, .options = 12};
    for (unsigned hint = 0; hint <= 65535; hint += 257) {
        struct wge_vnet vnet = describe(&p, 1000);
        vnet.header_length = (uint16_t)hint;
        CHECK(begins(&p, &vnet, 0));
    }
}

/* UDP: the length that the packet's own header tells is replaced in each segment, true or not. */
static void lengths_of_udp_are_made_anew(struct sequence *s)
{
    struct packet_spec p = {.version = 4, .protocol = 17, .payload = 2500};
    struct wge_vnet vnet = describe(&p, 1000);
    for (unsigned round = 0; round < 200; round++) {
        struct wge_segmenter segmenter;
        uint8_t *packet;
        size_t bytes, count = 0;
        size_t length = super_packet(&p, &vnet);
        put16(buffer + WGE_VNET_HEADER + 24, round == 0 ? 0 : round == 1 ? 65535 : draw(s) & 0xffff);
        CHECK(wge_segment_begin(&segmenter, buffer, length));
        for (; wge_segment_next(&segmenter, &packet, &bytes); count++) {
            CHECK(get16(packet + 24) == bytes - 20);
            CHECK(slow_upper_sum(packet, bytes, 20, 17) == 0xffff);
        }
        CHECK(count == 3);
    }
}

/* Cut anywhere, a super-packet is refused: the IP header's length no longer holds. */
static void cut_packets_are_refused(void)
{
    for (unsigned version = 4; version <= 6; version += 2) {
        struct packet_spec p = {.version = (uint8_t)version, .protocol = 6, .flags = 0x10, .payload = 3000};
        struct wge_vnet vnet = describe(&p, 1000);
        size_t length = super_packet(&p, &vnet);
        for (size_t left = 0; left < length; left++) {
            struct wge_segmenter segmenter;
            CHECK(!wge_segment_begin(&segmenter, buffer, left));
        }
    }
    /* headers that the packet does not have, though its IP length holds */
    for (size_t payload = 0; payload < 20; payload++) {
        struct wge_segmenter segmenter;
        struct packet_spec p = {.version = 4, .protocol = 6, .flags = 0x10, .payload = 100};
        struct wge_vnet vnet = describe(&p, 1000);
        super_packet(&p, &vnet);
        put16(buffer + WGE_VNET_HEADER + 2, (unsigned)(20 + payload));
        CHECK(!wge_segment_begin(&segmenter, buffer, WGE_VNET_HEADER + 20 + payload));
        vnet.gso_type = WGE_VNET_GSO_UDP;
        vnet.checksum_offset = 6;
        p.protocol = 17;
        super_packet(&p, &vnet);
        put16(buffer + WGE_VNET_HEADER + 2, (unsigned)(20 + payload));
        CHECK(wge_segment_begin(&segmenter, buffer, WGE_VNET_HEADER + 20 + payload) == (payload > 8));
    }
}

int main(void)
{
    struct sequence s = {0xfeedbeef};
    cutting_equals_the_senders_own(&s);
    single_packets_pass(&s);
    absurd_headers_are_refused();
    damaged_packets_are_refused();
    no_size_leads_out_of_the_packet();
    hints_are_not_believed();
    lengths_of_udp_are_made_anew(&s);
    cut_packets_are_refused();
    return 0;
}
