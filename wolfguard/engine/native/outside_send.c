/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outside_send.c - batches of datagrams to the sockets; see outside.h. Consecutive datagrams of one path and length
 * become one message that the kernel or the card cuts (UDP_SEGMENT); a shorter one ends the message. A kernel that
 * refuses to cut is asked once: the datagrams of the refused message go out one by one, and if that works, so that it
 * was not the path's fault, no others are joined - unless joining has worked before. */
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "outside_boxes.h"

#define MESSAGES 128
/* Datagrams lie here until the batch is sent: two messages of the full size, less than a core's cache. */
#define ARENA (128 * 1024)
#define ARENA_ALIGN 64
#define CONTROL_MAX (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)))

struct message {
    struct wge_path path;
    uint8_t *data;
    uint32_t length;
    uint16_t segment; /* bytes of each datagram but the last */
    uint16_t count;   /* of datagrams */
};

struct control {
    alignas(struct cmsghdr) uint8_t bytes[CONTROL_MAX];
};

union name {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct wge_outside_outbox {
    size_t count, used; /* messages; bytes of the arena */
    uint64_t full;      /* sockets that take no more in this flush, a bit each */
    struct message messages[MESSAGES];
    struct mmsghdr headers[MESSAGES];
    struct iovec parts[MESSAGES];
    union name names[MESSAGES];
    struct control controls[MESSAGES];
    uint8_t *arena;
};

struct wge_outside_outbox *wge_outside_outbox_create(void)
{
    struct wge_outside_outbox *out = calloc(1, sizeof *out);
    if (out == NULL)
        return NULL;
    out->arena = aligned_alloc(ARENA_ALIGN, ARENA);
    if (out->arena == NULL) {
        free(out);
        return NULL;
    }
    return out;
}

void wge_outside_outbox_free(struct wge_outside_outbox *out)
{
    if (out != NULL)
        free(out->arena);
    free(out);
}

/* --- gathering -------------------------------------------------------------------------------------------------- */

static bool joins(const struct wge_outside *o, const struct message *m, const struct wge_path *path, size_t length)
{
    bool ended = m->length != (uint32_t)m->segment * m->count;
    return !ended && length <= m->segment && m->count < WGE_OUTSIDE_SEGMENTS &&
           m->length + length <= WGE_OUTSIDE_DATAGRAM_MAX && wge_path_equal(&m->path, path) &&
           atomic_load_explicit(&o->gso, memory_order_relaxed) != WGE_OFFLOAD_REFUSED;
}

/* False for a path that the socket cannot go. */
static bool sendable(const struct wge_outside *o, const struct wge_path *path)
{
    if (path->socket >= o->socket_count)
        return false;
    struct in6_addr peer;
    memcpy(&peer, path->peer.bytes, sizeof peer);
    return o->sockets[path->socket].family == AF_INET6 || IN6_IS_ADDR_V4MAPPED(&peer);
}

void wge_outside_send(struct wge_outside *o, const struct wge_path *path, const uint8_t *datagram, size_t length)
{
    struct wge_outside_outbox *out = o->outbox;
    if (length == 0 || !sendable(o, path)) {
        WGE_TALLY(o->tally, drop_datagram_unsent);
        return;
    }
    if (length > WGE_OUTSIDE_DATAGRAM_MAX) {
        WGE_TALLY(o->tally, drop_datagram_too_long);
        return;
    }
    if (out->used + length > ARENA)
        wge_outside_flush(o);
    struct message *m = out->count == 0 ? NULL : &out->messages[out->count - 1];
    if (m == NULL || !joins(o, m, path, length)) {
        if (out->count == MESSAGES)
            wge_outside_flush(o);
        m = &out->messages[out->count++];
        *m = (struct message){.path = *path, .data = out->arena + out->used, .segment = (uint16_t)length};
    }
    memcpy(out->arena + out->used, datagram, length);
    out->used += length;
    m->length += (uint32_t)length;
    m->count++;
}

/* --- headers ---------------------------------------------------------------------------------------------------- */

static size_t put_control(uint8_t *at, int level, int type, const void *data, size_t length)
{
    struct cmsghdr head = {.cmsg_len = CMSG_LEN(length), .cmsg_level = level, .cmsg_type = type};
    memcpy(at, &head, sizeof head);
    memcpy(at + CMSG_LEN(0), data, length);
    return CMSG_SPACE(length);
}

static void address4(struct msghdr *header, union name *name, const struct wge_path *path)
{
    struct in_pktinfo info = {.ipi_ifindex = 0};
    name->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(path->peer.port)};
    memcpy(&name->v4.sin_addr, path->peer.bytes + 12, sizeof name->v4.sin_addr);
    memcpy(&info.ipi_spec_dst, path->local.bytes + 12, sizeof info.ipi_spec_dst);
    header->msg_namelen = sizeof name->v4;
    header->msg_controllen = put_control(header->msg_control, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
}

static void address6(struct msghdr *header, union name *name, const struct wge_path *path)
{
    struct in6_pktinfo info = {.ipi6_ifindex = path->interface};
    name->v6 = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons(path->peer.port), .sin6_scope_id = path->interface};
    memcpy(&name->v6.sin6_addr, path->peer.bytes, sizeof name->v6.sin6_addr);
    memcpy(&info.ipi6_addr, path->local.bytes, sizeof info.ipi6_addr);
    header->msg_namelen = sizeof name->v6;
    header->msg_controllen = put_control(header->msg_control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
}

/* Where the datagrams of a message go: all of its header but the segment size. */
static struct msghdr address(struct wge_outside *o, size_t place)
{
    struct wge_outside_outbox *out = o->outbox;
    const struct wge_path *path = &out->messages[place].path;
    struct msghdr header = {.msg_name = &out->names[place], .msg_iovlen = 1, .msg_control = &out->controls[place]};
    if (o->sockets[path->socket].family == AF_INET)
        address4(&header, &out->names[place], path);
    else
        address6(&header, &out->names[place], path);
    return header;
}

static void prepare(struct wge_outside *o, size_t place)
{
    struct wge_outside_outbox *out = o->outbox;
    const struct message *m = &out->messages[place];
    struct msghdr header = address(o, place);
    if (m->count > 1)
        header.msg_controllen += put_control(out->controls[place].bytes + header.msg_controllen, SOL_UDP, UDP_SEGMENT,
                                             &m->segment, sizeof m->segment);
    out->parts[place] = (struct iovec){.iov_base = m->data, .iov_len = m->length};
    header.msg_iov = &out->parts[place];
    out->headers[place].msg_hdr = header;
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

/* How many of the list went out; 0 with errno. Marks the socket that takes no more. */
static size_t send_list(struct wge_outside *o, size_t socket, struct mmsghdr *list, size_t count)
{
    int sent;
    do {
        sent = sendmmsg(o->sockets[socket].fd, list, (unsigned)count, MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    WGE_TALLY(o->tally, outside_writes);
    if (sent > 0) {
        WGE_TALLY_BY(o->tally, outside_messages_out, (size_t)sent);
        return (size_t)sent;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
        o->outbox->full |= UINT64_C(1) << socket;
    return 0;
}

static bool is_full(const struct wge_outside *o, size_t socket)
{
    return (o->outbox->full >> socket & 1) != 0;
}

static void count_unsent(struct wge_outside *o, int error)
{
    if (error == EMSGSIZE)
        WGE_TALLY(o->tally, drop_datagram_too_long);
    else
        WGE_TALLY(o->tally, drop_datagram_unsent);
}

/* The datagrams of a message, each for itself. True if the first went out. */
static bool send_apart(struct wge_outside *o, size_t place)
{
    const struct message *m = &o->outbox->messages[place];
    struct mmsghdr list[WGE_OUTSIDE_SEGMENTS];
    struct iovec parts[WGE_OUTSIDE_SEGMENTS];
    struct msghdr header = address(o, place);
    for (size_t i = 0, from = 0; i < m->count; i++, from += m->segment) {
        size_t rest = m->length - from;
        parts[i] = (struct iovec){.iov_base = m->data + from, .iov_len = rest < m->segment ? rest : m->segment};
        header.msg_iov = &parts[i];
        list[i].msg_hdr = header;
    }
    size_t at = 0;
    bool first = false;
    while (at < m->count && !is_full(o, m->path.socket)) {
        size_t sent = send_list(o, m->path.socket, list + at, m->count - at);
        WGE_TALLY_BY(o->tally, datagrams_out, sent);
        first = first || (at == 0 && sent > 0);
        at += sent;
        if (sent == 0 && !is_full(o, m->path.socket)) {
            count_unsent(o, errno);
            at++;
        }
    }
    WGE_TALLY_BY(o->tally, drop_datagram_socket_full, m->count - at);
    return first;
}

/* The kernel did not take this message. A segment that is too long for the path is EMSGSIZE, or EINVAL on older
 * kernels; the shorter one at the end may pass. */
static void take_back(struct wge_outside *o, size_t place, int error)
{
    bool cutting = error == EIO || error == EINVAL || error == EOPNOTSUPP || error == EMSGSIZE;
    if (o->outbox->messages[place].count == 1)
        count_unsent(o, error);
    else if (!cutting)
        WGE_TALLY_BY(o->tally, drop_datagram_unsent, o->outbox->messages[place].count);
    else if (send_apart(o, place) && error != EMSGSIZE &&
             atomic_load_explicit(&o->gso, memory_order_relaxed) == WGE_OFFLOAD_UNASKED)
        wge_outside_learn(&o->gso, WGE_OFFLOAD_REFUSED);
}

/* Messages of one socket. */
static void send_run(struct wge_outside *o, size_t at, size_t end)
{
    const struct message *messages = o->outbox->messages;
    size_t socket = messages[at].path.socket;
    while (at < end && !is_full(o, socket)) {
        size_t sent = send_list(o, socket, o->outbox->headers + at, end - at);
        if (sent == 0 && !is_full(o, socket))
            take_back(o, at++, errno);
        for (size_t stop = at + sent; at < stop; at++) {
            WGE_TALLY_BY(o->tally, datagrams_out, messages[at].count);
            if (messages[at].count > 1)
                wge_outside_learn(&o->gso, WGE_OFFLOAD_ON);
        }
    }
    for (; at < end; at++)
        WGE_TALLY_BY(o->tally, drop_datagram_socket_full, messages[at].count);
}

void wge_outside_flush(struct wge_outside *o)
{
    struct wge_outside_outbox *out = o->outbox;
    out->full = 0;
    for (size_t i = 0; i < out->count; i++)
        prepare(o, i);
    for (size_t at = 0, end; at < out->count; at = end) {
        for (end = at + 1; end < out->count && out->messages[end].path.socket == out->messages[at].path.socket;)
            end++;
        send_run(o, at, end);
    }
    out->count = 0;
    out->used = 0;
}
