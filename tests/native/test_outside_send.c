/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real sockets over loopback, read back by the other half of the module or by plain recvmsg(). Loopback takes all it is
 * given at once, so a socket that is full, or sends a part of a list only, is played by a sendmmsg() put before the real
 * one. */
#include <sys/socket.h>

static int kernel_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
#define sendmmsg kernel_sendmmsg
#include "outside_send.c"
#undef sendmmsg

#include <pthread.h>

#include "check.h"
#include "datagrams.h"

static unsigned at_most = MESSAGES; /* messages that one call takes */
static int failing_fd = -1, failing_error;
static unsigned failing_after; /* messages that still pass on that socket */
static int cutting_error;      /* of messages that are to be cut */
static int interruptions;

static bool has_segments(struct msghdr *header)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL; part = CMSG_NXTHDR(header, part))
        if (part->cmsg_level == SOL_UDP && part->cmsg_type == UDP_SEGMENT)
            return true;
    return false;
}

static int kernel_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    if (interruptions > 0) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    if (cutting_error != 0 && has_segments(&messages[0].msg_hdr)) {
        errno = cutting_error;
        return -1;
    }
    count = count < at_most ? count : at_most;
    if (fd == failing_fd) {
        count = count < failing_after ? count : failing_after;
        failing_after -= count;
        errno = failing_error;
    }
    return count > 0 ? sendmmsg(fd, messages, count, flags) : -1;
}

static struct wge_outside outside, far_side;
static struct wge_tally tally, far_tally;

/* A gateway with one socket, a client with one, and the gateway's path to the client. */
static int gateway, client;
static struct wge_path path;

static void set_path(struct wge_path *to, const char *peer, uint16_t port, const char *local, uint8_t socket)
{
    struct place place = place_of(peer, port), from = place_of(local, 0);
    memset(to, 0, sizeof *to);
    CHECK(wge_address_from(&to->peer, &place.address) && wge_address_from(&to->local, &from.address));
    to->socket = socket;
}

static void open_pair(const char *listen, const char *local, const char *peer, bool gro)
{
    gateway = open_listener(listen, true);
    client = open_listener(peer, gro);
    memset(&tally, 0, sizeof tally);
    memset(&far_tally, 0, sizeof far_tally);
    CHECK(wge_outside_open(&outside, &gateway, 1, &tally) == WGE_OK);
    CHECK(wge_outside_open(&far_side, &client, 1, &far_tally) == WGE_OK);
    set_path(&path, peer, port_of(client), local, 0);
}

static void close_pair(void)
{
    wge_outside_close(&outside);
    wge_outside_close(&far_side);
    close(gateway);
    close(client);
}

static void send_one(const struct wge_path *to, size_t length, unsigned number)
{
    static uint8_t bytes[WGE_OUTSIDE_DATAGRAM_MAX + 1];
    fill_datagram(bytes, length, number);
    wge_outside_send(&outside, to, bytes, length);
    memset(bytes, 0, length); /* it was copied */
}

static void arrives(size_t length, unsigned number)
{
    const struct wge_path *from;
    uint8_t *datagram;
    size_t got;
    if (!wge_outside_next(&far_side, &from, &datagram, &got)) {
        CHECK(wge_outside_receive(&far_side, 0) == WGE_OK);
        CHECK(wge_outside_next(&far_side, &from, &datagram, &got));
    }
    CHECK(got == length && is_datagram(datagram, got, number));
    CHECK(memcmp(from->peer.bytes, path.local.bytes, 16) == 0 && from->peer.port == port_of(gateway));
}

static void nothing_arrives(void)
{
    const struct wge_path *from;
    uint8_t *datagram;
    size_t got;
    CHECK(!wge_outside_next(&far_side, &from, &datagram, &got));
    CHECK(wge_outside_receive(&far_side, 0) == WGE_WANT_READ);
}

