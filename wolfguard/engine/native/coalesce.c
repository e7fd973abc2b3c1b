/* SPDX-License-Identifier: GPL-3.0-or-later */
/* coalesce.c - see coalesce.h. The rules, each with its reason:
 * - the upper checksum (and that of IPv4) must be right: a super-packet's checksum is made anew, so joining a damaged
 *   packet would bless the damage;
 * - everything that cutting repeats must be equal: addresses, ports, TOS or traffic class with its ECN bits, flow
 *   label, TTL, DF, TCP options, acknowledgement, window, reserved bits and flags but FIN, PSH and CWR;
 * - IPv4 identifications go up by one, as cutting makes them, or stand still under DF, where they mean nothing
 *   (RFC 6864);
 * - CWR only on the first packet, FIN and PSH only on the last, and they end the group as a shorter packet does;
 * - SYN, RST, URG, empty and fragmented packets are never joined; they close their flow's group, so that order is kept.
 */
#include "coalesce.h"

#include <arpa/inet.h>
#include <string.h>

#include "checksum.h"
#include "unaligned.h"

#define END WGE_COALESCE_PACKETS
#define TCP_HEADER 20
#define UDP_HEADER 8
#define GROUP_BYTES_MAX 65535

enum {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_URG = 0x20,
    TCP_CWR = 0x80,
};

static const uint8_t no_vnet[WGE_VNET_HEADER];

void wge_coalesce_init(struct wge_coalescer *c, bool tcp, bool udp)
{
    memset(c, 0, sizeof *c);
    c->tcp = tcp;
    c->udp = udp;
}

void wge_coalesce_clear(struct wge_coalescer *c)
{
    c->packet_count = 0;
    c->group_count = 0;
    c->flow_count = 0;
}

/* Addresses lie side by side in both families; ports begin both upper headers. */
static uint32_t flow_hash(const struct wge_inner *inner)
{
    uint32_t hash = wge_load32(inner->packet + inner->header_length) ^ ((uint32_t)inner->protocol << 24);
    size_t bytes = inner->version == 4 ? 8 : 32;
    for (size_t at = 0; at < bytes; at += 4)
        hash = (hash ^ wge_load32(inner->source + at)) * 0x9e3779b1u;
    return hash ^ hash >> 15;
}

static bool same_flow(const struct wge_coalesce_group *g, const uint8_t *first, const struct wge_inner *inner)
{
    if (g->version != inner->version || first[inner->version == 4 ? 9 : 6] != inner->protocol)
        return false;
    size_t addresses = inner->version == 4 ? 12 : 8;
    size_t bytes = inner->version == 4 ? 8 : 32;
    return memcmp(first + addresses, inner->packet + addresses, bytes) == 0 &&
           wge_load32(first + g->ip_length) == wge_load32(inner->packet + inner->header_length);
}

/* Place in the list of flows that can grow, or flow_count. */
static size_t find_flow(const struct wge_coalescer *c, const struct wge_inner *inner, uint32_t hash)
{
    for (size_t i = 0; i < c->flow_count; i++) {
        if (c->flow_hashes[i] == hash) {
            const struct wge_coalesce_group *g = &c->groups[c->flow_groups[i]];
            if (same_flow(g, c->packets[g->first].data, inner))
                return i;
        }
    }
    return c->flow_count;
}

static void close_flow(struct wge_coalescer *c, size_t flow)
{
    c->flow_count--;
    c->flow_groups[flow] = c->flow_groups[c->flow_count];
    c->flow_hashes[flow] = c->flow_hashes[c->flow_count];
}

static uint16_t add_packet(struct wge_coalescer *c, const struct wge_inner *inner)
{
    struct wge_coalesce_packet *packet = &c->packets[c->packet_count];
    packet->data = inner->packet;
    packet->length = (uint32_t)inner->length;
    packet->next = END;
    return c->packet_count++;
}

static struct wge_coalesce_group *add_group(struct wge_coalescer *c, const struct wge_inner *inner)
{
    struct wge_coalesce_group *g = &c->groups[c->group_count++];
    memset(g, 0, sizeof *g);
    g->first = g->last = add_packet(c, inner);
    g->count = 1;
    return g;
}

/* Length of the upper header of a packet that may be joined with others, or 0. Does not look at payload. */
static size_t joinable(const struct wge_coalescer *c, const struct wge_inner *inner)
{
    const uint8_t *upper = inner->packet + inner->header_length;
    size_t room = inner->length - inner->header_length;
    if (inner->protocol == WGE_PROTOCOL_TCP) {
        size_t header = (size_t)(upper[12] >> 4) * 4;
        bool data = c->tcp && header >= TCP_HEADER && header < room;
        return data && (upper[13] & (TCP_SYN | TCP_RST | TCP_URG)) == 0 ? header : 0;
    }
    bool datagram = c->udp && room > UDP_HEADER && ntohs(wge_load16(upper + 4)) == room && wge_load16(upper + 6) != 0;
    return datagram ? UDP_HEADER : 0;
}

