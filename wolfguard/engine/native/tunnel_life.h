/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tunnel_life.h - how tunnels of the data thread come and go: adoption, replacement, ends of every kind, burial. A
 * tunnel that ends within a loop stays in memory until wge_life_reap(), since an event of the same batch may still name
 * it. Each adopted tunnel is reported closed exactly once, but for those that end with the thread. */
#ifndef WGE_TUNNEL_LIFE_H
#define WGE_TUNNEL_LIFE_H

#include <stdint.h>

#include "data_thread.h"

/* Pushes an event; a lost one is counted. */
void wge_life_tell(struct wge_data *d, const struct wge_event *event);

/* Takes the command's stream; what cannot become a tunnel is reported closed at once. */
void wge_life_adopt(struct wge_data *d, struct wge_command *command);

/* Sends BYE where the command has one: then the tunnel lingers until the peer closes. */
void wge_life_end_by_order(struct wge_data *d, const struct wge_command *command);

/* Another rate for a tunnel, unless it is of another epoch. */
void wge_life_set_rates(struct wge_data *d, const struct wge_command *command);

/* `reason`: a label, static text. */
void wge_life_end(struct wge_data *d, struct wge_tunnel *t, const char *reason);

/* All of them, without BYE and without events. */
void wge_life_end_all(struct wge_data *d);

/* Has epoll watch what the tunnel waits for now. */
void wge_life_watch(struct wge_data *d, struct wge_tunnel *t);

/* Frees the tunnels that have ended. */
void wge_life_reap(struct wge_data *d);

#endif
