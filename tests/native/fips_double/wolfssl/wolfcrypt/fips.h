/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fips.h - stands, in one test alone, for the header of the same name that only FIPS bundles have: so that code under
 * HAVE_FIPS goes through the compiler. Declares what ours uses of it and nothing else; no library behind it exists. */
#ifndef WOLF_CRYPT_FIPS_H
#define WOLF_CRYPT_FIPS_H

#include <wolfssl/wolfcrypt/types.h>

WOLFSSL_API const char *wolfCrypt_GetVersion_fips(void);
WOLFSSL_API int wolfCrypt_IntegrityTest_fips(void);

#endif