static bool checksums_right(const struct wge_inner *inner)
{
    if (inner->version == 4 && wge_sum_fold(wge_sum(inner->packet, inner->header_length, 0)) != 0xffff)
        return false;
    size_t length = inner->length - inner->header_length;
    uint64_t sum = wge_sum_pseudo(inner->version, inner->source, inner->destination, inner->protocol, length);
    return wge_sum_fold(wge_sum(inner->packet + inner->header_length, length, sum)) == 0xffff;
}

/* What cutting repeats from the IP header. */
static bool same_ip(const struct wge_coalesce_group *g, const uint8_t *first, const struct wge_inner *inner)
{
    const uint8_t *packet = inner->packet;
    if (g->version == 6)
        return wge_load32(first) == wge_load32(packet) && first[7] == packet[7];
    if (first[1] != packet[1] || first[8] != packet[8] || wge_load16(first + 6) != wge_load16(packet + 6))
        return false;
    uint16_t identification = ntohs(wge_load16(packet + 4));
    bool rises = identification == (uint16_t)(g->identification + 1);
    bool stands = identification == g->identification && (packet[6] & 0x40) != 0;
    return g->count == 1 ? rises || stands : (g->same_identification ? stands : rises);
}

static bool same_tcp(const struct wge_coalesce_group *g, const uint8_t *first, const uint8_t *upper)
{
    const uint8_t *head = first + g->ip_length;
    const uint8_t changing = TCP_FIN | TCP_PSH | TCP_CWR;
    return ntohl(wge_load32(upper + 4)) == g->sequence && wge_load32(head + 8) == wge_load32(upper + 8) &&
           head[12] == upper[12] && ((head[13] ^ upper[13]) & ~changing) == 0 && (upper[13] & TCP_CWR) == 0 &&
           wge_load16(head + 14) == wge_load16(upper + 14) && wge_load16(head + 18) == wge_load16(upper + 18) &&
           memcmp(head + TCP_HEADER, upper + TCP_HEADER, g->upper_length - TCP_HEADER) == 0;
}

static bool fits(const struct wge_coalesce_group *g, const uint8_t *first, const struct wge_inner *inner,
                 size_t upper_bytes)
{
    size_t payload = inner->length - inner->header_length - upper_bytes;
    size_t total = (size_t)g->ip_length + g->upper_length + g->payload + payload;
    if (g->count == WGE_COALESCE_SEGMENTS || total > GROUP_BYTES_MAX || payload > g->segment ||
        upper_bytes != g->upper_length) {
        return false;
    }
    return same_ip(g, first, inner) &&
           (g->protocol != WGE_PROTOCOL_TCP || same_tcp(g, first, inner->packet + g->ip_length));
}

/* True if nothing may follow this packet in its group. */
static bool is_last(const struct wge_coalesce_group *g, const struct wge_inner *inner, size_t payload)
{
    bool tcp_end = g->protocol == WGE_PROTOCOL_TCP && (inner->packet[g->ip_length + 13] & (TCP_FIN | TCP_PSH)) != 0;
    return tcp_end || payload < g->segment;
}

static void join(struct wge_coalescer *c, struct wge_coalesce_group *g, const struct wge_inner *inner, size_t payload)
{
    uint16_t place = add_packet(c, inner);
    c->packets[g->last].next = place;
    g->last = place;
    g->payload += (uint32_t)payload;
    g->sequence += (uint32_t)payload;
    if (g->version == 4) {
        uint16_t identification = ntohs(wge_load16(inner->packet + 4));
        g->same_identification = identification == g->identification;
        g->identification = identification;
    }
    if (g->protocol == WGE_PROTOCOL_TCP)
        g->ending_flags = inner->packet[g->ip_length + 13] & (TCP_FIN | TCP_PSH);
    g->count++;
}

static void begin_group(struct wge_coalescer *c, const struct wge_inner *inner, size_t upper_bytes, uint32_t hash)
{
    const uint8_t *upper = inner->packet + inner->header_length;
    size_t payload = inner->length - inner->header_length - upper_bytes;
    struct wge_coalesce_group *g = add_group(c, inner);
    g->protocol = inner->protocol;
    g->version = inner->version;
    g->ip_length = (uint8_t)inner->header_length;
    g->upper_length = (uint8_t)upper_bytes;
    g->segment = (uint16_t)payload;
    g->payload = (uint32_t)payload;
    if (inner->version == 4)
        g->identification = ntohs(wge_load16(inner->packet + 4));
    if (inner->protocol == WGE_PROTOCOL_TCP) {
        g->sequence = ntohl(wge_load32(upper + 4)) + (uint32_t)payload;
        if ((upper[13] & (TCP_FIN | TCP_PSH)) != 0)
            return; /* complete as it is */
    }
    if (c->flow_count == WGE_COALESCE_FLOWS)
        close_flow(c, 0);
    c->flow_groups[c->flow_count] = (uint16_t)(c->group_count - 1);
    c->flow_hashes[c->flow_count] = hash;
    c->flow_count++;
}

