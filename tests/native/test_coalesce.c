/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is joined must come out of cutting byte for byte as it came, each flow in its order; what must not be joined is
 * listed rule by rule. */
#include "coalesce.h"

#include "check.h"
#include "packets.h"
#include "segment.h"

#define BATCH 200

static uint8_t memory[BATCH][2048];
static size_t lengths[BATCH];
static size_t count;
static struct wge_coalescer coalescer;

static void begin(void)
{
    count = 0;
    wge_coalesce_init(&coalescer, true, true);
}

static uint8_t *last_packet(void)
{
    return memory[count - 1];
}

static void add_as_is(void)
{
    struct wge_inner inner;
    CHECK(wge_inner_parse(memory[count - 1], lengths[count - 1], &inner));
    CHECK(!wge_coalesce_full(&coalescer));
    wge_coalesce_add(&coalescer, &inner);
}

static void make(const struct packet_spec *p)
{
    lengths[count] = build_packet(memory[count], p);
    count++;
}

static void add(const struct packet_spec *p)
{
    make(p);
    add_as_is();
}

/* The next packet of a flow as its sender would make it. */
static void advance(struct packet_spec *p)
{
    p->seq += (uint32_t)p->payload;
    p->identification++;
}

static struct packet_spec flow_of(uint8_t version, uint8_t protocol)
{
    return (struct packet_spec){.version = version,
                                .protocol = protocol,
                                .client = 9,
                                .ttl = 64,
                                .flags = 0x10,
                                .window = 500,
                                .dont_fragment = true,
                                .source_port = 4000,
                                .destination_port = 443,
                                .options = 12,
                                .payload = 1000,
                                .seq = 0xfffffc00u,
                                .identification = 0xfffe};
}

static size_t linear(uint8_t *out, size_t group)
{
    struct iovec parts[WGE_COALESCE_IOVECS];
    size_t parts_count = wge_coalesce_gather(&coalescer, group, parts);
    size_t length = 0;
    for (size_t i = 0; i < parts_count; i++) {
        memcpy(out + length, parts[i].iov_base, parts[i].iov_len);
        length += parts[i].iov_len;
    }
    return length;
}

/* What the kernel will demand of a super-packet. */
static void check_super(const uint8_t *written, size_t length)
{
    struct wge_vnet vnet;
    memcpy(&vnet, written, sizeof vnet);
    const uint8_t *packet = written + WGE_VNET_HEADER;
    length -= WGE_VNET_HEADER;
    if (vnet.gso_type == WGE_VNET_GSO_NONE) {
        CHECK(vnet.flags == 0);
        return;
    }
    size_t ip = packet[0] >> 4 == 4 ? 20 : 40;
    uint8_t protocol = packet[ip == 20 ? 9 : 6];
    size_t upper = protocol == 6 ? packet[ip + 12] >> 4 << 2 : 8;
    CHECK(vnet.flags == WGE_VNET_NEEDS_CHECKSUM && vnet.checksum_start == ip);
    CHECK(vnet.checksum_offset == (protocol == 6 ? 16 : 6) && vnet.header_length == ip + upper);
    CHECK(length <= 65535 && length - ip - upper > vnet.gso_size && (length - ip - upper - 1) / vnet.gso_size < 64);
    if (ip == 20)
        CHECK(slow_sum(packet, 20, 0) == 0xffff);
    if (protocol == 17)
        CHECK(get16(packet + ip + 4) == length - ip);
    uint8_t pseudo[40] = {0};
    size_t addresses = ip == 20 ? 8 : 32;
    memcpy(pseudo, packet + (ip == 20 ? 12 : 8), addresses);
    put16(pseudo + addresses + 2, (unsigned)(length - ip));
    pseudo[addresses + 5] = protocol;
    CHECK(get16(packet + ip + vnet.checksum_offset) == slow_sum(pseudo, addresses + 6, 0));
}

/* Two packets of one flow may not overtake each other. */
static bool same_flow(const uint8_t *a, const uint8_t *b)
{
    size_t ip = a[0] >> 4 == 4 ? 20 : 40;
    size_t from = ip == 20 ? 12 : 8;
    return a[0] >> 4 == b[0] >> 4 && a[ip == 20 ? 9 : 6] == b[ip == 20 ? 9 : 6] &&
           memcmp(a + from, b + from, ip - from + 4) == 0;
}

