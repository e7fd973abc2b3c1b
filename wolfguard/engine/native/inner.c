/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inner.c - see inner.h. Whatever a packet claims about its own sizes is compared with what is really there. */
#include "inner.h"

#include <string.h>

#define IPV4_HEADER 20
#define IPV6_HEADER 40

enum {
    IPV4_END_OF_OPTIONS = 0,
    IPV4_NO_OPERATION = 1,
    IPV4_LOOSE_ROUTE = 131,
    IPV4_STRICT_ROUTE = 137,
};

enum {
    IPV6_HOP_BY_HOP = 0,
    IPV6_ROUTING = 43,
    IPV6_FRAGMENT = 44,
    IPV6_AUTHENTICATION = 51,
    IPV6_DESTINATION = 60,
    IPV6_MOBILITY = 135,
    IPV6_HIP = 139,
    IPV6_SHIM6 = 140,
};

static unsigned load16(const uint8_t *data)
{
    return (unsigned)data[0] << 8 | data[1];
}

/* A fragment that would end past the largest datagram, or that leaves a gap of less than eight bytes, is an attack. */
static bool fragment_sane(size_t offset, size_t payload, bool more)
{
    return offset + payload <= 65535 && (!more || (payload % 8 == 0 && payload > 0));
}

/* Options must be well formed and may not steer the packet (RFC 7126). */
static bool ipv4_options_sane(const uint8_t *options, size_t length)
{
    size_t at = 0;
    while (at < length && options[at] != IPV4_END_OF_OPTIONS) {
        if (options[at] == IPV4_NO_OPERATION) {
            at++;
            continue;
        }
        if (options[at] == IPV4_LOOSE_ROUTE || options[at] == IPV4_STRICT_ROUTE)
            return false;
        if (length - at < 2 || options[at + 1] < 2 || options[at + 1] > length - at)
            return false;
        at += options[at + 1];
    }
    return true;
}

static bool parse_ipv4(const uint8_t *packet, size_t length, struct wge_inner *out)
{
    if (length < IPV4_HEADER)
        return false;
    size_t header = (size_t)(packet[0] & 0x0f) * 4;
    if (header < IPV4_HEADER || header > length || load16(packet + 2) != length)
        return false;
    unsigned fragment = load16(packet + 6);
    if ((fragment & 0x8000) != 0)
        return false; /* reserved, must be zero */
    bool more = (fragment & 0x2000) != 0;
    size_t offset = (size_t)(fragment & 0x1fff) * 8;
    if ((more || offset != 0) && !fragment_sane(offset, length - header, more))
        return false;
    if (header > IPV4_HEADER && !ipv4_options_sane(packet + IPV4_HEADER, header - IPV4_HEADER))
        return false;
    out->source = packet + 12;
    out->destination = packet + 16;
    out->header_length = (uint16_t)header;
    out->protocol = packet[9];
    out->fragment = more || offset != 0;
    out->plain = header == IPV4_HEADER;
    return true;
}

/* Length of the extension header `next` at `header` with `room` bytes left; 0: it does not fit. */
static size_t extension_length(uint8_t next, const uint8_t *header, size_t room)
{
    if (room < 8)
        return 0;
    size_t length = next == IPV6_FRAGMENT         ? 8
                    : next == IPV6_AUTHENTICATION ? ((size_t)header[1] + 2) * 4
                                                  : ((size_t)header[1] + 1) * 8;
    return length <= room ? length : 0;
}

static bool is_extension(uint8_t next)
{
    return next == IPV6_HOP_BY_HOP || next == IPV6_ROUTING || next == IPV6_FRAGMENT || next == IPV6_AUTHENTICATION ||
           next == IPV6_DESTINATION || next == IPV6_MOBILITY || next == IPV6_HIP || next == IPV6_SHIM6;
}

/* Walks the chain behind the fixed header and sets what the packet carries in the end. */
static bool parse_extensions(const uint8_t *packet, size_t length, struct wge_inner *out)
{
    uint8_t next = packet[6];
    size_t at = IPV6_HEADER;
    bool last_fragment = false;
    for (unsigned count = 0; is_extension(next) && !last_fragment; count++) {
        const uint8_t *header = packet + at;
        size_t bytes = extension_length(next, header, length - at);
        if (bytes == 0 || count == WGE_INNER_EXTENSIONS_MAX || at + bytes - IPV6_HEADER > WGE_INNER_EXTENSION_BYTES)
            return false;
        if (next == IPV6_HOP_BY_HOP && count != 0)
            return false; /* first or not at all (RFC 8200 section 4.1) */
        if (next == IPV6_ROUTING && header[2] == 0)
            return false;
        if (next == IPV6_FRAGMENT) {
            unsigned word = load16(header + 2);
            size_t offset = word & 0xfff8;
            if (out->fragment || !fragment_sane(offset, length - at - bytes, (word & 1) != 0))
                return false;
            out->fragment = true;
            last_fragment = offset != 0; /* what follows is the middle of something */
        }
        next = header[0];
        at += bytes;
    }
    out->protocol = next;
    out->header_length = (uint16_t)at;
    out->plain = at == IPV6_HEADER;
    return true;
}

static bool parse_ipv6(const uint8_t *packet, size_t length, struct wge_inner *out)
{
    if (length < IPV6_HEADER || load16(packet + 4) != length - IPV6_HEADER)
        return false;
    out->source = packet + 8;
    out->destination = packet + 24;
    out->fragment = false;
    return parse_extensions(packet, length, out);
}

bool wge_inner_parse(const uint8_t *packet, size_t length, struct wge_inner *out)
{
    if (length == 0)
        return false;
    out->packet = packet;
    out->length = length;
    out->version = packet[0] >> 4;
    if (out->version == 4)
        return parse_ipv4(packet, length, out);
    return out->version == 6 && parse_ipv6(packet, length, out);
}

static bool never_a_client(const struct wge_inner *inner)
{
    const uint8_t *a = inner->source;
    if (inner->version == 4)
        return a[0] == 0 || a[0] == 127 || a[0] >= 224;
    static const uint8_t zeros[15] = {0};
    bool low = memcmp(a, zeros, sizeof zeros) == 0 && a[15] <= 1; /* unspecified, loopback */
    return low || a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

static bool in_network(const uint8_t *address, const struct wge_network *network)
{
    size_t whole = network->prefix / 8;
    unsigned rest = network->prefix % 8;
    if (memcmp(address, network->address, whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ network->address[whole]) >> (8 - rest)) == 0;
}

bool wge_inner_source_allowed(const struct wge_inner *inner, const struct wge_tunnel_params *tunnel)
{
    bool leased = inner->version == 4 ? tunnel->has_ipv4 && memcmp(inner->source, tunnel->ipv4, 4) == 0
                                      : tunnel->has_ipv6 && memcmp(inner->source, tunnel->ipv6, 16) == 0;
    if (leased)
        return true;
    if (tunnel->network_count == 0 || never_a_client(inner))
        return false;
    for (size_t i = 0; i < tunnel->network_count; i++)
        if (tunnel->networks[i].family == inner->version && in_network(inner->source, &tunnel->networks[i]))
            return true;
    return false;
}
