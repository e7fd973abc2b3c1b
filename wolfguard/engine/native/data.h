/* SPDX-License-Identifier: GPL-3.0-or-later */
/* data.h - the data thread: owns every established tunnel, the TUN device and the clock of a worker's tunnels.
 * Other threads talk to it only through these calls, which queue a command and ring its eventfd; none blocks. */
#ifndef WGE_DATA_H
#define WGE_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counters.h"
#include "events.h"
#include "result.h"
#include "tls.h"

#define WGE_TUNNEL_NETWORKS_MAX 32

struct wge_network {
    uint8_t address[16];
    uint8_t prefix; /* bits */
    uint8_t family; /* 4 or 6 */
};

struct wge_tunnel_params {
    uint64_t session;
    uint64_t epoch;
    uint32_t index; /* place in the shared traffic counters */
    bool has_ipv4, has_ipv6;
    uint8_t ipv4[4], ipv6[16];
    struct wge_network networks[WGE_TUNNEL_NETWORKS_MAX]; /* further inner sources, routed to this client */
    size_t network_count;
    uint32_t mtu;
    uint32_t dpd_ms, keepalive_ms, rekey_ms, idle_ms; /* 0 = never */
    uint64_t lifetime_ms;
};

struct wge_data;

/* `tun` -1: packets to the inside are counted and dropped. `traffic`: mapped array of 64-byte entries or NULL. */
enum wge_result wge_data_create(struct wge_data **out, int tun, void *traffic, size_t traffic_bytes,
                                struct wge_counters *counters, struct wge_events *events);
enum wge_result wge_data_start(struct wge_data *d);
void wge_data_stop(struct wge_data *d); /* joins the thread, closes all tunnels without BYE */
void wge_data_free(struct wge_data *d);

/* Hands over a stream (ownership passes, also on error) whose CONNECT response has been queued. Replaces a tunnel of the
 * same session, whose end is reported as "replaced". */
void wge_data_adopt(struct wge_data *d, struct wge_stream *stream, const struct wge_tunnel_params *params);
/* Ends a tunnel unless its epoch is newer; `bye` NULL: silently. */
void wge_data_end(struct wge_data *d, uint64_t session, uint64_t epoch, const uint8_t *bye, size_t bye_length);
/* Copies up to `capacity` (session, epoch) pairs of live tunnels, from a table kept for readers; returns how many. */
size_t wge_data_tunnels(struct wge_data *d, uint64_t (*out)[2], size_t capacity);

#endif