/* Identifications under DF may change (RFC 6864); everything else must be as it was. */
static bool same_packet(const uint8_t *came, const uint8_t *went, size_t length)
{
    uint8_t copy[2048];
    memcpy(copy, came, length);
    if (came[0] >> 4 == 4 && (came[6] & 0x40) != 0 && slow_sum(came, 20, 0) == 0xffff) {
        memcpy(copy + 4, went + 4, 2);
        memcpy(copy + 10, went + 10, 2);
        if (slow_sum(went, 20, 0) != 0xffff)
            return false;
    }
    return memcmp(copy, went, length) == 0;
}

static void everything_comes_out_again(void)
{
    static uint8_t written[WGE_VNET_HEADER + 65536];
    bool out[BATCH] = {false};
    size_t out_count = 0;
    for (size_t group = 0; group < coalescer.group_count; group++) {
        size_t length = linear(written, group);
        check_super(written, length);
        struct wge_segmenter segmenter;
        uint8_t *packet;
        size_t bytes;
        CHECK(wge_segment_begin(&segmenter, written, length));
        while (wge_segment_next(&segmenter, &packet, &bytes)) {
            size_t i = 0;
            while (i < count && (out[i] || lengths[i] != bytes || !same_packet(memory[i], packet, bytes)))
                i++;
            CHECK(i < count);
            for (size_t earlier = 0; earlier < i; earlier++)
                CHECK(out[earlier] || !same_flow(memory[earlier], memory[i]));
            out[i] = true;
            out_count++;
        }
    }
    CHECK(out_count == count);
}

static void long_runs_become_one(void)
{
    for (uint8_t version = 4; version <= 6; version += 2) {
        for (uint8_t protocol = 6; protocol <= 17; protocol += 11) {
            struct packet_spec p = flow_of(version, protocol);
            begin();
            for (unsigned i = 0; i < 40; i++, advance(&p)) {
                p.payload = i == 39 ? 300 : 1000; /* the last may be shorter */
                p.flags = i == 39 ? 0x18 : 0x10;
                add(&p);
            }
            CHECK(coalescer.group_count == 1 && coalescer.groups[0].count == 40);
            everything_comes_out_again();
            p.payload = 1000;
            add(&p);
            CHECK(coalescer.group_count == 2); /* nothing follows a short packet */
            everything_comes_out_again();
        }
    }
}

static void bounds_hold(void)
{
    struct packet_spec p = flow_of(4, 17);
    begin();
    p.payload = 100;
    for (unsigned i = 0; i < 65; i++, advance(&p))
        add(&p);
    CHECK(coalescer.group_count == 2 && coalescer.groups[0].count == WGE_COALESCE_SEGMENTS);
    everything_comes_out_again();
    p = flow_of(6, 6);
    begin();
    p.payload = 1400;
    for (unsigned i = 0; i < 60; i++, advance(&p))
        add(&p);
    CHECK(coalescer.group_count == 2 && coalescer.groups[0].count == 46);
    everything_comes_out_again();
}

/* Adds two packets of a flow, the second changed by a rule's offence; returns the number of groups. */
static size_t groups_after(const struct packet_spec *first, const struct packet_spec *second)
{
    begin();
    add(first);
    add(second);
    everything_comes_out_again();
    return coalescer.group_count;
}

#define OFFENCE(protocol_, version_, change) \
    do { \
        struct packet_spec a = flow_of(version_, protocol_); \
        struct packet_spec b = a; \
        advance(&b); \
        CHECK(groups_after(&a, &b) == 1); \
        change; \
        CHECK(groups_after(&a, &b) == 2); \
    } while (0)

