/* SPDX-License-Identifier: GPL-3.0-or-later */
/* data_thread.h - what the data thread owns. Shared by data.c (the loop and its calls), tunnel_life.c (how tunnels
 * come and go) and datagrams.c (how datagrams find their tunnel); nobody else looks inside. */
#ifndef WGE_DATA_THREAD_H
#define WGE_DATA_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "association_table.h"
#include "command_queue.h"
#include "data.h"
#include "dtls.h"
#include "key_memory.h"
#include "moderation.h"
#include "route_table.h"
#include "segment.h"
#include "session_table.h"
#include "timers.h"
#include "tunnel.h"

enum {
    WGE_TIMER_OF_TUNNEL = 0,
    WGE_TIMER_OF_ASSOCIATION,
    WGE_TIMER_OF_KEY_MEMORY,
};

struct wge_data {
    struct wge_loop loop;
    struct wge_segmenter segmenter;
    struct wge_route_table *routes;
    struct wge_session_table *sessions;
    struct wge_timers timers;
    struct wge_dtls_acceptor *acceptor; /* NULL: no datagram sockets */
    struct wge_association_table *associations;
    struct wge_key_memory *first_keys;
    struct wge_timer first_keys_timer;
    struct wge_moderation moderation;
    unsigned claims; /* of other paths' records, in this loop */
    struct wge_counters *counters;
    struct wge_events *events;
    struct wge_traffic *traffic;
    size_t traffic_entries;
    struct wge_tunnel *gone;
    struct wge_command_queue *commands;
    int epoll;
    bool started;
    pthread_t thread;
};

#endif
