/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keystore.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "locked_memory.h"

#define PEM_CAPACITY (WGE_KEY_PEM_MAX + 1) /* one more, so that a longer file is seen as such */

struct wge_keystore {
    pthread_rwlock_t lock; /* of `keys`: readers hold it for one increment */
    unsigned instances;
    struct wge_lock_duty duty;
    struct wge_private_key *keys[WGE_KEYS_MAX];
};

enum wge_result wge_keystore_create(struct wge_keystore **out, unsigned instances)
{
    struct wge_keystore *store = calloc(1, sizeof *store);
    *out = store;
    if (store == NULL)
        return WGE_NO_MEMORY;
    if (instances == 0)
        instances = 1;
    store->instances = instances > WGE_KEY_INSTANCES_MAX ? WGE_KEY_INSTANCES_MAX : instances;
    pthread_rwlock_init(&store->lock, NULL);
    return WGE_OK;
}

void wge_keystore_allow_unlocked(struct wge_keystore *store)
{
    store->duty.may_fail = true;
}

bool wge_keystore_unlocked(const struct wge_keystore *store)
{
    return atomic_load_explicit(&store->duty.unlocked, memory_order_relaxed);
}

void wge_keystore_free(struct wge_keystore *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < WGE_KEYS_MAX; i++)
        wge_private_key_release(store->keys[i]);
    pthread_rwlock_destroy(&store->lock);
    free(store);
}

/* pread: the descriptor may be a duplicate whose offset another open file shares. It also tells files from pipes and
 * sockets without fstat, which libc of these years makes a call with a path that keyd's filter does not let through. */
static enum wge_result read_whole(int fd, uint8_t *buffer, size_t capacity, size_t *length, const char **why)
{
    *length = 0;
    for (;;) {
        const ssize_t got = pread(fd, buffer + *length, capacity - *length, (off_t)*length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            *why = errno == ESPIPE ? "it is not a regular file" : "the file cannot be read to its end";
            return WGE_SYSTEM_ERROR;
        }
        *length += (size_t)got;
        if (got == 0 && *length > 0 && *length < capacity)
            return WGE_OK;
        if (got == 0) {
            *why = "the file is empty or larger than 16 KiB: give one private key in PEM form";
            return WGE_INVALID;
        }
    }
}

static void install(struct wge_keystore *store, unsigned number, struct wge_private_key *key)
{
    pthread_rwlock_wrlock(&store->lock);
    struct wge_private_key *before = store->keys[number];
    store->keys[number] = key;
    pthread_rwlock_unlock(&store->lock);
    wge_private_key_release(before);
}

enum wge_result wge_keystore_load(struct wge_keystore *store, unsigned number, int fd, const uint8_t *expected,
                                  size_t expected_length, struct wge_private_key **out, const char **why)
{
    size_t length;
    *out = NULL;
    if (number >= WGE_KEYS_MAX) {
        *why = "the key number is out of range";
        return WGE_INVALID;
    }
    uint8_t *pem = wge_locked_map(PEM_CAPACITY, &store->duty);
    if (pem == NULL) {
        *why = WGE_LOCK_REFUSED;
        return WGE_SYSTEM_ERROR;
    }
    struct wge_private_key *key = NULL;
    enum wge_result result = read_whole(fd, pem, PEM_CAPACITY, &length, why);
    if (result == WGE_OK)
        result = wge_private_key_parse(&key, pem, length, store->instances, &store->duty, why);
    wge_locked_unmap(pem, PEM_CAPACITY);
    if (result != WGE_OK)
        return result;
    const uint8_t *spki = wge_private_key_spki(key, &length);
    if (expected != NULL && (length != expected_length || memcmp(spki, expected, length) != 0)) {
        *why = "it does not belong to the certificate: their public keys differ";
        wge_private_key_release(key);
        return WGE_INVALID;
    }
    *out = wge_private_key_share(key);
    install(store, number, key);
    return WGE_OK;
}

void wge_keystore_unload(struct wge_keystore *store, unsigned number)
{
    if (number < WGE_KEYS_MAX)
        install(store, number, NULL);
}

struct wge_private_key *wge_keystore_get(struct wge_keystore *store, unsigned number)
{
    struct wge_private_key *key = NULL;
    if (number >= WGE_KEYS_MAX)
        return NULL;
    pthread_rwlock_rdlock(&store->lock);
    if (store->keys[number] != NULL)
        key = wge_private_key_share(store->keys[number]);
    pthread_rwlock_unlock(&store->lock);
    return key;
}
