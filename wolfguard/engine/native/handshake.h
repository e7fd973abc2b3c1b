/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handshake.h - a handshake thread: accepts, owns connections until they become tunnels, waits for keyd's signatures
 * (which is why the data thread does none of this). Other threads talk to it through orders; none of these calls
 * blocks. */
#ifndef WGE_HANDSHAKE_H
#define WGE_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data.h"
#include "front.h"
#include "result.h"
#include "sign_client.h"

#define WGE_HANDSHAKE_THREADS_MAX 64

struct wge_handshake;

/* `front` outlives it. `index` becomes part of its connections' ids. */
enum wge_result wge_handshake_create(struct wge_handshake **out, struct wge_front *front, unsigned index);
enum wge_result wge_handshake_start(struct wge_handshake *h);
void wge_handshake_stop_accepting(struct wge_handshake *h);
void wge_handshake_stop(struct wge_handshake *h); /* joins the thread; its connections end */
void wge_handshake_free(struct wge_handshake *h);

struct wge_sign_client *wge_handshake_signer(struct wge_handshake *h);
/* Which thread owns this connection. */
unsigned wge_handshake_index_of(uint64_t connection);

enum wge_order_kind {
    WGE_ORDER_READ,
    WGE_ORDER_WRITE,
    WGE_ORDER_CLOSE,
    WGE_ORDER_AUTHENTICATED,
    WGE_ORDER_START_TUNNEL,
};

/* Copies what it points to. NO_MEMORY: nothing was queued. */
enum wge_result wge_handshake_order(struct wge_handshake *h, enum wge_order_kind kind, uint64_t connection,
                                    const uint8_t *data, size_t length, bool close,
                                    const struct wge_tunnel_params *params);

#endif
