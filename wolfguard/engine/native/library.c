/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "library.h"

#include <dlfcn.h>
#include <pthread.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/random.h>
#ifdef HAVE_FIPS
#include <wolfssl/wolfcrypt/fips_test.h>
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static enum wge_result started = WGE_SYSTEM_ERROR;

/* The order is the FIPS module's: library, seed, then all self-tests before there are threads, since two first uses of an
 * algorithm at the same time would set the module to degraded mode. */
static void start(void)
{
    if (wolfSSL_Init() != WOLFSSL_SUCCESS)
        return;
#ifdef WC_RNG_SEED_CB
    if (wc_SetSeed_Cb(wc_GenerateSeed) != 0)
        return;
#endif
#ifdef HAVE_FIPS
    if (wc_RunAllCast_fips() != 0 || wolfCrypt_GetStatus_fips() != 0)
        return;
#endif
    started = WGE_OK;
}

enum wge_result wge_library_start(void)
{
    (void)pthread_once(&once, start);
    return started;
}

const char *wge_library_version(void)
{
    return wolfSSL_lib_version();
}

const char *wge_library_path(void)
{
    Dl_info facts;
    /* the address comes from the library's own table: a pointer taken here could be this object's stub */
    void *symbol = dlsym(RTLD_DEFAULT, "wolfSSL_lib_version");
    if (symbol == NULL || dladdr(symbol, &facts) == 0)
        return NULL;
    return facts.dli_fname;
}
