/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real sockets over loopback. What cannot be had there (a datagram cut short, a source port of 0, a link-local address)
 * is written into the messages after the real recvmmsg(). */
#include <sys/socket.h>

static int kernel_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout);
#define recvmmsg kernel_recvmmsg
#include "outside_receive.c"
#undef recvmmsg

#include <poll.h>

#include "check.h"
#include "datagrams.h"

static void (*spoil)(struct msghdr *header); /* done to every message that arrives */
static int interruptions;
static unsigned at_most = MESSAGES; /* messages that one call brings */

static int kernel_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    if (interruptions > 0) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    int got = recvmmsg(fd, messages, count < at_most ? count : at_most, flags, timeout);
    for (int i = 0; i < got && spoil != NULL; i++)
        spoil(&messages[i].msg_hdr);
    return got;
}

static struct wge_outside outside;
static struct wge_tally tally;

static void open_outside(const int *sockets, size_t count)
{
    memset(&tally, 0, sizeof tally);
    CHECK(wge_outside_open(&outside, sockets, count, &tally) == WGE_OK);
}

static void send_plain(int from, int to, const char *address, const uint8_t *bytes, size_t length)
{
    struct place place = place_of(address, port_of(to));
    CHECK(sendto(from, bytes, length, 0, (struct sockaddr *)&place.address, place.length) == (ssize_t)length);
}

/* Datagrams `first`, `first + 1` ... of these lengths, each for itself. */
static void send_each(int from, int to, const char *address, const size_t *lengths, unsigned count, unsigned first)
{
    static uint8_t bytes[65536];
    for (unsigned i = 0; i < count; i++) {
        fill_datagram(bytes, lengths[i], first + i);
        send_plain(from, to, address, bytes, lengths[i]);
    }
}

/* The same as one message that the kernel cuts, if the receiver wants it cut. */
static void send_joined(int from, int to, const char *address, uint16_t segment, unsigned count, size_t last)
{
    static uint8_t bytes[65536];
    for (unsigned i = 0; i < count; i++)
        fill_datagram(bytes + (size_t)i * segment, i + 1 < count ? segment : last, i);
    struct place place = place_of(address, port_of(to));
    struct iovec part = {.iov_base = bytes, .iov_len = (size_t)segment * (count - 1) + last};
    struct {
        alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof segment)];
    } control;
    struct msghdr message = {
        .msg_name = &place.address,
        .msg_namelen = place.length,
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    memset(&control, 0, sizeof control);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof segment), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT};
    memcpy(CMSG_DATA(head), &segment, sizeof segment);
    CHECK(sendmsg(from, &message, 0) == (ssize_t)part.iov_len);
}

static bool is_address(const struct wge_address *address, const char *text)
{
    char is[WGE_ADDRESS_TEXT_MAX];
    wge_address_text(address, is);
    return strcmp(is, text) == 0;
}

static const struct wge_path *take(size_t length, unsigned number)
{
    const struct wge_path *path;
    uint8_t *datagram;
    size_t got;
    CHECK(wge_outside_next(&outside, &path, &datagram, &got));
    CHECK(got == length && is_datagram(datagram, got, number));
    memset(datagram, 0, got); /* it is the caller's: its neighbours must not suffer */
    return path;
}

static bool at_end(void)
{
    const struct wge_path *path;
    uint8_t *datagram;
    size_t length;
    return !wge_outside_next(&outside, &path, &datagram, &length);
}

static void a_batch_has_all_in_order(const char *listen, const char *address, const char *from)
{
    static const size_t lengths[] = {1, 1400, 1400, 200, 65507, 2, 9000, 1400};
    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    int sockets[2] = {open_listener(from, false), open_listener(listen, true)}, client = open_client(from);
    open_outside(sockets, 2);
    CHECK(wge_outside_receive(&outside, 1) == WGE_WANT_READ && at_end());
    send_each(client, sockets[1], address, lengths, COUNT, 0);
    CHECK(wge_outside_receive(&outside, 0) == WGE_WANT_READ && wge_outside_receive(&outside, 1) == WGE_OK);
    for (unsigned i = 0; i < COUNT; i++) {
        const struct wge_path *path = take(lengths[i], i);
        CHECK(is_address(&path->peer, from) && path->peer.port == port_of(client));
        CHECK(is_address(&path->local, address) && path->local.port == 0);
        CHECK(path->interface == 0 && path->socket == 1);
    }
    CHECK(at_end() && at_end() && wge_outside_receive(&outside, 1) == WGE_WANT_READ);
    CHECK(tally.outside_reads == 1 && tally.outside_messages_in == COUNT && tally.datagrams_in == COUNT);
    CHECK(outside.gro == WGE_OFFLOAD_UNASKED);
    wge_outside_close(&outside);
    wge_outside_close(&outside);
    close(client);
    close(sockets[0]);
    close(sockets[1]);
}

