/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plain_queue.c - one block that is made anew when something is added: answers are few and short. */
#include "plain_queue.h"

#include <stdlib.h>
#include <string.h>

void wge_plain_queue_clear(struct wge_plain_queue *q)
{
    if (q->bytes != NULL)
        explicit_bzero(q->bytes, q->end);
    free(q->bytes);
    *q = (struct wge_plain_queue){0};
}

enum wge_result wge_plain_queue_add(struct wge_plain_queue *q, const uint8_t *data, size_t length)
{
    const size_t kept = wge_plain_queue_length(q);
    if (length == 0)
        return WGE_OK;
    uint8_t *bytes = malloc(kept + length);
    if (bytes == NULL)
        return WGE_NO_MEMORY;
    if (kept > 0)
        memcpy(bytes, q->bytes + q->start, kept);
    memcpy(bytes + kept, data, length);
    wge_plain_queue_clear(q);
    *q = (struct wge_plain_queue){.bytes = bytes, .end = kept + length};
    return WGE_OK;
}
