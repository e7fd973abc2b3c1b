/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outside.h - the UDP sockets of a worker: one read gives a batch of datagrams, each with its path; datagrams to send
 * are gathered in a batch, joined into segmented messages where path and length allow, and sent together. Knows sockets
 * and datagrams, but neither DTLS nor tunnels. Owned by the data thread; `gso` and `gro` may be read by any.
 *
 * All socket options are set by whoever opened the sockets: IP_PKTINFO or IPV6_RECVPKTINFO (without it every datagram
 * is dropped), UDP_GRO, path-MTU discovery. */
#ifndef WGE_OUTSIDE_H
#define WGE_OUTSIDE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "offload.h"
#include "path.h"
#include "result.h"
#include "tally.h"

#define WGE_OUTSIDE_SOCKETS 64         /* as many as there can be listeners */
#define WGE_OUTSIDE_DATAGRAM_MAX 65507 /* over IPv4 without options, and enough for IPv6 */
#define WGE_OUTSIDE_SEGMENTS 64        /* of one message that is sent: the bound of kernels before Linux 6.9 */

struct wge_outside_inbox;  /* outside_receive.c */
struct wge_outside_outbox; /* outside_send.c */

struct wge_outside_socket {
    int fd;
    int family;
};

struct wge_outside {
    struct wge_outside_socket sockets[WGE_OUTSIDE_SOCKETS];
    size_t socket_count;
    struct wge_tally *tally;
    struct wge_outside_inbox *inbox;
    struct wge_outside_outbox *outbox;
    _Atomic int gso, gro; /* enum wge_offload */
};

/* The descriptors stay the caller's. INVALID: more than WGE_OUTSIDE_SOCKETS. SYSTEM_ERROR: one is no socket of IPv4 or
 * IPv6. */
enum wge_result wge_outside_open(struct wge_outside *o, const int *sockets, size_t count, struct wge_tally *tally);
/* What is not flushed is lost. Also right after a failed open, and twice. */
void wge_outside_close(struct wge_outside *o);

/* Throws away what was queued for the owner before: at most WGE_OUTSIDE_STALE_READS batches of each socket. */
#define WGE_OUTSIDE_STALE_READS 64
void wge_outside_drain(struct wge_outside *o);

/* One system call on the socket of this place. WGE_OK: a batch is there, take it with wge_outside_next. WANT_READ:
 * nothing there (or an ICMP error in its place; epoll, level-triggered, tells of what follows). SYSTEM_ERROR: the
 * socket is none. What was left of the batch before is lost. */
enum wge_result wge_outside_receive(struct wge_outside *o, size_t socket);

/* Whether the last batch was as large as one can be, so that more may wait. */
bool wge_outside_full(const struct wge_outside *o);

/* The next datagram of the batch, or false at its end. Its bytes may be changed in place; they and the path stay valid
 * until the next receive. Datagrams that came in one message share one `*path` pointer. */
bool wge_outside_next(struct wge_outside *o, const struct wge_path **path, uint8_t **datagram, size_t *length);

/* Copies the datagram into the batch, which is flushed first where it is full. Order is kept for each socket. */
void wge_outside_send(struct wge_outside *o, const struct wge_path *path, const uint8_t *datagram, size_t length);

/* Sends the batch. What the kernel does not take is dropped and counted. */
void wge_outside_flush(struct wge_outside *o);

#endif
