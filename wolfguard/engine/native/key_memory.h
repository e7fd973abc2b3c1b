/* SPDX-License-Identifier: GPL-3.0-or-later */
/* key_memory.h - the first exported key of sessions that are between two tunnels. openconnect built with OpenSSL exports
 * a key once and keeps it for all its later DTLS handshakes, also after a reconnect gave it another TLS connection. A
 * bounded table: a newer session takes the place of an older one, which then stays on TLS. What is too old is wiped as
 * others come and go. Single-threaded. */
#ifndef WGE_KEY_MEMORY_H
#define WGE_KEY_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "dtls.h"
#include "result.h"

#define WGE_KEY_MEMORY_PLACES 1024
/* Twice what a client tries to reconnect for, by default. */
#define WGE_KEY_MEMORY_MS 600000

struct wge_key_memory;

enum wge_result wge_key_memory_create(struct wge_key_memory **out);
void wge_key_memory_free(struct wge_key_memory *m); /* wipes */

void wge_key_memory_put(struct wge_key_memory *m, uint64_t session, const uint8_t key[WGE_DTLS_KEY], uint64_t now_ms);
/* Wipes keys that are too old; returns when to call again (timers.h), also after a put. */
uint64_t wge_key_memory_purge(struct wge_key_memory *m, uint64_t now_ms);
/* Takes the key out. False: there is none, or it is too old. */
bool wge_key_memory_take(struct wge_key_memory *m, uint64_t session, uint8_t key[WGE_DTLS_KEY], uint64_t now_ms);

#endif