/* Sends datagrams of these lengths in one batch: they arrive as they were, and took so many messages. */
static void round_trip(const size_t *lengths, unsigned count, unsigned messages)
{
    uint64_t before = tally.outside_messages_out, datagrams_before = tally.datagrams_out;
    uint64_t writes = tally.outside_writes;
    for (unsigned i = 0; i < count; i++)
        send_one(&path, lengths[i], i);
    nothing_arrives();
    wge_outside_flush(&outside);
    for (unsigned i = 0; i < count; i++)
        arrives(lengths[i], i);
    nothing_arrives();
    CHECK(tally.outside_messages_out == before + messages && tally.datagrams_out == datagrams_before + count);
    CHECK(tally.outside_writes == writes + 1);
    wge_outside_flush(&outside);
    CHECK(tally.outside_writes == writes + 1); /* there is nothing to send */
}

static void equal_lengths_are_joined(const char *listen, const char *local, const char *peer, bool gro)
{
    size_t equal[WGE_OUTSIDE_SEGMENTS + 1], long_ones[50];
    for (size_t i = 0; i <= WGE_OUTSIDE_SEGMENTS; i++)
        equal[i] = 900;
    for (size_t i = 0; i < 50; i++)
        long_ones[i] = 1400;
    open_pair(listen, local, peer, gro);
    round_trip((size_t[]){1}, 1, 1);
    round_trip((size_t[]){WGE_OUTSIDE_DATAGRAM_MAX}, 1, 1);
    CHECK(outside.gso == WGE_OFFLOAD_UNASKED && far_side.gro == WGE_OFFLOAD_UNASKED);
    round_trip((size_t[]){1400, 1400, 1400, 60}, 4, 1);
    CHECK(outside.gso == WGE_OFFLOAD_ON && far_side.gro == (gro ? WGE_OFFLOAD_ON : WGE_OFFLOAD_UNASKED));
    round_trip((size_t[]){100, 100, 50, 50, 100, 100, 1}, 7, 3);
    round_trip((size_t[]){1, 2, 3, 4}, 4, 4);
    round_trip((size_t[]){1, 1, 1, 1}, 4, 1);
    round_trip((size_t[]){30000, 30000, 30000}, 3, 2);
    round_trip((size_t[]){32754, 32753}, 2, 1);
    round_trip((size_t[]){32754, 32754}, 2, 2);
    round_trip((size_t[]){40000, 25508}, 2, 2);
    round_trip(equal, WGE_OUTSIDE_SEGMENTS, 1);
    round_trip(equal, WGE_OUTSIDE_SEGMENTS + 1, 2);
    round_trip(long_ones, 50, 2); /* 46 fit */
    close_pair();
}

static void every_length_arrives(void)
{
    open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1", true);
    for (size_t length = 1; length <= WGE_OUTSIDE_DATAGRAM_MAX; length += length < 1600 ? 1 : 997)
        round_trip(&length, 1, 1);
    close_pair();
}

/* What a peer sees of the answer: plain recvfrom(). */
static void answers_leave_from_the_address_asked(const char *listen, const char *asked, const char *peer)
{
    int stranger = open_client(peer);
    open_pair(listen, asked, peer, true);
    struct place to = place_of(asked, port_of(gateway)), from = {.length = sizeof from.address};
    CHECK(sendto(stranger, "hello", 5, 0, (struct sockaddr *)&to.address, to.length) == 5);
    const struct wge_path *way;
    uint8_t *datagram;
    size_t length;
    CHECK(wge_outside_receive(&outside, 0) == WGE_OK && wge_outside_next(&outside, &way, &datagram, &length));
    wge_outside_send(&outside, way, datagram, length);
    wge_outside_send(&outside, way, datagram, length);
    wge_outside_flush(&outside);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t answer[16];
        struct wge_address source, expected;
        from.length = sizeof from.address;
        CHECK(recvfrom(stranger, answer, sizeof answer, 0, (struct sockaddr *)&from.address, &from.length) == 5);
        CHECK(memcmp(answer, "hello", 5) == 0);
        CHECK(wge_address_from(&source, &from.address) && wge_address_from(&expected, &to.address));
        CHECK(memcmp(&source, &expected, sizeof source) == 0);
    }
    close(stranger);
    close_pair();
}