static void each_rule_parts_packets(void)
{
    OFFENCE(6, 4, b.seq++);
    OFFENCE(6, 4, b.seq--);
    OFFENCE(6, 4, b.ack++);
    OFFENCE(6, 4, b.window++);
    OFFENCE(6, 4, b.urgent++);
    OFFENCE(6, 4, b.options += 4);
    OFFENCE(6, 4, b.option_value++);
    OFFENCE(6, 4, b.flags |= 0x02);
    OFFENCE(6, 4, b.flags |= 0x04);
    OFFENCE(6, 4, b.flags |= 0x20);
    OFFENCE(6, 4, b.flags |= 0x40);
    OFFENCE(6, 4, b.flags |= 0x80);
    OFFENCE(6, 4, b.flags &= 0xef);
    OFFENCE(6, 4, a.flags |= 0x08);
    OFFENCE(6, 4, a.flags |= 0x01);
    OFFENCE(6, 4, a.flags |= 0x02);
    OFFENCE(6, 4, b.payload = 1001);
    OFFENCE(6, 4, b.payload = 0);
    OFFENCE(17, 4, b.payload = 1001);
    OFFENCE(17, 4, b.payload = 0);
    OFFENCE(17, 4, b.no_checksum = true);
    OFFENCE(17, 4, a.no_checksum = true);
    for (uint8_t protocol = 6; protocol <= 17; protocol += 11) {
        OFFENCE(protocol, 4, b.tos ^= 0x03); /* CE */
        OFFENCE(protocol, 4, b.tos ^= 0x80);
        OFFENCE(protocol, 4, b.ttl--);
        OFFENCE(protocol, 4, b.dont_fragment = false);
        OFFENCE(protocol, 4, b.identification++);
        OFFENCE(protocol, 4, b.client++);
        OFFENCE(protocol, 4, b.source_port++);
        OFFENCE(protocol, 4, b.destination_port++);
        OFFENCE(protocol, 6, b.tos ^= 0x03);
        OFFENCE(protocol, 6, b.flow_label++);
        OFFENCE(protocol, 6, b.ttl--);
        OFFENCE(protocol, 6, b.client++);
        OFFENCE(protocol, 6, b.version = 4);
    }
}

static void identifications_rise_or_stand(void)
{
    struct packet_spec p = flow_of(4, 6);
    const unsigned standing[] = {0, 0, 0, 0};
    const unsigned mixed[] = {0, 0, 1, 2};
    const unsigned rising_then_not[] = {0, 1, 1, 2};
    const unsigned *rows[] = {standing, mixed, rising_then_not};
    const size_t groups[] = {1, 2, 2};
    for (size_t row = 0; row < 3; row++) {
        begin();
        for (size_t i = 0; i < 4; i++) {
            p.identification = (uint16_t)rows[row][i];
            add(&p);
            p.seq += 1000;
        }
        CHECK(coalescer.group_count == groups[row]);
        everything_comes_out_again();
    }
    p.dont_fragment = false;
    begin();
    add(&p);
    p.seq += 1000;
    add(&p); /* the same identification without DF: may be a fragmentation key */
    CHECK(coalescer.group_count == 2);
}

static void damage_is_not_blessed(void)
{
    for (uint8_t version = 4; version <= 6; version += 2) {
        size_t headers = version == 4 ? 20 + 32 : 40 + 32;
        const size_t places[] = {headers, headers - 25, headers + 999, version == 4 ? 10 : headers + 1};
        for (size_t i = 0; i < 4; i++) {
            for (size_t damaged = 0; damaged < 2; damaged++) {
                struct packet_spec p = flow_of(version, 6);
                begin();
                for (size_t n = 0; n < 2; n++, advance(&p)) {
                    make(&p);
                    if (n == damaged)
                        last_packet()[places[i]] ^= 0x40;
                    add_as_is();
                }
                CHECK(coalescer.group_count == 2);
                everything_comes_out_again();
            }
        }
    }
}

static void cwr_leads_and_psh_ends(void)
{
    struct packet_spec p = flow_of(4, 6);
    struct wge_vnet vnet;
    static uint8_t written[WGE_VNET_HEADER + 65536];
    begin();
    for (unsigned i = 0; i < 4; i++, advance(&p)) {
        p.flags = i == 0 ? 0x90 : i == 2 ? 0x19 : 0x10;
        add(&p);
    }
    CHECK(coalescer.group_count == 2 && coalescer.groups[0].count == 3);
    everything_comes_out_again();
    linear(written, 0);
    memcpy(&vnet, written, sizeof vnet);
    CHECK(vnet.gso_type == (WGE_VNET_GSO_TCP4 | WGE_VNET_GSO_ECN));
    CHECK(written[WGE_VNET_HEADER + 33] == 0x99);
}

static void nothing_overtakes_within_a_flow(void)
{
    struct packet_spec p = flow_of(4, 6);
    struct packet_spec acknowledgement = p;
    begin();
    add(&p);
    acknowledgement.payload = 0;
    acknowledgement.ack++;
    add(&acknowledgement);
    advance(&p);
    add(&p); /* would fit the first, but the acknowledgement came between */
    CHECK(coalescer.group_count == 3);
    everything_comes_out_again();

    begin();
    p = flow_of(4, 17);
    add(&p);
    make(&p);
    put16(last_packet() + 6, 0x0010); /* a fragment may belong to any flow */
    add_as_is();
    advance(&p);
    add(&p);
    CHECK(coalescer.group_count == 3);
}

