/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unaligned.h - words at any address of a packet, as they lie in memory: swapping bytes is up to the caller. */
#ifndef WGE_UNALIGNED_H
#define WGE_UNALIGNED_H

#include <stdint.h>
#include <string.h>

static inline uint16_t wge_load16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint32_t wge_load32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline void wge_store16(uint8_t *at, uint16_t value)
{
    memcpy(at, &value, sizeof value);
}

#endif
