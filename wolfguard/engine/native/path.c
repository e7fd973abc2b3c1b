/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path.c - see path.h. The hash folds 128-bit products of the fields and a secret: who does not know the secret cannot
 * choose addresses that meet in one place of a table. */
#include "path.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(struct wge_address) == 18, "addresses have no padding and can be compared as bytes");

bool wge_path_equal(const struct wge_path *a, const struct wge_path *b)
{
    return memcmp(&a->peer, &b->peer, sizeof a->peer) == 0 && memcmp(&a->local, &b->local, sizeof a->local) == 0 &&
           a->interface == b->interface && a->socket == b->socket;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t wge_path_hash(const struct wge_path *path, uint64_t secret)
{
    uint64_t peer[2], local[2];
    memcpy(peer, path->peer.bytes, sizeof peer);
    memcpy(local, path->local.bytes, sizeof local);
    uint64_t rest = (uint64_t)path->peer.port | (uint64_t)path->interface << 16 | (uint64_t)path->socket << 48;
    uint64_t hash = fold(peer[0] ^ secret, peer[1] ^ secret * UINT64_C(0x9e3779b97f4a7c15));
    hash = fold(hash ^ local[0], local[1] ^ secret * UINT64_C(0xbf58476d1ce4e5b9));
    return fold(hash ^ rest, secret * UINT64_C(0x94d049bb133111eb) | 1);
}
