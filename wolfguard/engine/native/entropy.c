/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "entropy.h"

#include <errno.h>
#include <sys/random.h>

#include "module_error.h"

int wge_entropy_seed(struct OS_Seed *os, uint8_t *out, uint32_t length)
{
    (void)os;
    uint32_t done = 0;
    while (done < length) {
        const ssize_t got = getrandom(out + done, length - done, 0);
        if (got > 0)
            done += (uint32_t)got;
        else if (got == 0 || errno != EINTR)
            wge_module_failed("the entropy source (getrandom)", got == 0 ? 0 : errno);
    }
    return 0;
}