static void flows_do_not_disturb_each_other(void)
{
    struct packet_spec flows[WGE_COALESCE_FLOWS + 4];
    begin();
    for (uint8_t i = 0; i < WGE_COALESCE_FLOWS; i++) {
        flows[i] = flow_of(i % 2 ? 4 : 6, i % 4 < 2 ? 6 : 17);
        flows[i].source_port = (uint16_t)(1000 + i);
    }
    for (unsigned round = 0; round < 8; round++)
        for (uint8_t i = 0; i < WGE_COALESCE_FLOWS; i++, advance(&flows[i - 1]))
            add(&flows[i]);
    CHECK(coalescer.group_count == WGE_COALESCE_FLOWS);
    everything_comes_out_again();
}

static void kinds_can_be_switched_off(void)
{
    for (unsigned kinds = 0; kinds < 4; kinds++) {
        for (uint8_t protocol = 6; protocol <= 17; protocol += 11) {
            struct packet_spec p = flow_of(4, protocol);
            begin();
            wge_coalesce_init(&coalescer, kinds & 1, kinds & 2);
            for (unsigned i = 0; i < 3; i++, advance(&p))
                add(&p);
            CHECK(coalescer.group_count == ((kinds & (protocol == 6 ? 1 : 2)) != 0 ? 1 : 3));
            everything_comes_out_again();
        }
    }
}

static void spoil(struct sequence *s, struct packet_spec *p)
{
    switch (below(s, 60)) {
    case 0:
        p->seq += 10;
        break;
    case 1:
        p->flags ^= 0x08;
        break;
    case 2:
        p->flags ^= 0x01;
        break;
    case 3:
        p->flags ^= 0x80;
        break;
    case 4:
        p->flags ^= 0x40;
        break;
    case 5:
        p->tos = (uint8_t)draw(s);
        break;
    case 6:
        p->ttl = (uint8_t)draw(s);
        break;
    case 7:
        p->identification = (uint16_t)draw(s);
        break;
    case 8:
        p->dont_fragment = !p->dont_fragment;
        break;
    case 9:
        p->payload = below(s, 1200);
        break;
    case 10:
        p->payload = 0;
        break;
    case 11:
        p->ack++;
        break;
    case 12:
        p->options ^= 4;
        break;
    case 13:
        p->flags ^= 0x02;
        break;
    case 14:
        p->identification--;
        break;
    case 15:
        p->no_checksum = p->version == 4 && p->protocol == 17;
        break;
    case 16:
        p->flow_label++;
        break;
    default:
        break;
    }
}

static void random_batches(struct sequence *s)
{
    size_t packets = 0;
    size_t groups = 0;
    for (unsigned round = 0; round < 400; round++) {
        struct packet_spec flows[24];
        size_t flow_count = 1 + below(s, 24);
        begin();
        for (size_t i = 0; i < flow_count; i++) {
            flows[i] = flow_of(below(s, 2) ? 4 : 6, (const uint8_t[]){6, 6, 17, 1}[below(s, 4)]);
            flows[i].source_port = (uint16_t)i;
            flows[i].payload = 1 + below(s, 1300);
            flows[i].seq = draw(s);
        }
        while (count < BATCH) {
            struct packet_spec *flow = &flows[below(s, (uint32_t)flow_count)];
            struct packet_spec p = *flow;
            spoil(s, below(s, 2) ? flow : &p);
            make(&p);
            if (lengths[count - 1] > 20 && below(s, 40) == 0)
                last_packet()[20 + below(s, (uint32_t)lengths[count - 1] - 20)] ^= 1;
            struct wge_inner inner;
            if (!wge_inner_parse(last_packet(), lengths[count - 1], &inner)) {
                count--;
                continue;
            }
            wge_coalesce_add(&coalescer, &inner);
            advance(flow);
        }
        everything_comes_out_again();
        packets += count;
        groups += coalescer.group_count;
    }
    CHECK(groups < packets * 3 / 4); /* the test would be worth nothing if little were joined */
}

int main(void)
{
    struct sequence s = {0xc0ffee};
    long_runs_become_one();
    bounds_hold();
    each_rule_parts_packets();
    identifications_rise_or_stand();
    damage_is_not_blessed();
    cwr_leads_and_psh_ends();
    nothing_overtakes_within_a_flow();
    flows_do_not_disturb_each_other();
    kinds_can_be_switched_off();
    random_batches(&s);
    return 0;
}
