/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/wolfcrypt/random.h>

#include "module_error.h"

#define BYTES_A_CALL 4096 /* SP 800-90A limits a single request; the module's limit is above this */

struct wge_random {
    WC_RNG generator;
};

static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static struct wge_random *shared;

struct wge_random *wge_random_create(void)
{
    struct wge_random *random = calloc(1, sizeof *random);
    if (random != NULL && wge_module_check(wc_InitRng(&random->generator), "a random generator") != 0) {
        free(random);
        random = NULL;
    }
    return random;
}

void wge_random_free(struct wge_random *random)
{
    if (random == NULL)
        return;
    (void)wc_FreeRng(&random->generator);
    free(random);
}

struct WC_RNG *wge_random_generator(struct wge_random *random)
{
    return &random->generator;
}

enum wge_result wge_random_bytes(uint8_t *out, size_t length)
{
    enum wge_result result = WGE_OK;
    size_t done = 0;
    pthread_mutex_lock(&shared_lock);
    if (shared == NULL)
        shared = wge_random_create();
    if (shared == NULL)
        result = WGE_SYSTEM_ERROR;
    while (result == WGE_OK && done < length) {
        const size_t part = length - done < BYTES_A_CALL ? length - done : BYTES_A_CALL;
        if (wge_module_check(wc_RNG_GenerateBlock(&shared->generator, out + done, (word32)part), "random bytes") != 0)
            result = WGE_SYSTEM_ERROR;
        done += part;
    }
    pthread_mutex_unlock(&shared_lock);
    if (result != WGE_OK)
        explicit_bzero(out, length);
    return result;
}
