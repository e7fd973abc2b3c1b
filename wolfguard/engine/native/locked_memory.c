/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "locked_memory.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t whole_pages(size_t bytes)
{
    const size_t page = page_size();
    return (bytes + page - 1) / page * page;
}

static bool lock_pages(void *memory, size_t bytes, struct wge_lock_duty *duty)
{
    if (mlock(memory, bytes) == 0)
        return true;
    if (!duty->may_fail)
        return false;
    atomic_store_explicit(&duty->unlocked, true, memory_order_relaxed);
    return true;
}

void *wge_locked_map(size_t bytes, struct wge_lock_duty *duty)
{
    const size_t page = page_size();
    if (bytes == 0 || bytes > SIZE_MAX / 2) {
        errno = EINVAL;
        return NULL;
    }
    const size_t inner = whole_pages(bytes);
    uint8_t *guard = mmap(NULL, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guard == MAP_FAILED)
        return NULL;
    uint8_t *memory = guard + page;
    if (mprotect(memory, inner, PROT_READ | PROT_WRITE) != 0 || !lock_pages(memory, inner, duty) ||
        madvise(memory, inner, MADV_DONTDUMP) != 0 || madvise(memory, inner, MADV_DONTFORK) != 0) {
        const int reason = errno;
        (void)munmap(guard, inner + 2 * page);
        errno = reason;
        return NULL;
    }
    return memory;
}

void wge_locked_unmap(void *memory, size_t bytes)
{
    if (memory == NULL)
        return;
    const size_t page = page_size();
    const size_t inner = whole_pages(bytes);
    explicit_bzero(memory, inner);
    (void)munmap((uint8_t *)memory - page, inner + 2 * page); /* unlocks as well */
}
