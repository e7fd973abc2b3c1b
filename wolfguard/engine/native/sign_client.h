/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sign_client.h - a handshake thread's side of the channel to keyd (sign_wire.h). One request at a time: the caller
 * waits, which is why handshakes have threads of their own. */
#ifndef WGE_SIGN_CLIENT_H
#define WGE_SIGN_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "counters.h"
#include "result.h"
#include "sign_wire.h"

#define WGE_SIGN_TIMEOUT_SECONDS 5

struct wge_sign_client;

enum wge_result wge_sign_client_create(struct wge_sign_client **out, struct wge_counters *counters);
void wge_sign_client_free(struct wge_sign_client *c);

/* From any thread: takes the descriptor of a SEQPACKET socket; the one before is closed as soon as it is not waited on.
 */
void wge_sign_client_set_channel(struct wge_sign_client *c, int fd);

/* WGE_OK: `signature` (WGE_SIGN_SIGNATURE_MAX bytes of room) holds *length bytes. WGE_WANT_READ: no answer in time.
 * WGE_INVALID: keyd refused or answered nonsense. WGE_CLOSED: there is no keyd at present. Counts what was
 * signed; what was not is counted with the handshake that it cost. */
enum wge_result wge_sign_client_sign(struct wge_sign_client *c, uint16_t key, enum wge_sign_scheme scheme,
                                     enum wge_sign_hash hash, const uint8_t *data, size_t data_length,
                                     uint8_t *signature, size_t *length);

#endif
