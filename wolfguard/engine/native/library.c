/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/random.h>
#ifdef HAVE_FIPS
#include <wolfssl/wolfcrypt/fips_test.h>
#endif

#include "entropy.h"
#include "module_error.h"

#define WHAT_MAX 96

static pthread_once_t once = PTHREAD_ONCE_INIT;
static enum wge_result started = WGE_SYSTEM_ERROR;
static struct wge_self_test_report report;

#ifdef HAVE_FIPS
/* The module tells of its error state: a test that fails, or a hash of its code that differs. */
static void module_says(int ok, int error, const char *hash)
{
    char what[WHAT_MAX];
    if (ok != 0)
        return;
    (void)snprintf(what, sizeof what, "the FIPS module (in-core hash %s)", hash == NULL ? "unknown" : hash);
    wge_module_failed(what, error);
}
#endif

/* The order is the FIPS module's: callback, library, seed, then all self-tests before there are threads, since two first
 * uses of an algorithm at the same time would set the module to degraded mode. */
static void start(void)
{
    char what[WHAT_MAX];
    const uint64_t since = wge_self_test_clock();
#ifdef HAVE_FIPS
    if (wolfCrypt_SetCb_fips(module_says) != 0)
        wge_module_failed("the callback of the FIPS module", wolfCrypt_GetStatus_fips());
#endif
    if (wolfSSL_Init() != WOLFSSL_SUCCESS)
        wge_module_failed("its start (wolfSSL_Init)", 0);
#ifdef WC_RNG_SEED_CB
    if (wc_SetSeed_Cb(wge_entropy_seed) != 0)
        wge_module_failed("its entropy source (wc_SetSeed_Cb)", 0);
#endif
    const char *failed = wge_self_tests_run(&report);
    if (failed != NULL) {
        (void)snprintf(what, sizeof what, "the self-test %s", failed);
        wge_module_failed(what, 0);
    }
    report.microseconds = (uint32_t)(wge_self_test_clock() - since);
    started = WGE_OK;
}

enum wge_result wge_library_start(void)
{
    (void)pthread_once(&once, start);
    return started;
}

const struct wge_self_test_report *wge_library_report(void)
{
    return &report;
}

const char *wge_library_version(void)
{
    return wolfSSL_lib_version();
}

const char *wge_library_module(void)
{
#ifdef HAVE_FIPS
    return wolfCrypt_GetVersion_fips();
#else
    return "";
#endif
}

static bool find(Dl_info *facts)
{
    /* the address comes from the library's own table: a pointer taken here could be this object's stub */
    void *symbol = dlsym(RTLD_DEFAULT, "wolfSSL_lib_version");
    return symbol != NULL && dladdr(symbol, facts) != 0;
}

const char *wge_library_path(void)
{
    Dl_info facts;
    return find(&facts) ? facts.dli_fname : NULL;
}

uintptr_t wge_library_base(void)
{
    Dl_info facts;
    return find(&facts) ? (uintptr_t)facts.dli_fbase : 0;
}
