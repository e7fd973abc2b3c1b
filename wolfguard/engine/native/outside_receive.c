/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outside_receive.c - batches of datagrams from the sockets; see outside.h. A message is one datagram, or several of
 * one sender that the kernel has joined (UDP_GRO), all as long as the first but for the last. Every drop is a label with
 * its counter, by datagram. */
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "outside_boxes.h"

#define MESSAGES 64
/* The room of a message. Two messages are not a power of two apart, or their heads would share a few lines of the
 * cache. Pages that no message has reached cost nothing. */
#define MESSAGE_MAX 65536
#define MESSAGE_STRIDE (MESSAGE_MAX + 2112)
#define ARENA_ALIGN 64
/* Both kinds of packet info, as a socket of both families gives them, the segment size, and a margin. */
#define CONTROL_MAX 128

struct control {
    alignas(struct cmsghdr) uint8_t bytes[CONTROL_MAX];
};

struct wge_outside_inbox {
    struct mmsghdr messages[MESSAGES];
    struct iovec parts[MESSAGES];
    struct sockaddr_storage peers[MESSAGES];
    struct control controls[MESSAGES];
    struct wge_path paths[MESSAGES];
    size_t count;   /* messages of the batch */
    size_t at;      /* the next of them */
    uint8_t socket; /* that the batch came from */
    uint8_t *rest;  /* of the message before `at` */
    size_t rest_length, segment;
    uint8_t *arena;
};

/* What the control data of a message says. */
struct arrival {
    struct in6_addr local;
    uint32_t interface;
    size_t segment; /* 0: the message is one datagram */
    bool has_info;
    bool unicast; /* it was sent to an address of this machine, from which the answer can go out */
};

/* What the kernel changes has to be set before each call. */
static void arm(struct wge_outside_inbox *in, size_t place)
{
    struct msghdr *header = &in->messages[place].msg_hdr;
    in->peers[place].ss_family = AF_UNSPEC;
    header->msg_namelen = sizeof in->peers[place];
    header->msg_controllen = CONTROL_MAX;
    header->msg_flags = 0;
}

struct wge_outside_inbox *wge_outside_inbox_create(void)
{
    struct wge_outside_inbox *in = calloc(1, sizeof *in);
    if (in == NULL)
        return NULL;
    in->arena = aligned_alloc(ARENA_ALIGN, (size_t)MESSAGES * MESSAGE_STRIDE);
    if (in->arena == NULL) {
        free(in);
        return NULL;
    }
    for (size_t i = 0; i < MESSAGES; i++) {
        in->parts[i] = (struct iovec){.iov_base = in->arena + i * MESSAGE_STRIDE, .iov_len = MESSAGE_MAX};
        in->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &in->peers[i],
            .msg_iov = &in->parts[i],
            .msg_iovlen = 1,
            .msg_control = in->controls[i].bytes,
        };
        arm(in, i);
    }
    return in;
}

void wge_outside_inbox_free(struct wge_outside_inbox *in)
{
    if (in != NULL)
        free(in->arena);
    free(in);
}

/* What an IPv6 socket says of IPv4 has mapped addresses, so one form does for both. */
static void read_info4(struct arrival *arrival, const struct cmsghdr *part)
{
    struct in_pktinfo info;
    memcpy(&info, CMSG_DATA(part), sizeof info);
    arrival->local = (struct in6_addr){.s6_addr32 = {0, 0, htonl(0xffff), info.ipi_addr.s_addr}};
    arrival->unicast = info.ipi_spec_dst.s_addr == info.ipi_addr.s_addr;
    arrival->has_info = true;
}

static void read_info6(struct arrival *arrival, const struct cmsghdr *part)
{
    struct in6_pktinfo info;
    memcpy(&info, CMSG_DATA(part), sizeof info);
    arrival->local = info.ipi6_addr;
    arrival->interface = info.ipi6_ifindex;
    arrival->unicast = !IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
    arrival->has_info = true;
}

static void read_control(struct msghdr *header, struct arrival *arrival)
{
    memset(arrival, 0, sizeof *arrival);
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL; part = CMSG_NXTHDR(header, part)) {
        size_t length = part->cmsg_len - CMSG_LEN(0);
        if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO && length >= sizeof(struct in6_pktinfo))
            read_info6(arrival, part);
        if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO && length >= sizeof(struct in_pktinfo))
            read_info4(arrival, part);
        if (part->cmsg_level == SOL_UDP && part->cmsg_type == UDP_GRO && length >= sizeof(int)) {
            int segment;
            memcpy(&segment, CMSG_DATA(part), sizeof segment);
            arrival->segment = segment > 0 ? (size_t)segment : 0;
        }
    }
}

static size_t datagrams(const struct arrival *arrival, size_t length)
{
    return arrival->segment == 0 || length == 0 ? 1 : (length + arrival->segment - 1) / arrival->segment;
}

/* The kernel would send an answer for the unspecified address to this machine itself. */
static bool unspecified(const struct wge_address *address)
{
    struct in6_addr bytes;
    memcpy(&bytes, address->bytes, sizeof bytes);
    return IN6_IS_ADDR_UNSPECIFIED(&bytes);
}

