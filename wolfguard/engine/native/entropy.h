/* SPDX-License-Identifier: GPL-3.0-or-later */
/* entropy.h - where the seed of every DRBG comes from: the kernel's generator, by getrandom(2), and nothing else. There
 * is no file to fall back to: when the kernel does not give, the process ends (module_error.h). */
#ifndef WGE_ENTROPY_H
#define WGE_ENTROPY_H

#include <stdint.h>

struct OS_Seed;

/* For wc_SetSeed_Cb: fills `out` and returns 0, or does not return. */
int wge_entropy_seed(struct OS_Seed *os, uint8_t *out, uint32_t length);

#endif
