/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checksum.c - see checksum.h. The bulk loop adds 32-bit words into 64-bit lanes, so no carry is ever lost: 2^32 words
 * would be needed to overflow a lane. Ones-complement sums do not depend on word size, since 2^16 - 1 divides 2^32 - 1.
 */
#include "checksum.h"

#include <arpa/inet.h>
#include <string.h>

typedef uint64_t lanes __attribute__((vector_size(16)));

#define BLOCK (4 * sizeof(lanes))

static uint64_t load64(const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

static lanes load_lanes(const uint8_t *data)
{
    lanes words;
    memcpy(&words, data, sizeof words);
    return words;
}

static uint64_t halves(uint64_t word)
{
    return (word & 0xffffffff) + (word >> 32);
}

/* Keeps a running sum below 2^48, so that callers can go on adding. */
static uint64_t narrow(uint64_t sum)
{
    return (sum & 0xffffffff) + (sum >> 32);
}

uint64_t wge_sum(const uint8_t *data, size_t length, uint64_t sum)
{
    if (length >= BLOCK) {
        lanes low = {0, 0};
        lanes high = {0, 0};
        const lanes mask = {0xffffffff, 0xffffffff};
        do {
            lanes a = load_lanes(data);
            lanes b = load_lanes(data + sizeof(lanes));
            lanes c = load_lanes(data + 2 * sizeof(lanes));
            lanes d = load_lanes(data + 3 * sizeof(lanes));
            low += (a & mask) + (b & mask) + (c & mask) + (d & mask);
            high += (a >> 32) + (b >> 32) + (c >> 32) + (d >> 32);
            data += BLOCK;
            length -= BLOCK;
        } while (length >= BLOCK);
        low += high;
        sum = narrow(sum) + narrow(low[0]) + narrow(low[1]);
    }
    while (length >= 8) {
        sum += halves(load64(data));
        data += 8;
        length -= 8;
    }
    if (length > 0) {
        /* Zeros after the last byte do not change the sum; memory order places an odd byte as its word's first. */
        uint8_t rest[8] = {0};
        memcpy(rest, data, length);
        sum += halves(load64(rest));
    }
    return narrow(sum);
}

uint16_t wge_sum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

uint64_t wge_sum_pseudo(uint8_t version, const uint8_t *source, const uint8_t *destination, uint8_t protocol,
                        size_t length)
{
    size_t bytes = version == 4 ? 4 : 16;
    uint64_t sum = wge_sum(source, bytes, 0);
    sum = wge_sum(destination, bytes, sum);
    return sum + htons(protocol) + htonl((uint32_t)length);
}

uint16_t wge_checksum_replaced(uint16_t checksum, uint16_t before, uint16_t after)
{
    return (uint16_t)~wge_sum_fold((uint64_t)(uint16_t)~checksum + (uint16_t)~before + after);
}

bool wge_checksum_finish(uint8_t *packet, size_t length, size_t start, size_t offset)
{
    if (start > length || offset > length - start || length - start - offset < 2)
        return false;
    uint16_t checksum = (uint16_t)~wge_sum_fold(wge_sum(packet + start, length - start, 0));
    if (checksum == 0)
        checksum = 0xffff; /* in UDP zero says "none"; everywhere else the two are equal */
    memcpy(packet + start + offset, &checksum, sizeof checksum);
    return true;
}