static void paths_are_not_mixed(void)
{
    struct wge_path other;
    uint8_t got[64];
    open_pair("0.0.0.0", "127.0.0.1", "127.0.0.1", true);
    int second = open_client("127.0.0.9");
    set_path(&other, "127.0.0.9", port_of(second), "127.0.0.1", 0);
    for (unsigned i = 0; i < 6; i++)
        send_one(i % 3 == 2 ? &other : &path, 50, i);
    wge_outside_flush(&outside);
    CHECK(tally.outside_messages_out == 4 && tally.outside_writes == 1);
    for (unsigned i = 0; i < 6; i++) {
        if (i % 3 == 2)
            CHECK(recv(second, got, sizeof got, 0) == 50 && is_datagram(got, 50, i));
        else
            arrives(50, i);
    }
    close(second);
    close_pair();
}

/* A batch is bounded in bytes and in messages. */
static void a_full_batch_goes_out_early(void)
{
    open_pair("::1", "::1", "::1", true);
    for (unsigned i = 0; i < ARENA / 1024; i++)
        send_one(&path, 1024, i);
    CHECK(tally.datagrams_out == 0);
    send_one(&path, 1024, ARENA / 1024);
    CHECK(tally.datagrams_out == ARENA / 1024);
    for (unsigned i = 0; i < ARENA / 1024; i++)
        arrives(1024, i);
    nothing_arrives();
    wge_outside_flush(&outside);
    arrives(1024, ARENA / 1024);
    for (unsigned i = 0; i <= MESSAGES; i++)
        send_one(&path, 1 + i, i);
    for (unsigned i = 0; i < MESSAGES; i++)
        arrives(1 + i, i);
    nothing_arrives();
    wge_outside_flush(&outside);
    arrives(1 + MESSAGES, MESSAGES);
    CHECK(tally.outside_writes == 4);
    close_pair();
}

static void a_part_of_a_list_goes_on(void)
{
    open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1", true);
    at_most = 3;
    interruptions = 2;
    for (unsigned i = 0; i < 8; i++)
        send_one(&path, 10 + i, i);
    wge_outside_flush(&outside);
    CHECK(tally.outside_writes == 3 && tally.datagrams_out == 8 && interruptions == 0);
    for (unsigned i = 0; i < 8; i++)
        arrives(10 + i, i);
    at_most = MESSAGES;
    close_pair();
}

/* Two sockets, turn by turn: only what the full one would have to send is lost, and it is not asked again and again. */
static void a_full_socket_loses_its_own(int error)
{
    struct wge_path second;
    open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1", true);
    int sockets[2] = {gateway, open_listener("127.0.0.1", true)};
    wge_outside_close(&outside);
    CHECK(wge_outside_open(&outside, sockets, 2, &tally) == WGE_OK);
    second = path;
    second.socket = 1;
    failing_fd = sockets[1];
    failing_error = error;
    failing_after = 1;
    for (unsigned i = 0; i < 4; i++) {
        send_one(&path, 500, 0);
        for (unsigned d = 0; d < 3; d++)
            send_one(&second, 100 + i, i);
    }
    wge_outside_flush(&outside);
    failing_fd = -1;
    CHECK(tally.drop_datagram_socket_full == 9 && tally.datagrams_out == 7 && tally.drop_datagram_unsent == 0);
    CHECK(tally.outside_writes == 6);
    send_one(&second, 100, 0); /* the next flush tries anew */
    wge_outside_flush(&outside);
    CHECK(tally.datagrams_out == 8);
    close(sockets[1]);
    close_pair();
}

static void other_errors_lose_one_message(void)
{
    static const int errors[] = {ENETUNREACH, EHOSTUNREACH, EPERM, ECONNREFUSED, EACCES, EBADF};
    open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1", true);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        uint64_t before = tally.drop_datagram_unsent;
        failing_fd = gateway;
        failing_error = errors[i];
        failing_after = 1;
        send_one(&path, 10, 0);
        send_one(&path, 20, 1);
        send_one(&path, 20, 2);
        send_one(&path, 20, 3);
        wge_outside_flush(&outside);
        failing_fd = -1;
        CHECK(tally.drop_datagram_unsent == before + 3);
        arrives(10, 0);
        nothing_arrives();
    }
    CHECK(outside.gso == WGE_OFFLOAD_UNASKED);
    /* a real one: nobody routes these from loopback; what comes behind is sent */
    struct wge_path nowhere;
    set_path(&nowhere, "203.0.113.1", 443, "127.0.0.1", 0);
    tally.drop_datagram_unsent = 0;
    send_one(&nowhere, 10, 0);
    send_one(&nowhere, 10, 0);
    send_one(&path, 10, 1);
    wge_outside_flush(&outside);
    CHECK(tally.drop_datagram_unsent == 2 && outside.gso == WGE_OFFLOAD_UNASKED);
    arrives(10, 1);
    close_pair();
}

