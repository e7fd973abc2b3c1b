/* SPDX-License-Identifier: GPL-3.0-or-later */
/* buffer_pool.h - ciphertext buffers that streams borrow while they hold bytes, so that an idle connection holds none.
 * Each thread keeps a few returned ones of each size at hand, without locks; a buffer may be returned in another thread
 * than the one that borrowed it. */
#ifndef WGE_BUFFER_POOL_H
#define WGE_BUFFER_POOL_H

#include <stddef.h>
#include <stdint.h>

/* NULL when there is no memory. The content is whatever was there: only ciphertext belongs into these. */
uint8_t *wge_buffer_borrow(size_t size);
/* `size` as it was borrowed. NULL is fine. */
void wge_buffer_return(uint8_t *buffer, size_t size);

#endif