static void fill_path(struct wge_path *path, const struct arrival *arrival, uint8_t socket)
{
    struct in6_addr peer;
    memcpy(&peer, path->peer.bytes, sizeof peer);
    bool link_local = IN6_IS_ADDR_LINKLOCAL(&peer) || IN6_IS_ADDR_LINKLOCAL(&arrival->local);
    memcpy(path->local.bytes, &arrival->local, sizeof path->local.bytes);
    path->interface = link_local ? arrival->interface : 0;
    path->socket = socket;
}

/* Makes the message the one whose datagrams are handed out, unless it is dropped. */
static void begin_message(struct wge_outside *o, size_t place)
{
    struct wge_outside_inbox *in = o->inbox;
    struct msghdr *header = &in->messages[place].msg_hdr;
    struct wge_path *path = &in->paths[place];
    size_t length = in->messages[place].msg_len;
    struct arrival arrival;
    read_control(header, &arrival);
    size_t count = datagrams(&arrival, length);
    if ((header->msg_flags & MSG_TRUNC) != 0)
        goto drop_datagram_truncated;
    if ((header->msg_flags & MSG_CTRUNC) != 0)
        goto drop_datagram_control;
    if (!wge_address_from(&path->peer, &in->peers[place]))
        goto drop_datagram_family;
    if (!arrival.has_info)
        goto drop_datagram_no_info;
    if (length == 0)
        goto drop_datagram_empty;
    if (path->peer.port == 0) /* RFC 768: no answer is wanted, and none can be sent */
        goto drop_datagram_no_port;
    if (!arrival.unicast || unspecified(&path->peer))
        goto drop_datagram_not_unicast;
    if (arrival.segment != 0)
        wge_outside_learn(&o->gro, WGE_OFFLOAD_ON);
    fill_path(path, &arrival, in->socket);
    in->rest = in->parts[place].iov_base;
    in->rest_length = length;
    in->segment = arrival.segment != 0 ? arrival.segment : length;
    WGE_TALLY_BY(o->tally, datagrams_in, count);
    return;

drop_datagram_truncated:
    WGE_TALLY_BY(o->tally, drop_datagram_truncated, count);
    return;
drop_datagram_control:
    WGE_TALLY_BY(o->tally, drop_datagram_control, count);
    return;
drop_datagram_family:
    WGE_TALLY_BY(o->tally, drop_datagram_family, count);
    return;
drop_datagram_no_info:
    WGE_TALLY_BY(o->tally, drop_datagram_no_info, count);
    return;
drop_datagram_empty:
    WGE_TALLY_BY(o->tally, drop_datagram_empty, count);
    return;
drop_datagram_no_port:
    WGE_TALLY_BY(o->tally, drop_datagram_no_port, count);
    return;
drop_datagram_not_unicast:
    WGE_TALLY_BY(o->tally, drop_datagram_not_unicast, count);
}

/* False, with errno, if no message came. */
static bool read_batch(struct wge_outside *o, size_t socket)
{
    struct wge_outside_inbox *in = o->inbox;
    for (size_t i = 0; i < in->count; i++)
        arm(in, i);
    int got;
    do {
        got = recvmmsg(o->sockets[socket].fd, in->messages, MESSAGES, MSG_DONTWAIT, NULL);
    } while (got < 0 && errno == EINTR);
    in->count = got > 0 ? (size_t)got : 0;
    in->at = 0;
    in->rest_length = 0;
    in->socket = (uint8_t)socket;
    return got > 0;
}

enum wge_result wge_outside_receive(struct wge_outside *o, size_t socket)
{
    if (socket >= o->socket_count)
        return WGE_INVALID;
    if (read_batch(o, socket)) {
        WGE_TALLY(o->tally, outside_reads);
        WGE_TALLY_BY(o->tally, outside_messages_in, o->inbox->count);
        return WGE_OK;
    }
    bool broken = errno == EBADF || errno == ENOTSOCK || errno == EINVAL || errno == EFAULT;
    return broken ? WGE_SYSTEM_ERROR : WGE_WANT_READ;
}

bool wge_outside_full(const struct wge_outside *o)
{
    return o->inbox->count == MESSAGES;
}

bool wge_outside_next(struct wge_outside *o, const struct wge_path **path, uint8_t **datagram, size_t *length)
{
    struct wge_outside_inbox *in = o->inbox;
    while (in->rest_length == 0) {
        if (in->at == in->count)
            return false;
        begin_message(o, in->at++);
    }
    *path = &in->paths[in->at - 1];
    *datagram = in->rest;
    *length = in->segment < in->rest_length ? in->segment : in->rest_length;
    in->rest += *length;
    in->rest_length -= *length;
    return true;
}

void wge_outside_drain(struct wge_outside *o)
{
    struct wge_outside_inbox *in = o->inbox;
    for (size_t socket = 0; socket < o->socket_count; socket++)
        for (unsigned reads = 0; reads < WGE_OUTSIDE_STALE_READS && read_batch(o, socket); reads++)
            for (size_t i = 0; i < in->count; i++) {
                struct arrival arrival;
                read_control(&in->messages[i].msg_hdr, &arrival);
                WGE_TALLY_BY(o->tally, datagram_stale_drained, datagrams(&arrival, in->messages[i].msg_len));
            }
    in->at = in->count;
}
