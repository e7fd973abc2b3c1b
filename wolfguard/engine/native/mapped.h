/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mapped.h - what is mapped of libwolfssl: a hash over each segment that nobody may write (headers, .text, .rodata), as it
 * lies in this process's memory. The loader writes into the writable segments alone, so these are the same in every
 * process, and the same as in the file; the build's manifest says what they must be (fips/segments.py). */
#ifndef WGE_MAPPED_H
#define WGE_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "result.h"

#define WGE_SEGMENTS_MAX 8
#define WGE_SEGMENT_HASH 32 /* SHA-256 */

struct wge_segment {
    uint64_t address; /* in the file's own numbers, without where it was loaded */
    uint64_t size;
    bool executable;
    uint8_t hash[WGE_SEGMENT_HASH];
};

/* INVALID: the library is linked statically or has more segments; SYSTEM_ERROR: the module gave no hash. */
enum wge_result wge_mapped_measure(struct wge_segment *segments, size_t *count);

#endif
