/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path.h - where a datagram came from and the way back: the peer, the local address that it was sent to, and the socket
 * that it arrived on. Two datagrams have one path if all of it is equal. */
#ifndef WGE_PATH_H
#define WGE_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

struct wge_path {
    struct wge_address peer;
    struct wge_address local; /* its port is the socket's own and stays 0 here */
    uint32_t interface;       /* index, for link-local IPv6 addresses only, else 0 */
    uint8_t socket;           /* place in the list of sockets */
};

bool wge_path_equal(const struct wge_path *a, const struct wge_path *b);

/* For tables: strangers choose these bytes, so the secret must be random and stay one. */
uint64_t wge_path_hash(const struct wge_path *path, uint64_t secret);

#endif
