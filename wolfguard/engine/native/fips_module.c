/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "fips_module.h"

#include <wolfssl/wolfcrypt/settings.h>
#ifdef HAVE_FIPS
#include <wolfssl/wolfcrypt/fips.h>
#include <wolfssl/wolfcrypt/fips_test.h>
#endif

bool wge_fips_module(struct wge_fips_module *module)
{
#ifdef HAVE_FIPS
    const char *version = wolfCrypt_GetVersion_fips();
    const char *core_hash = wolfCrypt_GetCoreHash_fips();
    module->version = version == NULL ? "" : version;
    module->core_hash = core_hash == NULL ? "" : core_hash;
    module->status = wolfCrypt_GetStatus_fips();
#if FIPS_VERSION_GE(5, 3)
    module->mode = wolfCrypt_GetMode_fips();
#else
    module->mode = -1;
#endif
    return true;
#else
    (void)module;
    return false;
#endif
}
