/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connection.h - one connection from accept to its tunnel or its end: the ClientHello is judged, the handshake done,
 * then control plaintext goes to Python one record a grant and comes back into a bounded queue. Python first hears of a
 * connection with its first record (which needs no grant): a client that does a handshake and says nothing, as scanners
 * and floods do, costs Python nothing. Owned by one handshake thread. Knows neither epoll nor timers: it says what it waits for, and the thread calls it again. */
#ifndef WGE_CONNECTION_H
#define WGE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "front.h"
#include "plain_queue.h"
#include "sign_client.h"
#include "tls.h"

/* Plaintext that Python wrote and the peer has not taken; an answer with a long form is some 10 KB. */
#define WGE_CONTROL_QUEUE_MAX (512 * 1024)
/* How long a closed connection may take to read the rest and to close as well. */
#define WGE_LINGER_MS 5000

enum wge_connection_state {
    WGE_CONNECTION_HELLO,
    WGE_CONNECTION_HANDSHAKE,
    WGE_CONNECTION_CONTROL,
    WGE_CONNECTION_LINGER, /* Python knows that it is closed; what was written is on its way */
    WGE_CONNECTION_DEAD,   /* to be freed */
};

/* What OPENED carries in event->data; copied, not parsed. */
struct wge_opened {
    struct wge_address peer, local;
    struct wge_tls_facts tls;
    char site[256];
    char server_name[WGE_SERVER_NAME_MAX + 1];
};

struct wge_connection {
    enum wge_connection_state state;
    struct wge_front *front;
    struct wge_stream *stream;
    struct wge_sign_client *signer;
    uint64_t id;
    struct wge_address peer, local;
    bool limited;             /* counts as unauthenticated */
    bool opened;              /* the handshake is done */
    bool told;                /* Python knows it */
    bool granted;             /* the next record is wanted */
    bool needs_flush;         /* reading goes on only when the socket has taken what waits */
    bool closing;             /* end when the queue is empty */
    bool half_closed;         /* our direction is shut */
    size_t lingered;          /* bytes thrown away in WGE_CONNECTION_LINGER */
    struct wge_opened *facts; /* until Python is told */
    struct wge_plain_queue queue;
};

/* Takes the descriptor, a place in the limiter and a promise of WGE_EVENTS_PER_CONNECTION events over, also on error.
 */
struct wge_connection *wge_connection_create(struct wge_front *front, struct wge_sign_client *signer, int fd,
                                             uint64_t id, const struct wge_address *peer,
                                             const struct wge_address *local);
/* Frees it, with its stream unless that has been taken. */
void wge_connection_free(struct wge_connection *c);

/* Does what can be done now. `scratch` has WGE_RECORD_PLAIN_MAX bytes and is wiped after use. */
void wge_connection_advance(struct wge_connection *c, uint8_t *scratch);

/* The socket reported an error or a reset. */
void wge_connection_broken(struct wge_connection *c);
/* The time for the present state is over. */
void wge_connection_expired(struct wge_connection *c);
/* Epoll bits that it waits for. */
uint32_t wge_connection_interest(const struct wge_connection *c);

void wge_connection_grant(struct wge_connection *c);
void wge_connection_write(struct wge_connection *c, const uint8_t *data, size_t length, bool close);
void wge_connection_close(struct wge_connection *c);
void wge_connection_authenticated(struct wge_connection *c);
/* Queues the CONNECT response and gives the stream away; the connection is dead then. NULL: it was not possible, the
 * connection has ended and Python is told. */
struct wge_stream *wge_connection_take_stream(struct wge_connection *c, const uint8_t *head, size_t length);

#endif
