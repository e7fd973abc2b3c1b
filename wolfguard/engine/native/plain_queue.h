/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plain_queue.h - plaintext on its way to a peer: answers that may hold cookies, so memory is wiped before it is freed.
 */
#ifndef WGE_PLAIN_QUEUE_H
#define WGE_PLAIN_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "result.h"

struct wge_plain_queue {
    uint8_t *bytes; /* NULL while empty */
    size_t start, end;
};

static inline size_t wge_plain_queue_length(const struct wge_plain_queue *q)
{
    return q->end - q->start;
}

/* NO_MEMORY: nothing was added. */
enum wge_result wge_plain_queue_add(struct wge_plain_queue *q, const uint8_t *data, size_t length);
void wge_plain_queue_clear(struct wge_plain_queue *q);

#endif
