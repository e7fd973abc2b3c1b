/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inner.h"

#include "check.h"
#include "packets.h"

static struct packet_spec tcp(uint8_t version)
{
    return (struct packet_spec){.version = version, .protocol = 6, .client = 7, .ttl = 64, .payload = 100};
}

static void honest_packets_pass(void)
{
    uint8_t packet[2000];
    for (uint8_t version = 4; version <= 6; version += 2) {
        struct packet_spec spec = tcp(version);
        struct wge_inner inner;
        size_t length = build_packet(packet, &spec);
        CHECK(wge_inner_parse(packet, length, &inner));
        CHECK(inner.version == version && inner.protocol == 6 && inner.plain && !inner.fragment);
        CHECK(inner.header_length == (version == 4 ? 20 : 40) && inner.length == length);
        CHECK(inner.source == packet + (version == 4 ? 12 : 8) &&
              inner.destination == packet + (version == 4 ? 16 : 24));
        for (size_t cut = 0; cut < length; cut++)
            CHECK(!wge_inner_parse(packet, cut, &inner));
        packet[length] = 0;
        CHECK(!wge_inner_parse(packet, length + 1, &inner));
        for (unsigned other = 0; other < 16; other++) {
            packet[0] = (uint8_t)((packet[0] & 15) | other << 4);
            CHECK(wge_inner_parse(packet, length, &inner) == (other == version));
        }
    }
}

static void ipv4_headers_are_checked(void)
{
    uint8_t packet[2000];
    struct wge_inner inner;
    struct packet_spec spec = tcp(4);
    size_t length = build_packet(packet, &spec);
    for (unsigned words = 0; words < 5; words++) {
        packet[0] = (uint8_t)(0x40 | words);
        CHECK(!wge_inner_parse(packet, length, &inner));
    }
    packet[0] = 0x46;
    memset(packet + 20, 1, 4); /* no-operations */
    CHECK(wge_inner_parse(packet, length, &inner) && inner.header_length == 24 && !inner.plain);
    packet[20] = 131;
    packet[21] = 4;
    CHECK(!wge_inner_parse(packet, length, &inner)); /* loose source route */
    packet[20] = 137;
    CHECK(!wge_inner_parse(packet, length, &inner)); /* strict source route */
    packet[20] = 7;
    CHECK(wge_inner_parse(packet, length, &inner));
    packet[21] = 5;
    CHECK(!wge_inner_parse(packet, length, &inner)); /* longer than the header */
    packet[21] = 1;
    CHECK(!wge_inner_parse(packet, length, &inner)); /* shorter than itself */
    packet[20] = packet[21] = packet[22] = 1;
    packet[23] = 7;
    CHECK(!wge_inner_parse(packet, length, &inner)); /* no room for a length */
    packet[20] = 0;
    CHECK(wge_inner_parse(packet, length, &inner)); /* end of options: the rest is padding */
    uint8_t small[24] = {0x46, 0, 0, 20};
    CHECK(!wge_inner_parse(small, 20, &inner)); /* header longer than the packet */
}

static void ipv4_fragments_are_checked(void)
{
    uint8_t packet[2000];
    struct wge_inner inner;
    struct packet_spec spec = tcp(4);
    spec.payload = 108; /* with the TCP header a multiple of 8 */
    size_t length = build_packet(packet, &spec);
    put16(packet + 6, 0x2000);
    CHECK(wge_inner_parse(packet, length, &inner) && inner.fragment);
    put16(packet + 6, 10);
    CHECK(wge_inner_parse(packet, length, &inner) && inner.fragment);
    put16(packet + 6, 0x1fff);
    CHECK(!wge_inner_parse(packet, length, &inner)); /* past 65535 */
    put16(packet + 6, 0x8000);
    CHECK(!wge_inner_parse(packet, length, &inner)); /* reserved bit */
    spec.payload = 109;
    length = build_packet(packet, &spec);
    put16(packet + 6, 0x2000);
    CHECK(!wge_inner_parse(packet, length, &inner)); /* leaves a gap */
}

