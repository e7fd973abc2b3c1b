/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "seccomp_filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

long wge_seccomp_install(const void *program, size_t length, bool learn)
{
    size_t count = length / sizeof(struct sock_filter);
    if (count == 0 || count > BPF_MAXINSNS || length % sizeof(struct sock_filter) != 0) {
        errno = EINVAL;
        return -1;
    }
    struct sock_filter *filter = malloc(length);
    if (filter == NULL)
        return -1;
    memcpy(filter, program, length);
    /* Learning: what would kill waits for whoever holds the listener. Only a developer's run asks for it. */
    for (size_t i = 0; learn && i < count; i++)
        if (BPF_CLASS(filter[i].code) == BPF_RET && filter[i].k == SECCOMP_RET_KILL_PROCESS)
            filter[i].k = SECCOMP_RET_USER_NOTIF;
    struct sock_fprog fprog = {.len = (unsigned short)count, .filter = filter};
    unsigned flags =
        SECCOMP_FILTER_FLAG_TSYNC | (learn ? SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_NEW_LISTENER : 0u);
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &fprog);
    int reason = errno;
    free(filter);
    if (result == 0 || (learn && result > 0))
        return result;
    /* With TSYNC a positive result is the thread that could not be brought under the filter. */
    errno = result > 0 ? ESRCH : reason;
    return -1;
}

int wge_seccomp_check(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0u, &action) == 0 ? 0 : -1;
}
