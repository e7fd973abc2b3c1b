/* SPDX-License-Identifier: GPL-3.0-or-later */
/* address.c - conversions only. */
#include "address.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool wge_address_from(struct wge_address *out, const struct sockaddr_storage *from)
{
    memset(out, 0, sizeof(*out));
    if (from->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof(v4));
        memcpy(out->bytes, mapped, sizeof(mapped));
        memcpy(out->bytes + 12, &v4.sin_addr, 4);
        out->port = ntohs(v4.sin_port);
        return true;
    }
    if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, from, sizeof(v6));
        memcpy(out->bytes, &v6.sin6_addr, 16);
        out->port = ntohs(v6.sin6_port);
        return true;
    }
    return false;
}

void wge_address_text(const struct wge_address *address, char *text)
{
    bool v4 = memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
    if (inet_ntop(v4 ? AF_INET : AF_INET6, address->bytes + (v4 ? 12 : 0), text, WGE_ADDRESS_TEXT_MAX) == NULL)
        text[0] = '\0';
}

struct wge_address wge_address_source(const struct wge_address *address)
{
    struct wge_address source = *address;
    source.port = 0;
    if (memcmp(address->bytes, mapped, sizeof(mapped)) != 0)
        memset(source.bytes + 8, 0, 8);
    return source;
}