void wge_coalesce_add(struct wge_coalescer *c, const struct wge_inner *inner)
{
    if (inner->protocol != WGE_PROTOCOL_TCP && inner->protocol != WGE_PROTOCOL_UDP) {
        add_group(c, inner);
        return;
    }
    size_t least = inner->protocol == WGE_PROTOCOL_TCP ? TCP_HEADER : UDP_HEADER;
    if (!inner->plain || inner->fragment || inner->length - inner->header_length < least) {
        c->flow_count = 0; /* its flow cannot be told cheaply: let nothing overtake it */
        add_group(c, inner);
        return;
    }
    uint32_t hash = flow_hash(inner);
    size_t flow = find_flow(c, inner, hash);
    size_t upper_bytes = joinable(c, inner);
    if (upper_bytes != 0 && !checksums_right(inner))
        upper_bytes = 0;
    if (flow < c->flow_count) {
        struct wge_coalesce_group *g = &c->groups[c->flow_groups[flow]];
        if (upper_bytes != 0 && fits(g, c->packets[g->first].data, inner, upper_bytes)) {
            size_t payload = inner->length - inner->header_length - upper_bytes;
            join(c, g, inner, payload);
            if (is_last(g, inner, payload))
                close_flow(c, flow);
            return;
        }
        close_flow(c, flow);
    }
    if (upper_bytes != 0)
        begin_group(c, inner, upper_bytes, hash);
    else
        add_group(c, inner);
}

/* The super-packet's headers: the first packet's, with the lengths of all and the partial checksum (pseudo header
 * only). */
static size_t build_head(struct wge_coalescer *c, const struct wge_coalesce_group *g)
{
    const struct wge_coalesce_packet *first = &c->packets[g->first];
    size_t head = (size_t)g->ip_length + g->upper_length;
    uint8_t *ip = c->head + WGE_VNET_HEADER;
    uint8_t *upper = ip + g->ip_length;
    uint16_t total = htons((uint16_t)(head + g->payload));
    size_t upper_bytes = g->upper_length + g->payload;
    bool tcp = g->protocol == WGE_PROTOCOL_TCP;
    memcpy(ip, first->data, head);
    struct wge_vnet vnet = {
        .flags = WGE_VNET_NEEDS_CHECKSUM,
        .gso_type = !tcp              ? WGE_VNET_GSO_UDP
                    : g->version == 4 ? WGE_VNET_GSO_TCP4
                                      : WGE_VNET_GSO_TCP6,
        .header_length = (uint16_t)head,
        .gso_size = g->segment,
        .checksum_start = g->ip_length,
        .checksum_offset = tcp ? 16 : 6,
    };
    const uint8_t *source = ip + (g->version == 4 ? 12 : 8);
    const uint8_t *destination = ip + (g->version == 4 ? 16 : 24);
    if (g->version == 4) {
        wge_store16(ip + 10, wge_checksum_replaced(wge_load16(ip + 10), wge_load16(ip + 2), total));
        wge_store16(ip + 2, total);
    } else {
        wge_store16(ip + 4, htons((uint16_t)upper_bytes));
    }
    if (tcp) {
        upper[13] |= g->ending_flags;
        if ((upper[13] & TCP_CWR) != 0)
            vnet.gso_type |= WGE_VNET_GSO_ECN;
    } else {
        wge_store16(upper + 4, htons((uint16_t)upper_bytes));
    }
    uint64_t pseudo = wge_sum_pseudo(g->version, source, destination, g->protocol, upper_bytes);
    wge_store16(upper + vnet.checksum_offset, wge_sum_fold(pseudo));
    memcpy(c->head, &vnet, sizeof vnet);
    return WGE_VNET_HEADER + head;
}

size_t wge_coalesce_gather(struct wge_coalescer *c, size_t group, struct iovec parts[WGE_COALESCE_IOVECS])
{
    const struct wge_coalesce_group *g = &c->groups[group];
    if (g->count == 1) {
        /* iovec has no const; nothing writes through it. */
        parts[0] = (struct iovec){.iov_base = (void *)(uintptr_t)no_vnet, .iov_len = sizeof no_vnet};
        parts[1] = (struct iovec){.iov_base = (void *)(uintptr_t)c->packets[g->first].data,
                                  .iov_len = c->packets[g->first].length};
        return 2;
    }
    size_t count = 0;
    size_t skip = (size_t)g->ip_length + g->upper_length;
    parts[count++] = (struct iovec){.iov_base = c->head, .iov_len = build_head(c, g)};
    for (uint16_t place = g->first; place != END; place = c->packets[place].next) {
        const struct wge_coalesce_packet *packet = &c->packets[place];
        parts[count++] =
            (struct iovec){.iov_base = (void *)(uintptr_t)(packet->data + skip), .iov_len = packet->length - skip};
    }
    return count;
}
