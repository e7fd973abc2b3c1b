/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datagrams.h - UDP sockets of loopback for the C tests, with the options that the supervisor sets, and datagrams whose
 * bytes tell which they are. */
#ifndef DATAGRAMS_H
#define DATAGRAMS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

struct place {
    struct sockaddr_storage address;
    socklen_t length;
};

static inline struct place place_of(const char *address, uint16_t port)
{
    struct place place = {.length = 0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&place.address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&place.address;
    if (strchr(address, ':') == NULL) {
        *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        CHECK(inet_pton(AF_INET, address, &v4->sin_addr) == 1);
        place.length = sizeof *v4;
    } else {
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        CHECK(inet_pton(AF_INET6, address, &v6->sin6_addr) == 1);
        place.length = sizeof *v6;
    }
    return place;
}

static inline void set_option(int fd, int level, int option, int value)
{
    CHECK(setsockopt(fd, level, option, &value, sizeof value) == 0);
}

/* A bound socket as the supervisor opens them. */
static inline int open_listener(const char *address, bool gro)
{
    struct place place = place_of(address, 0);
    int fd = socket(place.address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    if (place.address.ss_family == AF_INET) {
        set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    } else {
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    }
    set_option(fd, SOL_UDP, UDP_GRO, gro);
    set_option(fd, SOL_SOCKET, SO_RCVBUF, 1 << 20);
    CHECK(bind(fd, (struct sockaddr *)&place.address, place.length) == 0);
    return fd;
}

/* A client's socket: nothing set. */
static inline int open_client(const char *address)
{
    struct place place = place_of(address, 0);
    int fd = socket(place.address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    set_option(fd, SOL_SOCKET, SO_RCVBUF, 1 << 20);
    CHECK(bind(fd, (struct sockaddr *)&place.address, place.length) == 0);
    return fd;
}

static inline uint16_t port_of(int fd)
{
    struct sockaddr_in6 bound; /* the port lies at the same place in both families */
    socklen_t length = sizeof bound;
    CHECK(getsockname(fd, (struct sockaddr *)&bound, &length) == 0);
    return ntohs(bound.sin6_port);
}

static inline void fill_datagram(uint8_t *bytes, size_t length, unsigned number)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(number * 131u + i * 7u + (i >> 8));
}

static inline bool is_datagram(const uint8_t *bytes, size_t length, unsigned number)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != (uint8_t)(number * 131u + i * 7u + (i >> 8)))
            return false;
    return true;
}

#endif
