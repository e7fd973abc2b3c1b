/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "path.h"

#include <string.h>

#include "check.h"

#define SECRET UINT64_C(0x1f2e3d4c5b6a7988)

static struct wge_path sample(void)
{
    struct wge_path path;
    memset(&path, 0x5a, sizeof path); /* padding as well */
    memcpy(path.peer.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
    memcpy(path.local.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\1", 16);
    path.peer.port = 4000;
    path.local.port = 0;
    path.interface = 0;
    path.socket = 3;
    return path;
}

static void differs(const struct wge_path *other)
{
    struct wge_path path = sample();
    CHECK(!wge_path_equal(&path, other) && !wge_path_equal(other, &path));
    CHECK(wge_path_hash(&path, SECRET) != wge_path_hash(other, SECRET));
}

static void every_field_counts(void)
{
    for (size_t i = 0; i < 16; i++) {
        struct wge_path peer = sample(), local = sample();
        peer.peer.bytes[i] ^= 1;
        local.local.bytes[i] ^= 0x80;
        differs(&peer);
        differs(&local);
    }
    struct wge_path port = sample(), interface = sample(), place = sample(), swapped = sample();
    port.peer.port = 4001;
    interface.interface = 1;
    place.socket = 4;
    memcpy(swapped.peer.bytes, sample().local.bytes, 16);
    memcpy(swapped.local.bytes, sample().peer.bytes, 16);
    differs(&port);
    differs(&interface);
    differs(&place);
    differs(&swapped);
}

static void padding_does_not(void)
{
    struct wge_path path = sample(), clean;
    memset(&clean, 0, sizeof clean);
    clean.peer = path.peer;
    clean.local = path.local;
    clean.socket = path.socket;
    CHECK(wge_path_equal(&path, &clean) && wge_path_hash(&path, SECRET) == wge_path_hash(&clean, SECRET));
    CHECK(wge_path_hash(&path, SECRET) != wge_path_hash(&path, SECRET + 1));
}

/* A table takes its place from the low bits: the ports of one peer and the addresses of one net must spread. */
static void neighbours_spread(void)
{
    enum { PLACES = 1024 };
    static unsigned by_port[PLACES], by_address[PLACES];
    for (unsigned i = 0; i < 8 * PLACES; i++) {
        struct wge_path port = sample(), address = sample();
        port.peer.port = (uint16_t)(1024 + i);
        address.peer.bytes[14] = (uint8_t)(i >> 8);
        address.peer.bytes[15] = (uint8_t)i;
        by_port[wge_path_hash(&port, SECRET) % PLACES]++;
        by_address[wge_path_hash(&address, SECRET) % PLACES]++;
    }
    for (unsigned i = 0; i < PLACES; i++)
        CHECK(by_port[i] < 32 && by_address[i] < 32); /* 8 on average */
}

int main(void)
{
    every_field_counts();
    padding_does_not();
    neighbours_spread();
    return 0;
}
