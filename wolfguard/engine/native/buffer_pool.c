/* SPDX-License-Identifier: GPL-3.0-or-later */
/* buffer_pool.c - per-thread lists of free buffers, one a size, released when the thread ends. */
#include "buffer_pool.h"

#include <pthread.h>
#include <stdlib.h>

/* Sizes in use: control inbound and outbound, tunnel inbound and outbound. */
#define SIZES 4
#define KEPT_EACH 8

struct shelf {
    size_t size;
    size_t count;
    uint8_t *kept[KEPT_EACH];
};

struct pool {
    struct shelf shelves[SIZES];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static _Thread_local struct pool *mine;

static void clear(void *given)
{
    struct pool *pool = given;
    for (size_t i = 0; i < SIZES; i++)
        for (size_t n = 0; n < pool->shelves[i].count; n++)
            free(pool->shelves[i].kept[n]);
    free(pool);
    mine = NULL;
}

static void make_key(void)
{
    /* a failure costs the memory of a thread that ends, which is when the process ends */
    (void)pthread_key_create(&key, clear);
}

static struct shelf *shelf_of(size_t size)
{
    if (mine == NULL) {
        pthread_once(&once, make_key);
        mine = calloc(1, sizeof(*mine));
        if (mine == NULL)
            return NULL;
        pthread_setspecific(key, mine);
    }
    for (size_t i = 0; i < SIZES; i++) {
        struct shelf *shelf = &mine->shelves[i];
        if (shelf->size == 0)
            shelf->size = size;
        if (shelf->size == size)
            return shelf;
    }
    return NULL;
}

uint8_t *wge_buffer_borrow(size_t size)
{
    struct shelf *shelf = shelf_of(size);
    if (shelf != NULL && shelf->count > 0)
        return shelf->kept[--shelf->count];
    return malloc(size);
}

void wge_buffer_return(uint8_t *buffer, size_t size)
{
    if (buffer == NULL)
        return;
    struct shelf *shelf = shelf_of(size);
    if (shelf != NULL && shelf->count < KEPT_EACH)
        shelf->kept[shelf->count++] = buffer;
    else
        free(buffer);
}