static void a_socket_of_both_families(void)
{
    static const size_t lengths[] = {700, 700};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0), v4 = open_client("127.0.0.1"), v6 = open_client("::1");
    struct place any = place_of("::", 0);
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    set_option(fd, SOL_UDP, UDP_GRO, 1);
    CHECK(bind(fd, (struct sockaddr *)&any.address, any.length) == 0);
    open_outside(&fd, 1);
    send_each(v4, fd, "127.0.0.5", lengths, 1, 0);
    send_each(v6, fd, "::1", lengths, 1, 1);
    send_joined(v4, fd, "127.0.0.6", 700, 2, 5);
    CHECK(wge_outside_receive(&outside, 0) == WGE_OK);
    const struct wge_path *path = take(700, 0);
    CHECK(is_address(&path->peer, "127.0.0.1") && is_address(&path->local, "127.0.0.5"));
    path = take(700, 1);
    CHECK(is_address(&path->peer, "::1") && is_address(&path->local, "::1"));
    path = take(700, 0);
    CHECK(is_address(&path->local, "127.0.0.6") && take(5, 1) == path && at_end());
    wge_outside_close(&outside);
    close(fd);
    close(v4);
    close(v6);
}

static void joined_messages_are_split(const char *listen, const char *address, bool gro)
{
    static const struct {
        uint16_t segment;
        unsigned count;
        size_t last;
    } cases[] = {{1200, 50, 1200}, {1200, 3, 1}, {1200, 2, 1199}, {1, 64, 1}, {1000, 64, 999}, {30000, 2, 30000}};
    int fd = open_listener(listen, gro), client = open_client(address);
    open_outside(&fd, 1);
    uint64_t sent = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        send_joined(client, fd, address, cases[i].segment, cases[i].count, cases[i].last);
        CHECK(wge_outside_receive(&outside, 0) == WGE_OK);
        const struct wge_path *first = NULL;
        for (unsigned d = 0; d < cases[i].count; d++) {
            const struct wge_path *path = take(d + 1 < cases[i].count ? cases[i].segment : cases[i].last, d);
            first = d == 0 ? path : first;
            CHECK(gro ? path == first : wge_path_equal(path, first));
        }
        CHECK(at_end());
        sent += cases[i].count;
    }
    CHECK(tally.datagrams_in == sent);
    CHECK(tally.outside_messages_in == (gro ? sizeof cases / sizeof cases[0] : sent));
    CHECK(outside.gro == (gro ? WGE_OFFLOAD_ON : WGE_OFFLOAD_UNASKED));
    wge_outside_close(&outside);
    close(client);
    close(fd);
}

static void more_than_a_batch(void)
{
    static size_t lengths[MESSAGES + 6];
    int fd = open_listener("127.0.0.1", true), client = open_client("127.0.0.1");
    for (size_t i = 0; i < MESSAGES + 6; i++)
        lengths[i] = 100 + i;
    open_outside(&fd, 1);
    send_each(client, fd, "127.0.0.1", lengths, MESSAGES + 6, 0);
    interruptions = 2;
    CHECK(wge_outside_receive(&outside, 0) == WGE_OK && interruptions == 0);
    for (unsigned i = 0; i < MESSAGES; i++)
        take(lengths[i], i);
    CHECK(at_end());
    CHECK(wge_outside_receive(&outside, 0) == WGE_OK);
    take(lengths[MESSAGES], MESSAGES);
    CHECK(wge_outside_receive(&outside, 0) == WGE_WANT_READ && at_end()); /* the rest was not taken in time */
    CHECK(tally.outside_reads == 2 && tally.outside_messages_in == MESSAGES + 6);
    send_joined(client, fd, "127.0.0.1", 800, 3, 800);
    CHECK(wge_outside_receive(&outside, 0) == WGE_OK);
    take(800, 0);
    CHECK(wge_outside_receive(&outside, 0) == WGE_WANT_READ && at_end());
    wge_outside_close(&outside);
    close(client);
    close(fd);
}

static void cut_short(struct msghdr *header)
{
    header->msg_flags |= MSG_TRUNC;
}

static void cut_control(struct msghdr *header)
{
    header->msg_flags |= MSG_CTRUNC;
}

static void foreign(struct msghdr *header)
{
    ((struct sockaddr *)header->msg_name)->sa_family = AF_UNIX;
}

static void from_port_0(struct msghdr *header)
{
    ((struct sockaddr_in6 *)header->msg_name)->sin6_port = 0;
}

