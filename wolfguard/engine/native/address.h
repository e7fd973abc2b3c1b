/* SPDX-License-Identifier: GPL-3.0-or-later */
/* address.h - outside addresses: 16 bytes whatever the family (IPv4 as ::ffff:a.b.c.d), as text in canonical form, and
 * as the key under which strangers are limited. */
#ifndef WGE_ADDRESS_H
#define WGE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define WGE_ADDRESS_TEXT_MAX INET6_ADDRSTRLEN

struct wge_address {
    uint8_t bytes[16];
    uint16_t port;
};

/* False for families other than IPv4 and IPv6. */
bool wge_address_from(struct wge_address *out, const struct sockaddr_storage *from);
/* "192.0.2.1" or "2001:db8::1"; `text` holds WGE_ADDRESS_TEXT_MAX bytes. */
void wge_address_text(const struct wge_address *address, char *text);
/* What one subscriber can be expected to hold: an IPv4 address, an IPv6 /64. Ports are left out. */
struct wge_address wge_address_source(const struct wge_address *address);

#endif
