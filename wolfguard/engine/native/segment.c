/* SPDX-License-Identifier: GPL-3.0-or-later */
/* segment.c - see segment.h. The device's length hint (header_length of the vnet header) is not trusted: lengths come
 * from the packet's own headers, and the vnet header must agree with them. */
#include "segment.h"

#include <arpa/inet.h>
#include <string.h>

#include "checksum.h"
#include "unaligned.h"

#define TCP_HEADER 20
#define TCP_CHECKSUM 16
#define UDP_HEADER 8
#define UDP_CHECKSUM 6

#define TCP_FIN_PSH 0x09
#define TCP_CWR 0x80
#define TCP_SYN_RST_URG 0x26

/* Length of the upper header if the vnet header describes this packet rightly, else 0. */
static size_t upper_length(const struct wge_inner *inner, const struct wge_vnet *vnet)
{
    const uint8_t *upper = inner->packet + inner->header_length;
    size_t room = inner->length - inner->header_length;
    uint8_t type = vnet->gso_type & (uint8_t)~WGE_VNET_GSO_ECN;
    bool tcp = (type == WGE_VNET_GSO_TCP4 && inner->version == 4) || (type == WGE_VNET_GSO_TCP6 && inner->version == 6);
    if (tcp && inner->protocol == WGE_PROTOCOL_TCP && room >= TCP_HEADER) {
        size_t header = (size_t)(upper[12] >> 4) * 4;
        bool cuttable = (upper[13] & TCP_SYN_RST_URG) == 0;
        return header >= TCP_HEADER && header <= room && cuttable && vnet->checksum_offset == TCP_CHECKSUM ? header : 0;
    }
    if (vnet->gso_type == WGE_VNET_GSO_UDP && inner->protocol == WGE_PROTOCOL_UDP && room >= UDP_HEADER)
        return vnet->checksum_offset == UDP_CHECKSUM ? UDP_HEADER : 0;
    return 0;
}

/* What is the same in all segments is summed once: fields that change count as zero here. */
static void prepare_sums(struct wge_segmenter *s)
{
    uint8_t head[WGE_SEGMENT_HEAD_MAX];
    memcpy(head, s->head, s->head_length);
    if (s->inner.version == 4) {
        wge_store16(head + 2, 0);
        wge_store16(head + 4, 0);
        wge_store16(head + 10, 0);
        s->ip_sum = wge_sum(head, s->inner.header_length, 0);
    }
    uint8_t *upper = head + s->inner.header_length;
    if (s->upper == WGE_PROTOCOL_TCP) {
        memset(upper + 4, 0, 4);
        upper[13] = 0;
        wge_store16(upper + TCP_CHECKSUM, 0);
    } else {
        wge_store16(upper + 4, 0);
        wge_store16(upper + UDP_CHECKSUM, 0);
    }
    const uint8_t *source = head + (s->inner.source - s->packet);
    const uint8_t *destination = head + (s->inner.destination - s->packet);
    s->upper_sum = wge_sum_pseudo(s->inner.version, source, destination, s->upper, 0);
    s->upper_sum = wge_sum(upper, s->head_length - s->inner.header_length, s->upper_sum);
}

static bool begin_cutting(struct wge_segmenter *s, const struct wge_vnet *vnet)
{
    size_t upper = upper_length(&s->inner, vnet);
    size_t head = s->inner.header_length + upper;
    bool described = (vnet->flags & WGE_VNET_NEEDS_CHECKSUM) != 0 && vnet->checksum_start == s->inner.header_length;
    if (upper == 0 || s->inner.fragment || !described || vnet->gso_size == 0 || head > WGE_SEGMENT_HEAD_MAX ||
        head >= s->inner.length) {
        return false;
    }
    s->upper = s->inner.protocol;
    s->gso_size = vnet->gso_size;
    s->head_length = (uint16_t)head;
    s->payload_at = head;
    s->largest = s->inner.length - head > s->gso_size ? head + s->gso_size : s->inner.length;
    memcpy(s->head, s->packet, head);
    /* The addresses in the packet are overwritten by the segments' own headers; those of the copy stay. */
    prepare_sums(s);
    s->inner.source = s->head + (s->inner.source - s->packet);
    s->inner.destination = s->head + (s->inner.destination - s->packet);
    return true;
}

