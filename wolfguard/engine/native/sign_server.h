/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sign_server.h - keyd's hot path: one thread a channel, which receives a request, judges it, signs and answers
 * (sign_wire.h). A bad request ends its channel and nothing else. Knows the keystore, not how keys come into it. */
#ifndef WGE_SIGN_SERVER_H
#define WGE_SIGN_SERVER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "keystore.h"
#include "result.h"

#define WGE_SIGN_CHANNELS_MAX 1024

/* clang-format off */
#define WGE_SIGN_COUNTERS(X) \
    X(channels_opened) X(channels_closed) X(signed_ecdsa) X(signed_rsa_pss) X(signed_rsa_pkcs1) \
    X(refused_malformed) X(refused_forbidden) X(refused_mismatch) X(refused_rate) X(refused_no_key) X(refused_failed) \
    X(channels_broken)
/* clang-format on */

struct wge_sign_counters {
#define X(name) _Atomic uint64_t name;
    WGE_SIGN_COUNTERS(X)
#undef X
};

struct wge_sign_server;

/* `signatures_per_second`: budget of each channel, a second's worth may come at once. The keystore must outlive it. */
enum wge_result wge_sign_server_create(struct wge_sign_server **out, struct wge_keystore *store,
                                       uint32_t signatures_per_second);
/* From here on only ECDSA with SHA-384 is signed, and another wish ends its channel as a forbidden key does; call it
 * before the first channel. For keys with one use, whose digests all have one form. */
void wge_sign_server_p384_only(struct wge_sign_server *server);
/* Ends all channels, joins their threads, frees. NULL is fine. */
void wge_sign_server_free(struct wge_sign_server *server);

/* Starts a thread that owns `fd` (a blocking AF_UNIX SOCK_SEQPACKET) until the peer closes it. `numbers`: the keys that
 * this channel may use. On failure the descriptor stays the caller's and `*why` is a sentence. */
enum wge_result wge_sign_server_serve(struct wge_sign_server *server, int fd, const uint16_t *numbers, size_t count,
                                      const char **why);

const struct wge_sign_counters *wge_sign_server_counters(const struct wge_sign_server *server);

#endif