/* An IPv6 packet with a chain of extension headers; returns its length. */
static size_t chain(uint8_t *out, const uint8_t *types, const uint8_t *lengths, size_t count, uint8_t last)
{
    size_t at = 40;
    memset(out, 0, 40);
    out[0] = 0x60;
    out[6] = count > 0 ? types[0] : last;
    for (size_t i = 0; i < count; i++) {
        memset(out + at, 0, 8u * (lengths[i] + 1u));
        out[at] = i + 1 < count ? types[i + 1] : last;
        out[at + 1] = lengths[i];
        at += 8u * (lengths[i] + 1u);
    }
    memset(out + at, 0, 20);
    put16(out + 4, (unsigned)(at + 20 - 40));
    return at + 20;
}

static void ipv6_chains_are_bounded(void)
{
    uint8_t packet[4000];
    struct wge_inner inner;
    const uint8_t zeros[16] = {0};
    uint8_t many[16];
    memset(many, 60, sizeof many);
    for (size_t count = 0; count <= 10; count++) {
        size_t length = chain(packet, many, zeros, count, 6);
        CHECK(wge_inner_parse(packet, length, &inner) == (count <= WGE_INNER_EXTENSIONS_MAX));
        if (count <= WGE_INNER_EXTENSIONS_MAX)
            CHECK(inner.protocol == 6 && inner.header_length == 40 + 8 * count && inner.plain == (count == 0));
    }
    const uint8_t large[] = {63, 0};
    CHECK(wge_inner_parse(packet, chain(packet, many, large, 1, 17), &inner) && inner.header_length == 40 + 512);
    CHECK(!wge_inner_parse(packet, chain(packet, many, large, 2, 17), &inner));
    size_t length = chain(packet, many, zeros, 1, 17);
    packet[41] = 4; /* claims more than is there */
    CHECK(!wge_inner_parse(packet, length, &inner));
    const uint8_t hop_first[] = {0, 60};
    const uint8_t hop_later[] = {60, 0};
    CHECK(wge_inner_parse(packet, chain(packet, hop_first, zeros, 2, 17), &inner));
    CHECK(!wge_inner_parse(packet, chain(packet, hop_later, zeros, 2, 17), &inner));
    const uint8_t routing[] = {43};
    length = chain(packet, routing, zeros, 1, 17);
    CHECK(!wge_inner_parse(packet, length, &inner)); /* type 0 */
    packet[42] = 4;
    CHECK(wge_inner_parse(packet, length, &inner));
    const uint8_t authentication[] = {51};
    length = chain(packet, authentication, (const uint8_t[]){2}, 1, 17); /* in units of 4: 16 bytes */
    CHECK(wge_inner_parse(packet, length, &inner) && inner.header_length == 56);
}

static void ipv6_fragments_are_checked(void)
{
    uint8_t packet[4000];
    struct wge_inner inner;
    const uint8_t fragment[] = {44, 44};
    const uint8_t zeros[2] = {0};
    size_t length = chain(packet, fragment, zeros, 1, 17);
    CHECK(wge_inner_parse(packet, length, &inner) && inner.fragment && inner.protocol == 17);
    put16(packet + 42, 8);
    CHECK(wge_inner_parse(packet, length, &inner) && inner.fragment && inner.header_length == 48);
    put16(packet + 42, 1);
    CHECK(!wge_inner_parse(packet, length, &inner)); /* 20 bytes and more to come */
    put16(packet + 42, 0xfff8);
    CHECK(!wge_inner_parse(packet, length, &inner)); /* past 65535 */
    /* a fragment of a fragment */
    CHECK(!wge_inner_parse(packet, chain(packet, fragment, zeros, 2, 17), &inner));
    length = chain(packet, fragment, zeros, 1, 60);
    put16(packet + 42, 8);
    packet[48] = 99;
    packet[49] = 200; /* the middle of something: no header there */
    CHECK(wge_inner_parse(packet, length, &inner) && inner.protocol == 60 && inner.header_length == 48);
}

