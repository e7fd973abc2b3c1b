/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine.h - the data plane of one worker: handshake threads, the data thread, and what they share. Its caller is one
 * thread (Python's); no call but create, stop and free blocks. */
#ifndef WGE_ENGINE_H
#define WGE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counters.h"
#include "data.h"
#include "events.h"
#include "limiter.h"
#include "result.h"
#include "tls_context.h"

struct wge_engine;

struct wge_engine_config {
    int tun;              /* -1: none. Descriptors stay the caller's: */
    const int *listeners; /* the engine works on duplicates */
    size_t listener_count;
    const int *datagrams; /* UDP sockets, non-blocking, with their options set (outside.h) */
    size_t datagram_count;
    int traffic; /* memfd of traffic counters, or -1 */
    unsigned handshake_threads;
    struct wge_limits limits;
    uint32_t handshake_ms, login_ms;
};

/* `why` (WGE_WHY_MAX bytes) says what to change when the result is INVALID, what failed otherwise. */
enum wge_result wge_engine_create(struct wge_engine **out, const struct wge_engine_config *config, char *why);
enum wge_result wge_engine_start(struct wge_engine *e);
void wge_engine_stop_accepting(struct wge_engine *e);
void wge_engine_stop(struct wge_engine *e); /* joins all threads; tunnels close without BYE */
void wge_engine_free(struct wge_engine *e);

enum wge_result wge_engine_set_sites(struct wge_engine *e, const struct wge_site_config *sites, size_t count,
                                     char *why);
/* Takes the descriptor. INVALID: there is no such thread, and the descriptor stays the caller's. */
enum wge_result wge_engine_set_sign_channel(struct wge_engine *e, unsigned thread, int fd);

int wge_engine_eventfd(const struct wge_engine *e);
size_t wge_engine_poll(struct wge_engine *e, struct wge_event *out, size_t capacity);

/* About connections that may have ended meanwhile: then nothing happens. NO_MEMORY: it was not queued. */
enum wge_result wge_engine_read(struct wge_engine *e, uint64_t connection);
enum wge_result wge_engine_write(struct wge_engine *e, uint64_t connection, const uint8_t *data, size_t length,
                                 bool close);
enum wge_result wge_engine_close(struct wge_engine *e, uint64_t connection);
enum wge_result wge_engine_authenticated(struct wge_engine *e, uint64_t connection);
enum wge_result wge_engine_start_tunnel(struct wge_engine *e, uint64_t connection, const uint8_t *head, size_t length,
                                        const struct wge_tunnel_params *params);
void wge_engine_end_tunnel(struct wge_engine *e, uint64_t session, uint64_t epoch, const uint8_t *bye, size_t length);
void wge_engine_set_rates(struct wge_engine *e, uint64_t session, uint64_t epoch, const struct wge_rate *up,
                          const struct wge_rate *down);
size_t wge_engine_tunnels(struct wge_engine *e, uint64_t (*out)[2], size_t capacity);

struct wge_offloads wge_engine_offloads(const struct wge_engine *e);
const struct wge_counters *wge_engine_counters(const struct wge_engine *e);
uint32_t wge_engine_half_open(struct wge_engine *e);

#endif
