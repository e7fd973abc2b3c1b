/* SPDX-License-Identifier: GPL-3.0-or-later */
/* counters.h - one counter for every way in which something is dropped, refused or done. The X-macro list is the one
 * source: names appear in `wolfguard status`, metrics and events. Add a line, use WGE_COUNT(counters, name). */
#ifndef WGE_COUNTERS_H
#define WGE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

/* clang-format off */
#define WGE_COUNTERS(X) \
    /* outside: accept and handshake (handshake.c, limiter.c) */ \
    X(accepted) X(accept_failed) X(refused_half_open) X(refused_source_rate) X(refused_source_connections) \
    X(refused_no_memory) X(handshake_ok) X(handshake_failed) X(handshake_timeout) X(handshake_closed) X(handshake_alert) \
    X(handshake_not_tls) X(handshake_malformed) X(handshake_version) X(handshake_no_suite) X(handshake_no_group) \
    X(handshake_no_signature) X(handshake_no_ems) X(handshake_no_hybrid) X(refusals_lost) \
    X(closed_silent) X(login_timeout) X(sign_ok) X(sign_failed) X(sign_timeout) X(control_bytes_in) X(control_bytes_out) \
    /* outside, DTLS hellos (datagram_hello.c) */ \
    X(datagram_hello_malformed) X(datagram_hello_fragmented) X(datagram_hello_version) X(datagram_hello_weak_random) \
    X(datagram_version) X(datagram_no_suite) X(datagram_no_ems) \
    /* outside, associations (datagrams.c, association.c) */ \
    X(datagram_hello_unknown) X(datagram_hello_too_soon) X(datagram_cookie_asked) X(datagram_handshake_ok) \
    X(datagram_handshake_failed) X(datagram_handshake_timeout) X(datagram_rebound) X(datagram_rekeyed) \
    X(datagram_silent) X(drop_datagram_unknown) X(drop_datagram_forged) X(drop_datagram_replayed) \
    X(drop_datagram_plain) X(drop_datagram_junk) \
    /* tunnel, from the peer (tunnel.c, association.c, intake.c) */ \
    X(tunnels_started) X(tunnels_ended) X(rx_packets) X(rx_bytes) X(rx_records) \
    X(drop_frame_short) X(drop_frame_magic) X(drop_frame_length) X(drop_frame_type) X(drop_frame_compressed) \
    X(drop_inner_malformed) X(drop_inner_source) X(drop_inner_mtu) X(drop_rate_up) X(drop_tun_write) X(tun_writes) \
    X(dpd_request_in) X(dpd_response_in) X(keepalive_in) X(bye_in) \
    /* tunnel, to the peer */ \
    X(tx_packets) X(tx_bytes) X(tx_records) X(tun_reads) X(drop_no_session) X(drop_not_ip) X(drop_segment_malformed) \
    X(drop_session_queue_full) X(drop_tx_mtu) X(drop_rate_down) X(dpd_request_out) X(dpd_timeout) X(keepalive_out) X(rekeyed) \
    X(rekey_failed) X(idle_expired) X(lifetime_expired) X(tun_stale_drained) X(events_lost) \
    /* outside, datagrams (outside*.c) */ \
    X(outside_reads) X(outside_messages_in) X(datagrams_in) X(datagram_stale_drained) \
    X(outside_writes) X(outside_messages_out) X(datagrams_out) \
    X(drop_datagram_truncated) X(drop_datagram_control) X(drop_datagram_no_info) X(drop_datagram_family) \
    X(drop_datagram_empty) X(drop_datagram_no_port) X(drop_datagram_not_unicast) \
    X(drop_datagram_socket_full) X(drop_datagram_too_long) X(drop_datagram_unsent)
/* clang-format on */

struct wge_counters {
#define X(name) _Atomic uint64_t name;
    WGE_COUNTERS(X)
#undef X
};

#define X(name) +1
enum { WGE_COUNTER_COUNT = 0 WGE_COUNTERS(X) };
#undef X

/* In the order of the list above (counters.c). */
extern const char *const wge_counter_names[WGE_COUNTER_COUNT];
uint64_t wge_counters_read(const struct wge_counters *counters, unsigned place);
/* Adds to the counter with the name of this label; a label without one is a fault of ours and counts nowhere. */
void wge_counters_add(struct wge_counters *counters, const char *label, uint64_t count);

#define WGE_COUNT(counters, name) atomic_fetch_add_explicit(&(counters)->name, 1, memory_order_relaxed)
#define WGE_COUNT_BY(counters, name, n) atomic_fetch_add_explicit(&(counters)->name, (n), memory_order_relaxed)

#endif
