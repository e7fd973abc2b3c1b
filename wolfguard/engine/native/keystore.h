/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keystore.h - keyd's table of private keys by number. A key can be replaced while others sign with it: a signer holds
 * a reference, and the old key is wiped when its last signature is done. */
#ifndef WGE_KEYSTORE_H
#define WGE_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "private_key.h"
#include "result.h"

#define WGE_KEYS_MAX 1024

struct wge_keystore;

/* `instances`: how many signatures with one key may run at the same time, usually the number of processors. */
enum wge_result wge_keystore_create(struct wge_keystore **out, unsigned instances);
void wge_keystore_free(struct wge_keystore *store); /* no thread may use it any more; wipes all keys */

/* From here on a key whose memory cannot be locked is taken all the same; call it before the first key is loaded. */
void wge_keystore_allow_unlocked(struct wge_keystore *store);
/* Whether that was ever needed. */
bool wge_keystore_unlocked(const struct wge_keystore *store);

/* Reads the whole of `fd` (a file of at most WGE_KEY_PEM_MAX bytes, PEM) from its start, and installs the key in
 * place of the one with this number, if its SubjectPublicKeyInfo equals `expected` (NULL: any). The key is returned with
 * a reference for the caller, who releases it; the descriptor stays the caller's. `*why` is a sentence whenever the
 * result is not OK; then the key before stays. */
enum wge_result wge_keystore_load(struct wge_keystore *store, unsigned number, int fd, const uint8_t *expected,
                                  size_t expected_length, struct wge_private_key **out, const char **why);
/* Takes a key out; it is wiped when its last signature is done. */
void wge_keystore_unload(struct wge_keystore *store, unsigned number);

/* The key with a reference for the caller, or NULL. */
struct wge_private_key *wge_keystore_get(struct wge_keystore *store, unsigned number);

#endif
