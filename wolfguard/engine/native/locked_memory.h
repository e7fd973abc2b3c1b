/* SPDX-License-Identifier: GPL-3.0-or-later */
/* locked_memory.h - pages for private keys: never swapped (mlock), never in a core dump (MADV_DONTDUMP), never shared
 * with a forked child (MADV_DONTFORK), between two pages that nobody can touch, and wiped before they go back.
 * A site may allow, for machines that refuse mlock, that pages stay without this one of their protections. */
#ifndef WGE_LOCKED_MEMORY_H
#define WGE_LOCKED_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* What an owner of such pages may do without, and whether it came to that. */
struct wge_lock_duty {
    bool may_fail;        /* the site allows pages that could not be locked */
    atomic_bool unlocked; /* at least one was not */
};

/* For the operator, when wge_locked_map returned NULL. */
#define WGE_LOCK_REFUSED \
    "no memory can be locked for it: raise the limit of locked memory (RLIMIT_MEMLOCK), have the container's system " \
    "call filter let mlock through, or do without by confinement: {allow: [unlocked-keys]} in the site file"

/* Zeroed memory, or NULL with errno set: ENOMEM or EPERM usually mean that RLIMIT_MEMLOCK is too small or that a filter
 * of system calls refuses mlock. */
void *wge_locked_map(size_t bytes, struct wge_lock_duty *duty);
void wge_locked_unmap(void *memory, size_t bytes); /* NULL is fine */

#endif
