/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_steering.c - any datagram from any address: steering's program, run as the kernel would, gives the slot that is
 * worked out here a second time, by hand. Input: which program, IPv4 or IPv6, 16 bytes of address, the datagram. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "steering_program.h"

#define PROGRAMS (sizeof(steering_programs) / sizeof(steering_programs[0]))
#define ADDRESS_AT 2
#define DATAGRAM_AT 18

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct packet {
    uint8_t header[40];
    size_t header_length;
    const uint8_t *datagram;
    size_t length;
};

/* False beyond the end. */
static bool load(const struct packet *packet, uint32_t at, unsigned width, uint32_t *value)
{
    bool inside_header = at >= (uint32_t)SKF_NET_OFF;
    const uint8_t *bytes = inside_header ? packet->header : packet->datagram;
    size_t length = inside_header ? packet->header_length : packet->length;
    size_t offset = inside_header ? at - (uint32_t)SKF_NET_OFF : at;
    if (offset > length || length - offset < width)
        return false;
    *value = 0;
    for (unsigned i = 0; i < width; i++)
        *value = *value << 8 | bytes[offset + i];
    return true;
}

/* The instructions that steering uses; another one, or a way out of the program, is a fault of its. */
static uint32_t run(const struct sock_filter *code, size_t count, const struct packet *packet)
{
    uint32_t a = 0, x = 0;
    for (size_t place = 0; place < count; place++) {
        uint32_t k = code[place].k;
        bool inside = true;
        switch (code[place].code) {
        case BPF_LD | BPF_W | BPF_LEN:
            a = (uint32_t)packet->length;
            break;
        case BPF_LD | BPF_W | BPF_ABS:
            inside = load(packet, k, 4, &a);
            break;
        case BPF_LD | BPF_H | BPF_ABS:
            inside = load(packet, k, 2, &a);
            break;
        case BPF_LD | BPF_B | BPF_ABS:
            inside = load(packet, k, 1, &a);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= k;
            break;
        case BPF_ALU | BPF_MUL | BPF_K:
            a *= k;
            break;
        case BPF_ALU | BPF_RSH | BPF_K:
            a >>= k;
            break;
        case BPF_ALU | BPF_XOR | BPF_X:
            a ^= x;
            break;
        case BPF_MISC | BPF_TAX:
            x = a;
            break;
        case BPF_JMP | BPF_JA:
            place += k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            place += a == k ? code[place].jt : code[place].jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            place += a >= k ? code[place].jt : code[place].jf;
            break;
        case BPF_RET | BPF_A:
            return a;
        default:
            abort();
        }
        if (!inside) /* here the kernel would say 0; steering never lets it come to that */
            abort();
    }
    abort();
}

static uint32_t by_address(const uint8_t *address, size_t length, unsigned members)
{
    uint32_t word = 0;
    for (size_t i = 0; i < length; i++)
        word ^= (uint32_t)address[i] << (24 - 8 * (i % 4));
    return (uint32_t)(((uint64_t)(word * 2654435761u) >> 16) * members >> 16);
}

/* The slot that the datagram names, or -1. */
static int named(const uint8_t *d, size_t length)
{
    if (length > 11 && d[0] == 0x19)
        return d[11];
    if (length > 1 && d[0] >= 0x30 && d[0] <= 0x3f)
        return d[1];
    if (length > 60 && d[0] == 0x16 && d[3] == 0 && d[4] == 0 && d[13] == 1 && d[59] == 32)
        return d[60];
    return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < DATAGRAM_AT)
        return 0;
    bool ipv6 = data[1] & 1;
    size_t address_length = ipv6 ? 16 : 4;
    struct packet packet = {.header_length = ipv6 ? 40 : 20};
    packet.header[0] = ipv6 ? 0x60 : 0x45;
    memcpy(packet.header + (ipv6 ? 8 : 12), data + ADDRESS_AT, address_length);
    packet.datagram = data + DATAGRAM_AT;
    packet.length = size - DATAGRAM_AT;

    const struct steering_program *program = &steering_programs[data[0] % PROGRAMS];
    uint32_t slot = by_address(data + ADDRESS_AT, address_length, program->members);
    int wanted = program->rules ? named(packet.datagram, packet.length) : -1;
    if (wanted >= 0 && (unsigned)wanted < program->members)
        slot = (uint32_t)wanted;
    if (slot >= program->members || run(program->code, program->length, &packet) != slot)
        abort();
    return 0;
}
