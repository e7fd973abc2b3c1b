/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tunnel.h - one session's tunnel: frames from its TLS channel to the inside, packets from the inside to its datagram
 * channel where that is up, else to TLS.
 * Functions that can end a tunnel return the reason, a label, or NULL while it goes on; tunnel_life.c does the ending. */
#ifndef WGE_TUNNEL_H
#define WGE_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "byte_bucket.h"
#include "channel.h"
#include "data.h"
#include "dtls.h"
#include "inside.h"
#include "liveness.h"
#include "outside.h"
#include "tally.h"
#include "timers.h"
#include "traffic.h"

#define WGE_BYE_DETAIL_MAX 128
/* Between a refusal of DTLS and its repetitions. */
#define WGE_NUDGE_MS 100

struct wge_association;

enum wge_tunnel_state {
    WGE_TUNNEL_OPEN = 0,
    WGE_TUNNEL_LINGERING, /* BYE is on its way: no packets any more, the peer closes */
    WGE_TUNNEL_GONE,      /* freed at the end of the loop */
};

/* What a client whose DTLS was refused is told, and when again. */
struct wge_refusal {
    uint64_t due_ms; /* WGE_TIMER_NEVER: nothing more */
    uint64_t sequence;
    struct wge_path path;
    uint8_t alert;
    uint8_t times; /* so far */
};

struct wge_tunnel {
    struct wge_tunnel_params params;
    enum wge_tunnel_state state;
    struct wge_channel tls;
    struct wge_liveness liveness;
    struct wge_timer timer;
    struct wge_traffic *traffic;   /* NULL: not counted */
    uint64_t tx_packets, tx_bytes; /* not yet in `traffic` */
    struct wge_byte_bucket up, down;
    uint32_t events_wanted; /* what epoll watches */
    int bye_code;           /* of the peer's DISCONNECT; -1: none */
    uint8_t *bye_detail;    /* malloc'ed, or NULL */
    size_t bye_length;
    bool in_unsent;
    bool reading_stalled; /* TLS must answer before it goes on, and finds no room */
    size_t live_place;    /* in the table kept for readers */
    /* the datagram channel (association.h, datagrams.c) */
    struct wge_association *open, *rising; /* NULL: none */
    bool by_datagram;                      /* packets go out by `open` */
    bool datagram_refused;                 /* and that has been told */
    bool other_key;                        /* than usual: that one has failed */
    bool keeps_first_key;                  /* the client is one of those (key_memory.h) */
    bool has_first_key;                    /* of an earlier tunnel of the session */
    uint8_t key[WGE_DTLS_KEY], first_key[WGE_DTLS_KEY];
    uint64_t tls_data_ms; /* last packet from the peer over TLS */
    uint64_t hello_ms;    /* last hello that began a handshake */
    struct wge_refusal refusal;
    struct wge_tunnel *next_in_bucket, *next_by_app_id, *next_unsent, *next_gone;
};

/* What the tunnels of a data thread share during one loop. */
struct wge_loop {
    uint64_t now_ms;
    struct wge_tally tally;
    struct wge_inside inside;
    struct wge_outside outside;
    struct wge_timers *timers;
    struct wge_tunnel *unsent;      /* those to flush at the end */
    struct wge_association *broken; /* those to bury at the end */
};

/* Checks what Python gave: sizes and prefixes. */
bool wge_tunnel_params_valid(const struct wge_tunnel_params *params);

/* A tunnel over `stream`; the stream is the tunnel's on success only. */
enum wge_result wge_tunnel_create(struct wge_tunnel **out, struct wge_stream *stream,
                                  const struct wge_tunnel_params *params, struct wge_traffic *traffic, uint64_t now_ms);
void wge_tunnel_free(struct wge_tunnel *t, bool notify);

/* One turn: at most one read of the socket (`fill`), and everything that it completes. */
const char *wge_tunnel_receive(struct wge_tunnel *t, struct wge_loop *loop, bool fill);

/* Sends an inside packet no longer than the tunnel's MTU; WGE_FRAME_HEADER bytes in front of it are overwritten. */
const char *wge_tunnel_send_packet(struct wge_tunnel *t, struct wge_loop *loop, uint8_t *packet, size_t length);

/* Queues a frame of another type than DATA; a full queue loses it. */
const char *wge_tunnel_send_frame(struct wge_tunnel *t, struct wge_loop *loop, enum wge_frame_type type,
                                  const uint8_t *payload, size_t length);

/* Has the tunnel flushed at the end of the loop, unless its socket is blocked. */
void wge_tunnel_want_flush(struct wge_tunnel *t, struct wge_loop *loop);

/* Brings the traffic counters up to date with what was sent. */
void wge_tunnel_account(struct wge_tunnel *t, struct wge_loop *loop);

/* Hands queued bytes to the socket and brings the traffic counters up to date. */
const char *wge_tunnel_flush(struct wge_tunnel *t, struct wge_loop *loop);

/* Sends a frame that one of the WGE_DUE_* asks for, counts it, or says why the tunnel is over. */
const char *wge_tunnel_stay_alive(struct wge_tunnel *t, struct wge_loop *loop, unsigned due);

/* Tells a client once more that its DTLS was refused, and wakes it. GnuTLS misses an alert that comes before it waits
 * for one; and openconnect sets its device up only when something else happens after that, and its own next timer may
 * be a minute away. Returns when to call again. */
uint64_t wge_tunnel_nudge(struct wge_tunnel *t, struct wge_loop *loop, const char **end);

/* Renews the keys of a TLS 1.3 channel; *rekeyed tells whether it was done. */
const char *wge_tunnel_rekey(struct wge_tunnel *t, struct wge_loop *loop, bool *rekeyed);

#endif