static void from_nowhere(struct msghdr *header)
{
    ((struct sockaddr_in6 *)header->msg_name)->sin6_addr = in6addr_any;
}

static struct in6_pktinfo *info6(struct msghdr *header)
{
    struct cmsghdr *part = CMSG_FIRSTHDR(header);
    while (part != NULL && (part->cmsg_level != IPPROTO_IPV6 || part->cmsg_type != IPV6_PKTINFO))
        part = CMSG_NXTHDR(header, part);
    CHECK(part != NULL);
    return (struct in6_pktinfo *)(void *)CMSG_DATA(part);
}

static void to_multicast(struct msghdr *header)
{
    CHECK(inet_pton(AF_INET6, "ff02::1", &info6(header)->ipi6_addr) == 1);
}

static void to_link_local(struct msghdr *header)
{
    CHECK(inet_pton(AF_INET6, "fe80::7", &info6(header)->ipi6_addr) == 1);
    info6(header)->ipi6_ifindex = 7;
}

static void bad_messages_are_dropped_by_name(void)
{
    static const size_t length = 300;
    const struct {
        void (*spoil)(struct msghdr *header);
        uint64_t *counter;
    } cases[] = {
        {cut_short, &tally.drop_datagram_truncated},      {cut_control, &tally.drop_datagram_control},
        {foreign, &tally.drop_datagram_family},           {from_port_0, &tally.drop_datagram_no_port},
        {from_nowhere, &tally.drop_datagram_not_unicast}, {to_multicast, &tally.drop_datagram_not_unicast},
    };
    int fd = open_listener("::1", true), client = open_client("::1");
    open_outside(&fd, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t before = *cases[i].counter;
        send_joined(client, fd, "::1", 500, 4, 20);
        spoil = cases[i].spoil;
        CHECK(wge_outside_receive(&outside, 0) == WGE_OK && at_end());
        spoil = NULL;
        CHECK(*cases[i].counter == before + 4);
        send_each(client, fd, "::1", &length, 1, 0);
        CHECK(wge_outside_receive(&outside, 0) == WGE_OK); /* the message's place is as good as new */
        take(length, 0);
        CHECK(at_end());
    }
    send_plain(client, fd, "::1", NULL, 0);
    send_each(client, fd, "::1", &length, 1, 9);
    CHECK(wge_outside_receive(&outside, 0) == WGE_OK);
    take(length, 9);
    CHECK(at_end() && tally.drop_datagram_empty == 1);
    set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 0);
    send_each(client, fd, "::1", &length, 1, 0);
    CHECK(wge_outside_receive(&outside, 0) == WGE_OK && at_end() && tally.drop_datagram_no_info == 1);
    CHECK(tally.datagrams_in == sizeof cases / sizeof cases[0] + 1);
    wge_outside_close(&outside);
    close(client);
    close(fd);
}

static void link_local_paths_have_an_interface(void)
{
    static const size_t length = 300;
    int fd = open_listener("::", true), client = open_client("::1");
    open_outside(&fd, 1);
    send_each(client, fd, "::1", &length, 1, 0);
    spoil = to_link_local;
    CHECK(wge_outside_receive(&outside, 0) == WGE_OK);
    spoil = NULL;
    const struct wge_path *path = take(length, 0);
    CHECK(is_address(&path->local, "fe80::7") && path->interface == 7);
    wge_outside_close(&outside);
    close(client);
    close(fd);
}

static void broadcasts_are_not_answered(void)
{
    int fd = open_listener("0.0.0.0", true), client = open_client("127.0.0.1");
    open_outside(&fd, 1);
    set_option(client, SOL_SOCKET, SO_BROADCAST, 1);
    send_plain(client, fd, "127.255.255.255", (const uint8_t *)"all", 3);
    CHECK(wge_outside_receive(&outside, 0) == WGE_OK && at_end() && tally.drop_datagram_not_unicast == 1);
    wge_outside_close(&outside);
    close(client);
    close(fd);
}

static void what_is_old_is_drained(void)
{
    static const size_t lengths[] = {300, 400, 500};
    int sockets[2] = {open_listener("127.0.0.1", true), open_listener("::1", false)};
    int client4 = open_client("127.0.0.1"), client6 = open_client("::1");
    open_outside(sockets, 2);
    for (unsigned i = 0; i < 40; i++)
        send_each(client4, sockets[0], "127.0.0.1", lengths, 3, 0);
    send_joined(client4, sockets[0], "127.0.0.1", 900, 7, 1);
    send_each(client6, sockets[1], "::1", lengths, 3, 0);
    wge_outside_drain(&outside);
    CHECK(tally.datagram_stale_drained == 130 && tally.datagrams_in == 0 && tally.outside_reads == 0 && at_end());
    send_each(client4, sockets[0], "127.0.0.1", lengths, 1, 5);
    CHECK(wge_outside_receive(&outside, 0) == WGE_OK);
    take(300, 5);
    CHECK(at_end() && wge_outside_receive(&outside, 1) == WGE_WANT_READ);
    wge_outside_close(&outside);
    close(client4);
    close(client6);
    close(sockets[0]);
    close(sockets[1]);
}

