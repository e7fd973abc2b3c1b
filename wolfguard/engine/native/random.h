/* SPDX-License-Identifier: GPL-3.0-or-later */
/* random.h - random bytes from the module's DRBG (SP 800-90A). wolfCrypt's generators belong to one thread each; what
 * has no thread of its own shares one behind a mutex. */
#ifndef WGE_RANDOM_H
#define WGE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "result.h"

struct WC_RNG;
struct wge_random; /* one thread's generator */

/* NULL when the entropy source fails. */
struct wge_random *wge_random_create(void);
void wge_random_free(struct wge_random *random); /* NULL is fine */
struct WC_RNG *wge_random_generator(struct wge_random *random);

/* From the shared generator, which starts with the first call. SYSTEM_ERROR: the module or its entropy source fails;
 * then nothing is in `out`. */
enum wge_result wge_random_bytes(uint8_t *out, size_t length);

#endif