static void what_makes_no_sense_is_not_sent(void)
{
    struct wge_path v6, no_socket;
    open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1", true);
    set_path(&v6, "::1", 443, "::1", 0);
    no_socket = path;
    no_socket.socket = 1;
    send_one(&v6, 10, 0);
    send_one(&no_socket, 10, 0);
    send_one(&path, 0, 0);
    CHECK(tally.drop_datagram_unsent == 3);
    send_one(&path, WGE_OUTSIDE_DATAGRAM_MAX + 1, 0);
    CHECK(tally.drop_datagram_too_long == 1);
    wge_outside_flush(&outside);
    CHECK(tally.outside_writes == 0);
    close_pair();
}

/* IPV6_MTU narrows one socket's path, as no option does for IPv4. */
static void too_long_for_the_path(void)
{
    open_pair("::1", "::1", "::1", true);
    set_option(gateway, IPPROTO_IPV6, IPV6_MTU, 1280);
    set_option(gateway, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
    set_option(gateway, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
    send_one(&path, 1232, 0);
    send_one(&path, 1233, 1);
    send_one(&path, 100, 2); /* joins the long one, and passes without it */
    send_one(&path, 200, 3);
    wge_outside_flush(&outside);
    arrives(1232, 0);
    arrives(100, 2);
    arrives(200, 3);
    nothing_arrives();
    CHECK(tally.drop_datagram_too_long == 1 && tally.datagrams_out == 3 && outside.gso == WGE_OFFLOAD_UNASKED);
    send_one(&path, 1300, 0);
    send_one(&path, 1300, 1);
    send_one(&path, 1300, 2);
    wge_outside_flush(&outside);
    nothing_arrives();
    CHECK(tally.drop_datagram_too_long == 4 && outside.gso == WGE_OFFLOAD_UNASKED);
    cutting_error = EINVAL; /* as kernels before Linux 6.14 call it */
    send_one(&path, 1300, 0);
    send_one(&path, 100, 1);
    wge_outside_flush(&outside);
    cutting_error = 0;
    arrives(100, 1);
    nothing_arrives();
    CHECK(tally.drop_datagram_too_long == 5 && outside.gso == WGE_OFFLOAD_UNASKED);
    round_trip((size_t[]){1232, 1232, 7}, 3, 1);
    CHECK(outside.gso == WGE_OFFLOAD_ON && tally.drop_datagram_unsent == 0);
    close_pair();
}

/* The kernel cuts no datagrams without checksums. */
static void a_kernel_that_refuses_is_asked_once(void)
{
    open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1", true);
    set_option(gateway, SOL_SOCKET, SO_NO_CHECK, 1);
    for (unsigned i = 0; i < 5; i++)
        send_one(&path, i < 4 ? 700 : 30, i);
    send_one(&path, 900, 5);
    wge_outside_flush(&outside);
    for (unsigned i = 0; i < 6; i++)
        arrives(i < 4 ? 700 : i == 4 ? 30 : 900, i);
    nothing_arrives();
    CHECK(outside.gso == WGE_OFFLOAD_REFUSED && tally.datagrams_out == 6 && tally.drop_datagram_unsent == 0);
    CHECK(tally.outside_writes == 3 && tally.outside_messages_out == 6);
    set_option(gateway, SOL_SOCKET, SO_NO_CHECK, 0);
    round_trip((size_t[]){700, 700, 700, 30}, 4, 4); /* not tried again */
    close_pair();
}

static void each_way_to_refuse(void)
{
    static const struct {
        int error;
        int known;
    } cases[] = {
        {EIO, WGE_OFFLOAD_REFUSED},
        {EINVAL, WGE_OFFLOAD_REFUSED},
        {EOPNOTSUPP, WGE_OFFLOAD_REFUSED},
        {EMSGSIZE, WGE_OFFLOAD_UNASKED}, /* too long to be cut, not to be sent: the path allows fragments */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_pair("::1", "::1", "::1", true);
        cutting_error = cases[i].error;
        send_one(&path, 700, 0);
        send_one(&path, 700, 1);
        wge_outside_flush(&outside);
        cutting_error = 0;
        arrives(700, 0);
        arrives(700, 1);
        CHECK((int)outside.gso == cases[i].known && tally.datagrams_out == 2);
        close_pair();
    }
}

static void what_has_worked_is_kept(void)
{
    open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1", true);
    round_trip((size_t[]){700, 700}, 2, 1);
    set_option(gateway, SOL_SOCKET, SO_NO_CHECK, 1);
    send_one(&path, 700, 0);
    send_one(&path, 700, 1);
    wge_outside_flush(&outside);
    arrives(700, 0);
    arrives(700, 1);
    CHECK(outside.gso == WGE_OFFLOAD_ON && tally.datagrams_out == 4);
    set_option(gateway, SOL_SOCKET, SO_NO_CHECK, 0);
    round_trip((size_t[]){700, 700}, 2, 1);
    close_pair();
}

/* A local address that has left this machine is refused with the same error, and says nothing about cutting. */
static void a_broken_path_refuses_nothing(const char *listen, const char *peer, const char *lost)
{
    struct wge_path broken;
    open_pair(listen, peer, peer, true);
    set_path(&broken, peer, port_of(client), lost, 0);
    send_one(&broken, 700, 0);
    send_one(&broken, 700, 1);
    wge_outside_flush(&outside);
    CHECK(outside.gso == WGE_OFFLOAD_UNASKED && tally.drop_datagram_unsent == 2);
    nothing_arrives();
    round_trip((size_t[]){700, 700}, 2, 1);
    close_pair();
}

/* The socket fills while the datagrams of a refused message go out one by one. */
static void full_while_sending_apart(void)
{
    open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1", true);
    set_option(gateway, SOL_SOCKET, SO_NO_CHECK, 1);
    at_most = 1;
    failing_fd = gateway;
    failing_error = EAGAIN;
    failing_after = 3; /* the refused one, and two */
    for (unsigned i = 0; i < 6; i++)
        send_one(&path, 700, i);
    send_one(&path, 900, 6);
    wge_outside_flush(&outside);
    at_most = MESSAGES;
    failing_fd = -1;
    arrives(700, 0);
    arrives(700, 1);
    nothing_arrives();
    CHECK(tally.drop_datagram_socket_full == 5 && tally.datagrams_out == 2);
    close_pair();
}

static void link_local_paths_name_their_interface(void)
{
    struct wge_path near;
    open_pair("::1", "::1", "::1", true);
    set_path(&near, "fe80::1", 443, "fe80::2", 0);
    near.interface = 7;
    send_one(&near, 10, 0);
    send_one(&near, 10, 0);
    prepare(&outside, 0);
    struct msghdr *header = &outside.outbox->headers[0].msg_hdr;
    const struct sockaddr_in6 *name = header->msg_name;
    struct in6_pktinfo info;
    struct cmsghdr *part = CMSG_FIRSTHDR(header);
    CHECK(name->sin6_scope_id == 7 && part->cmsg_type == IPV6_PKTINFO);
    memcpy(&info, CMSG_DATA(part), sizeof info);
    CHECK(info.ipi6_ifindex == 7);
    part = CMSG_NXTHDR(header, part);
    CHECK(part != NULL && part->cmsg_level == SOL_UDP && part->cmsg_type == UDP_SEGMENT);
    CHECK(CMSG_NXTHDR(header, part) == NULL);
    close_pair();
}

/* Lengths and paths by a fixed sequence: what arrives is what was sent, path by path in order. */
static void any_list_arrives(const char *listen, const char *address, bool gro)
{
    enum { PATHS = 3, DATAGRAMS = 60, ROUNDS = 300 };
    struct wge_path paths[PATHS];
    int clients[PATHS];
    uint32_t state = 20;
    open_pair(listen, address, address, gro);
    wge_outside_close(&far_side);
    for (unsigned i = 0; i < PATHS; i++) {
        clients[i] = open_listener(address, gro);
        set_path(&paths[i], address, port_of(clients[i]), address, 0);
    }
    CHECK(wge_outside_open(&far_side, clients, PATHS, &far_tally) == WGE_OK);
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t lengths[PATHS][DATAGRAMS], counts[PATHS] = {0}, length = 500;
        unsigned to = 0;
        for (unsigned i = 0; i < DATAGRAMS; i++) {
            state = state * 1664525u + 1013904223u;
            if (state >> 30 == 0)
                to = (state >> 20) % PATHS;
            if ((state >> 28 & 3) == 0)
                length = 1 + (state >> 8) % 1500;
            send_one(&paths[to], length, (unsigned)counts[to]);
            lengths[to][counts[to]++] = length;
        }
        wge_outside_flush(&outside);
        for (unsigned i = 0; i < PATHS; i++) {
            const struct wge_path *from;
            uint8_t *datagram;
            size_t got, at = 0;
            while (wge_outside_receive(&far_side, i) == WGE_OK) {
                for (; wge_outside_next(&far_side, &from, &datagram, &got); at++)
                    CHECK(at < counts[i] && got == lengths[i][at] && is_datagram(datagram, got, (unsigned)at));
            }
            CHECK(at == counts[i]);
        }
    }
    CHECK(tally.datagrams_out == DATAGRAMS * ROUNDS && far_tally.datagrams_in == DATAGRAMS * ROUNDS);
    CHECK(tally.outside_messages_out < DATAGRAMS * ROUNDS);
    for (unsigned i = 0; i < PATHS; i++)
        close(clients[i]);
    close_pair();
}

static _Atomic bool seen;

static void *watch_status(void *arg)
{
    (void)arg;
    while (outside.gso != WGE_OFFLOAD_ON || far_side.gro != WGE_OFFLOAD_ON)
        sched_yield();
    seen = true;
    return NULL;
}

static void status_is_for_any_thread(void)
{
    pthread_t reader;
    open_pair("127.0.0.1", "127.0.0.1", "127.0.0.1", true);
    CHECK(pthread_create(&reader, NULL, watch_status, NULL) == 0);
    while (!seen)
        round_trip((size_t[]){700, 700}, 2, 1);
    CHECK(pthread_join(reader, NULL) == 0);
    close_pair();
}

int main(void)
{
    for (int gro = 0; gro < 2; gro++) {
        equal_lengths_are_joined("127.0.0.1", "127.0.0.1", "127.0.0.1", gro);
        equal_lengths_are_joined("0.0.0.0", "127.0.0.3", "127.0.0.2", gro);
        equal_lengths_are_joined("::1", "::1", "::1", gro);
        equal_lengths_are_joined("::", "::1", "::1", gro);
        any_list_arrives("0.0.0.0", "127.0.0.1", gro);
        any_list_arrives("::1", "::1", gro);
    }
    every_length_arrives();
    answers_leave_from_the_address_asked("0.0.0.0", "127.0.0.2", "127.0.0.1");
    answers_leave_from_the_address_asked("127.0.0.2", "127.0.0.2", "127.0.0.1");
    answers_leave_from_the_address_asked("::", "::1", "::1");
    answers_leave_from_the_address_asked("::1", "::1", "::1");
    paths_are_not_mixed();
    a_full_batch_goes_out_early();
    a_part_of_a_list_goes_on();
    a_full_socket_loses_its_own(EAGAIN);
    a_full_socket_loses_its_own(ENOBUFS);
    other_errors_lose_one_message();
    what_makes_no_sense_is_not_sent();
    too_long_for_the_path();
    a_kernel_that_refuses_is_asked_once();
    each_way_to_refuse();
    what_has_worked_is_kept();
    a_broken_path_refuses_nothing("0.0.0.0", "127.0.0.1", "203.0.113.5");
    a_broken_path_refuses_nothing("::", "::1", "2001:db8::5");
    full_while_sending_apart();
    link_local_paths_name_their_interface();
    status_is_for_any_thread();
    return 0;
}
