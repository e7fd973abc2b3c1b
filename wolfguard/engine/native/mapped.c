/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mapped.h"

#include <dlfcn.h>
#include <link.h>

#include "digest.h"
#include "library.h"

struct search {
    uintptr_t base;
    struct wge_segment *segments;
    size_t count;
    enum wge_result result;
};

static enum wge_result measure(const struct dl_phdr_info *object, struct search *search)
{
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *program = &object->dlpi_phdr[i];
        if (program->p_type != PT_LOAD || (program->p_flags & PF_W) != 0)
            continue;
        if (search->count == WGE_SEGMENTS_MAX || program->p_filesz != program->p_memsz)
            return WGE_INVALID;
        struct wge_segment *segment = &search->segments[search->count++];
        segment->address = program->p_vaddr;
        segment->size = program->p_filesz;
        segment->executable = (program->p_flags & PF_X) != 0;
        const void *start = (const void *)(object->dlpi_addr + program->p_vaddr); /* NOLINT: where the loader put it */
        if (wge_digest(WGE_HASH_SHA256, start, program->p_filesz, segment->hash) != WGE_OK)
            return WGE_SYSTEM_ERROR;
    }
    return search->count > 0 ? WGE_OK : WGE_INVALID;
}

static int look(struct dl_phdr_info *object, size_t size, void *context)
{
    (void)size;
    struct search *search = context;
    if (object->dlpi_addr != search->base)
        return 0;
    search->result = measure(object, search);
    return 1;
}

enum wge_result wge_mapped_measure(struct wge_segment *segments, size_t *count)
{
    struct search search = {wge_library_base(), segments, 0, WGE_INVALID};
    if (search.base != 0)
        (void)dl_iterate_phdr(look, &search);
    *count = search.result == WGE_OK ? search.count : 0;
    return search.result;
}
