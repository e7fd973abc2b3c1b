/* SPDX-License-Identifier: GPL-3.0-or-later */
/* data.h - the data thread: owns every established tunnel, the TUN device and the clock of a worker's tunnels.
 * Other threads talk to it only through these calls, which queue a command and ring its eventfd; none blocks. */
#ifndef WGE_DATA_H
#define WGE_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "byte_bucket.h"
#include "counters.h"
#include "events.h"
#include "offload.h"
#include "result.h"
#include "tls.h"

#define WGE_TUNNEL_NETWORKS_MAX 32
#define WGE_APP_ID 32
#define WGE_DATAGRAM_SUITES_MAX 4

struct wge_network {
    uint8_t address[16];
    uint8_t prefix; /* bits */
    uint8_t family; /* 4 or 6 */
};

/* What the client was told of the datagram channel. */
struct wge_datagram_params {
    bool offered;
    bool require_extended_master_secret;
    uint8_t app_id[WGE_APP_ID]; /* names the tunnel in a ClientHello; the first byte is the worker's slot */
    uint16_t suites[WGE_DATAGRAM_SUITES_MAX];
    size_t suite_count;
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
    struct wge_rate up, down; /* from the client, to it */
    uint32_t record_limit;    /* under one key, either way; 0: what the algorithms allow (channel.h) */
    struct wge_datagram_params datagram;
};

struct wge_data;

/* What the data thread works with; descriptors stay the caller's. */
struct wge_data_config {
    int tun;              /* -1: packets to the inside are counted and dropped */
    const int *datagrams; /* UDP sockets, bound and non-blocking */
    size_t datagram_count;
    void *traffic; /* mapped array of 64-byte entries, or NULL */
    size_t traffic_bytes;
    struct wge_counters *counters;
    struct wge_events *events;
};

enum wge_result wge_data_create(struct wge_data **out, const struct wge_data_config *config);
enum wge_result wge_data_start(struct wge_data *d);
void wge_data_stop(struct wge_data *d); /* joins the thread, closes all tunnels without BYE */
void wge_data_free(struct wge_data *d);

/* Hands over a stream (ownership passes, also on error) whose CONNECT response has been queued. Replaces a tunnel of the
 * same session, whose end is reported as "replaced". */
void wge_data_adopt(struct wge_data *d, struct wge_stream *stream, const struct wge_tunnel_params *params);
/* Ends a tunnel unless its epoch is newer; `bye` NULL: silently. */
void wge_data_end(struct wge_data *d, uint64_t session, uint64_t epoch, const uint8_t *bye, size_t bye_length);
/* Changes what a tunnel of this epoch may carry. */
void wge_data_set_rates(struct wge_data *d, uint64_t session, uint64_t epoch, const struct wge_rate *up,
                        const struct wge_rate *down);
/* Copies up to `capacity` (session, epoch) pairs of live tunnels, from a table kept for readers; returns how many. */
size_t wge_data_tunnels(struct wge_data *d, uint64_t (*out)[2], size_t capacity);

/* What the kernel has let us hand over in one piece so far; any thread may ask. */
struct wge_offloads {
    enum wge_offload outside_send, outside_receive, inside_tcp, inside_udp;
};
struct wge_offloads wge_data_offloads(const struct wge_data *d);

#endif
