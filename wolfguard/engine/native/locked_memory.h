/* SPDX-License-Identifier: GPL-3.0-or-later */
/* locked_memory.h - pages for private keys: never swapped (mlock), never in a core dump (MADV_DONTDUMP), never shared
 * with a forked child (MADV_DONTFORK), between two pages that nobody can touch, and wiped before they go back. */
#ifndef WGE_LOCKED_MEMORY_H
#define WGE_LOCKED_MEMORY_H

#include <stddef.h>

/* Zeroed memory, or NULL with errno set: ENOMEM or EPERM usually mean that RLIMIT_MEMLOCK is too small. */
void *wge_locked_map(size_t bytes);
void wge_locked_unmap(void *memory, size_t bytes); /* NULL is fine */

#endif