static bool allowed(const struct wge_tunnel_params *tunnel, uint8_t version, const uint8_t *source)
{
    struct wge_inner inner = {.version = version, .source = source};
    return wge_inner_source_allowed(&inner, tunnel);
}

static void only_own_sources_pass(void)
{
    struct wge_tunnel_params t = {.has_ipv4 = true, .ipv4 = {10, 0, 0, 7}};
    const uint8_t v6_lease[16] = {0xfd, [15] = 7};
    CHECK(allowed(&t, 4, (const uint8_t[]){10, 0, 0, 7}));
    CHECK(!allowed(&t, 4, (const uint8_t[]){10, 0, 0, 8}));
    CHECK(!allowed(&t, 6, v6_lease));
    t.has_ipv6 = true;
    memcpy(t.ipv6, v6_lease, 16);
    CHECK(allowed(&t, 6, v6_lease));
    CHECK(!allowed(&t, 6, (const uint8_t[16]){0xfe, 0x80, [15] = 7}));
    t.networks[0] = (struct wge_network){.address = {172, 16, 16}, .prefix = 20, .family = 4};
    t.networks[1] = (struct wge_network){.address = {0}, .prefix = 0, .family = 6};
    t.network_count = 1;
    CHECK(allowed(&t, 4, (const uint8_t[]){172, 16, 31, 255}));
    CHECK(!allowed(&t, 4, (const uint8_t[]){172, 16, 32, 0}));
    CHECK(!allowed(&t, 6, (const uint8_t[16]){172, 16, 17}));
    t.network_count = 2;
    CHECK(allowed(&t, 6, (const uint8_t[16]){0x20, 1, 0xd, 0xb8}));
    CHECK(!allowed(&t, 6, (const uint8_t[16]){0}));
    CHECK(!allowed(&t, 6, (const uint8_t[16]){[15] = 1}));
    CHECK(!allowed(&t, 6, (const uint8_t[16]){0xfe, 0xbf, 1}));
    CHECK(!allowed(&t, 6, (const uint8_t[16]){0xff, 2, [15] = 1}));
    t.networks[0] = (struct wge_network){.prefix = 0, .family = 4};
    CHECK(allowed(&t, 4, (const uint8_t[]){8, 8, 8, 8}));
    CHECK(!allowed(&t, 4, (const uint8_t[]){0, 0, 0, 0}));
    CHECK(!allowed(&t, 4, (const uint8_t[]){127, 0, 0, 1}));
    CHECK(!allowed(&t, 4, (const uint8_t[]){224, 0, 0, 1}));
    CHECK(!allowed(&t, 4, (const uint8_t[]){255, 255, 255, 255}));
}

static void noise_never_reads_past_the_end(struct sequence *s)
{
    for (unsigned round = 0; round < 50000; round++) {
        size_t length = below(s, 120);
        uint8_t *packet = malloc(length + 1); /* so that a sanitizer sees every byte too far */
        struct wge_inner inner;
        draw_bytes(s, packet, length);
        if (length > 6 && below(s, 2) == 0) {
            packet[0] = below(s, 2) == 0 ? (uint8_t)(0x40 | below(s, 16)) : 0x60;
            put16(packet + (packet[0] >> 4 == 4 ? 2 : 4), (unsigned)(packet[0] >> 4 == 4 ? length : length - 40));
            if (packet[0] == 0x60)
                packet[6] = (const uint8_t[]){0, 43, 44, 51, 60, 135}[below(s, 6)];
        }
        if (wge_inner_parse(packet, length, &inner))
            CHECK(inner.header_length <= length && inner.length == length);
        free(packet);
    }
}

int main(void)
{
    struct sequence s = {0xabcdef};
    honest_packets_pass();
    ipv4_headers_are_checked();
    ipv4_fragments_are_checked();
    ipv6_chains_are_bounded();
    ipv6_fragments_are_checked();
    only_own_sources_pass();
    noise_never_reads_past_the_end(&s);
    return 0;
}