static void draining_is_bounded(void)
{
    static const size_t length = 20;
    int fd = open_listener("127.0.0.1", true), client = open_client("127.0.0.1");
    open_outside(&fd, 1);
    for (unsigned i = 0; i < WGE_OUTSIDE_STALE_READS + 1; i++)
        send_each(client, fd, "127.0.0.1", &length, 1, i);
    at_most = 1;
    wge_outside_drain(&outside);
    at_most = MESSAGES;
    CHECK(tally.datagram_stale_drained == WGE_OUTSIDE_STALE_READS && at_end());
    CHECK(wge_outside_receive(&outside, 0) == WGE_OK);
    take(length, WGE_OUTSIDE_STALE_READS);
    wge_outside_close(&outside);
    close(client);
    close(fd);
}

static void errors_of_the_socket(void)
{
    static const size_t length = 10;
    int fd = open_listener("127.0.0.1", true), client = open_client("127.0.0.1"), gone = open_client("127.0.0.1");
    open_outside(&fd, 1);
    set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
    struct place nobody = place_of("127.0.0.1", port_of(gone));
    close(gone);
    CHECK(sendto(fd, "x", 1, 0, (struct sockaddr *)&nobody.address, nobody.length) == 1);
    struct pollfd refused = {.fd = fd};
    CHECK(poll(&refused, 1, -1) == 1 && (refused.revents & POLLERR) != 0);
    send_each(client, fd, "127.0.0.1", &length, 1, 0);
    CHECK(wge_outside_receive(&outside, 0) == WGE_WANT_READ && at_end()); /* the error, in place of a datagram */
    CHECK(wge_outside_receive(&outside, 0) == WGE_OK);
    take(length, 0);
    CHECK(wge_outside_receive(&outside, 1) == WGE_INVALID);
    close(fd);
    CHECK(wge_outside_receive(&outside, 0) == WGE_SYSTEM_ERROR && at_end());
    wge_outside_close(&outside);
    close(client);
}

static void only_udp_of_both_families(void)
{
    int many[WGE_OUTSIDE_SOCKETS + 1], ends[2];
    for (size_t i = 0; i <= WGE_OUTSIDE_SOCKETS; i++)
        many[i] = open_listener("127.0.0.1", false);
    CHECK(wge_outside_open(&outside, many, WGE_OUTSIDE_SOCKETS + 1, &tally) == WGE_INVALID);
    wge_outside_close(&outside);
    open_outside(many, WGE_OUTSIDE_SOCKETS);
    wge_outside_close(&outside);
    open_outside(NULL, 0);
    wge_outside_drain(&outside);
    wge_outside_flush(&outside);
    wge_outside_close(&outside);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    CHECK(wge_outside_open(&outside, ends, 2, &tally) == WGE_SYSTEM_ERROR && errno == EAFNOSUPPORT);
    wge_outside_close(&outside);
    close(ends[0]);
    CHECK(wge_outside_open(&outside, ends, 1, &tally) == WGE_SYSTEM_ERROR && errno == EBADF);
    wge_outside_close(&outside);
    close(ends[1]);
    for (size_t i = 0; i <= WGE_OUTSIDE_SOCKETS; i++)
        close(many[i]);
}

int main(void)
{
    a_batch_has_all_in_order("127.0.0.1", "127.0.0.1", "127.0.0.1");
    a_batch_has_all_in_order("0.0.0.0", "127.0.0.2", "127.0.0.3");
    a_batch_has_all_in_order("::1", "::1", "::1");
    a_batch_has_all_in_order("::", "::1", "::1");
    a_socket_of_both_families();
    joined_messages_are_split("127.0.0.1", "127.0.0.1", true);
    joined_messages_are_split("0.0.0.0", "127.0.0.1", false);
    joined_messages_are_split("::", "::1", true);
    joined_messages_are_split("::1", "::1", false);
    more_than_a_batch();
    bad_messages_are_dropped_by_name();
    link_local_paths_have_an_interface();
    broadcasts_are_not_answered();
    what_is_old_is_drained();
    draining_is_bounded();
    errors_of_the_socket();
    only_udp_of_both_families();
    return 0;
}
