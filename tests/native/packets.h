/* SPDX-License-Identifier: GPL-3.0-or-later */
/* packets.h - inner packets for tests, made and checked byte by byte, as slowly and plainly as the RFCs describe them,
 * and a random sequence that is the same in every run. */
#ifndef PACKETS_H
#define PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sequence {
    uint64_t state;
};

static inline uint32_t draw(struct sequence *s)
{
    s->state ^= s->state << 13;
    s->state ^= s->state >> 7;
    s->state ^= s->state << 17;
    return (uint32_t)(s->state >> 16);
}

static inline uint32_t below(struct sequence *s, uint32_t bound)
{
    return draw(s) % bound;
}

static inline void draw_bytes(struct sequence *s, uint8_t *out, size_t length)
{
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)draw(s);
}

struct packet_spec {
    uint8_t version, protocol; /* 6: TCP, 17: UDP, else the payload alone */
    uint8_t client;            /* last byte of the source address */
    uint8_t tos, ttl, flags;
    bool dont_fragment;
    uint16_t identification, source_port, destination_port, window, urgent;
    uint32_t flow_label, seq, ack;
    uint8_t options; /* bytes of TCP options, a multiple of 4 */
    uint8_t option_value;
    size_t payload;
    uint8_t payload_value;
    bool no_checksum; /* UDP over IPv4 */
};

static inline void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static inline unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static inline uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static inline uint32_t slow_sum(const uint8_t *data, size_t length, uint32_t sum)
{
    for (size_t i = 0; i < length; i++) {
        sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* The sum of pseudo header, upper header and payload; 0xffff when the checksum in it is right. */
static inline uint32_t slow_upper_sum(const uint8_t *packet, size_t length, size_t ip_length, uint8_t protocol)
{
    uint8_t pseudo[40] = {0};
    bool v4 = packet[0] >> 4 == 4;
    size_t addresses = v4 ? 8 : 32;
    memcpy(pseudo, packet + (v4 ? 12 : 8), addresses);
    put16(pseudo + addresses + 2, (unsigned)(length - ip_length));
    pseudo[addresses + 5] = protocol;
    return slow_sum(packet + ip_length, length - ip_length, slow_sum(pseudo, addresses + 6, 0));
}

static inline size_t build_upper(uint8_t *upper, const struct packet_spec *p)
{
    size_t head = p->protocol == 6 ? 20u + p->options : p->protocol == 17 ? 8 : 0;
    memset(upper, 0, head);
    if (head > 0) {
        put16(upper, p->source_port);
        put16(upper + 2, p->destination_port);
    }
    if (p->protocol == 6) {
        put32(upper + 4, p->seq);
        put32(upper + 8, p->ack);
        upper[12] = (uint8_t)(head / 4 << 4);
        upper[13] = p->flags;
        put16(upper + 14, p->window);
        put16(upper + 18, p->urgent);
        memset(upper + 20, p->option_value, p->options);
    } else if (p->protocol == 17) {
        put16(upper + 4, (unsigned)(head + p->payload));
    }
    for (size_t i = 0; i < p->payload; i++)
        upper[head + i] = (uint8_t)(p->payload_value + i * 7);
    return head + p->payload;
}

/* Returns the packet's length. Addresses: 10.0.0.<client> or fd00::<client> to 192.0.2.1 or 2001:db8::1. */
static inline size_t build_packet(uint8_t *out, const struct packet_spec *p)
{
    size_t ip = p->version == 4 ? 20 : 40;
    memset(out, 0, ip);
    size_t length = ip + build_upper(out + ip, p);
    if (p->version == 4) {
        out[0] = 0x45;
        out[1] = p->tos;
        put16(out + 2, (unsigned)length);
        put16(out + 4, p->identification);
        out[6] = p->dont_fragment ? 0x40 : 0;
        out[8] = p->ttl;
        out[9] = p->protocol;
        put32(out + 12, 0x0a000000u | p->client);
        put32(out + 16, 0xc0000201u);
        put16(out + 10, ~slow_sum(out, 20, 0) & 0xffff);
    } else {
        put32(out, 6u << 28 | (uint32_t)p->tos << 20 | (p->flow_label & 0xfffff));
        put16(out + 4, (unsigned)(length - 40));
        out[6] = p->protocol;
        out[7] = p->ttl;
        out[8] = 0xfd;
        out[23] = p->client;
        put32(out + 24, 0x20010db8u);
        out[39] = 1;
    }
    size_t field = p->protocol == 6 ? 16 : 6;
    if (p->protocol == 6 || (p->protocol == 17 && !p->no_checksum)) {
        unsigned checksum = ~slow_upper_sum(out, length, ip, p->protocol) & 0xffff;
        put16(out + ip + field, checksum == 0 && p->protocol == 17 ? 0xffff : checksum);
    }
    return length;
}

#endif