bool wge_segment_begin(struct wge_segmenter *s, uint8_t *buffer, size_t length)
{
    struct wge_vnet vnet;
    if (length < WGE_VNET_HEADER)
        return false;
    memcpy(&vnet, buffer, sizeof vnet);
    s->packet = buffer + WGE_VNET_HEADER;
    s->done = false;
    s->index = 0;
    s->gso_size = 0;
    s->head_length = 0;
    if (!wge_inner_parse(s->packet, length - WGE_VNET_HEADER, &s->inner))
        return false;
    s->largest = s->inner.length;
    if (vnet.gso_type != WGE_VNET_GSO_NONE)
        return begin_cutting(s, &vnet);
    if ((vnet.flags & WGE_VNET_NEEDS_CHECKSUM) != 0) {
        if (vnet.checksum_start < s->inner.header_length)
            return false;
        return wge_checksum_finish(s->packet, s->inner.length, vnet.checksum_start, vnet.checksum_offset);
    }
    return true;
}

static void finish_ip(struct wge_segmenter *s, uint8_t *packet, size_t length)
{
    if (s->inner.version == 6) {
        wge_store16(packet + 4, htons((uint16_t)(length - 40)));
        return;
    }
    uint16_t identification = htons((uint16_t)(ntohs(wge_load16(s->head + 4)) + s->index));
    uint16_t total = htons((uint16_t)length);
    wge_store16(packet + 2, total);
    wge_store16(packet + 4, identification);
    wge_store16(packet + 10, (uint16_t)~wge_sum_fold(s->ip_sum + total + identification));
}

static void finish_tcp(struct wge_segmenter *s, uint8_t *upper, size_t length, uint64_t payload_sum, bool last)
{
    uint32_t sequence =
        htonl(ntohl(wge_load32(s->head + s->inner.header_length + 4)) + (uint32_t)(s->index * s->gso_size));
    uint8_t flags = s->head[s->inner.header_length + 13];
    if (s->index > 0)
        flags &= (uint8_t)~TCP_CWR;
    if (!last)
        flags &= (uint8_t)~TCP_FIN_PSH;
    memcpy(upper + 4, &sequence, sizeof sequence);
    upper[13] = flags;
    uint64_t sum = s->upper_sum + payload_sum + sequence + htons(flags) + htonl((uint32_t)length);
    wge_store16(upper + TCP_CHECKSUM, (uint16_t)~wge_sum_fold(sum));
}

static void finish_udp(struct wge_segmenter *s, uint8_t *upper, size_t length, uint64_t payload_sum)
{
    uint16_t datagram = htons((uint16_t)length);
    wge_store16(upper + 4, datagram);
    uint16_t checksum = (uint16_t)~wge_sum_fold(s->upper_sum + payload_sum + datagram + htonl((uint32_t)length));
    wge_store16(upper + UDP_CHECKSUM, checksum == 0 ? 0xffff : checksum);
}

static bool next_segment(struct wge_segmenter *s, uint8_t **packet, size_t *length)
{
    size_t left = s->inner.length - s->payload_at;
    if (left == 0)
        return false;
    bool last = left <= s->gso_size;
    size_t payload = last ? left : s->gso_size;
    uint8_t *segment = s->packet + s->payload_at - s->head_length;
    memcpy(segment, s->head, s->head_length);
    size_t total = s->head_length + payload;
    size_t upper_bytes = total - s->inner.header_length;
    uint8_t *upper = segment + s->inner.header_length;
    /* Headers have an even length, so the payload's sum can stand alone. */
    uint64_t payload_sum = wge_sum(s->packet + s->payload_at, payload, 0);
    finish_ip(s, segment, total);
    if (s->upper == WGE_PROTOCOL_TCP)
        finish_tcp(s, upper, upper_bytes, payload_sum, last);
    else
        finish_udp(s, upper, upper_bytes, payload_sum);
    s->payload_at += payload;
    s->index++;
    *packet = segment;
    *length = total;
    return true;
}

bool wge_segment_next(struct wge_segmenter *s, uint8_t **packet, size_t *length)
{
    if (s->gso_size != 0)
        return next_segment(s, packet, length);
    if (s->done)
        return false;
    s->done = true;
    *packet = s->packet;
    *length = s->inner.length;
    return true;
}
