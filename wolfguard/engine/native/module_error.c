/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "module_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wolfssl/wolfcrypt/error-crypt.h>
#ifdef HAVE_FIPS
#include <wolfssl/wolfcrypt/fips_test.h>
#endif

#define LINE_MAX_BYTES 512

void wge_module_failed(const char *what, int code)
{
    char line[LINE_MAX_BYTES];
    const char *process = getenv("WOLFGUARD_PROCESS");
    const char *reason = code == 0 ? "no further reason" : code > 0 ? strerror(code) : wc_GetErrorString(code);
    const int length = snprintf(line, sizeof line, "error %s module_failed what=\"%s\" code=%d reason=\"%s\"\n",
                                process == NULL ? "module" : process, what, code, reason);
    if (length > 0)
        (void)!write(STDERR_FILENO, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
    _exit(WGE_MODULE_FAILED);
}

int wge_module_check(int code, const char *what)
{
    switch (code) {
    case RNG_FAILURE_E:
    case DRBG_CONT_FIPS_E:
    case OPEN_RAN_E:
    case READ_RAN_E:
        wge_module_failed(what, code);
#ifdef HAVE_FIPS
    case FIPS_NOT_ALLOWED_E:
    case FIPS_DEGRADED_E:
        /* the module says it also of single calls that it does not allow: what counts is its state */
        if (wolfCrypt_GetStatus_fips() != 0)
            wge_module_failed(what, code);
        return code;
#endif
    default:
        return code;
    }
}
