/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datagrams.h - how datagrams find their association, and how associations begin and end. Part of the data thread. */
#ifndef WGE_DATAGRAMS_H
#define WGE_DATAGRAMS_H

#include "association.h"
#include "data_thread.h"

#define WGE_EXPORTER_LABEL "EXPORTER-openconnect-psk"

/* Takes what has arrived on the socket of this place. */
void wge_datagrams_ready(struct wge_data *d, size_t socket);

/* An association's timer has come. */
void wge_datagrams_due(struct wge_data *d, struct wge_association *a);

/* Has keys ready for a tunnel that was told of a datagram channel; `before` is the tunnel that it replaces, or NULL. */
void wge_datagrams_prepare(struct wge_data *d, struct wge_tunnel *t, const struct wge_tunnel *before);

/* The tunnel ends, and so do its associations; `comes_back`: its client may, with a new tunnel. */
void wge_datagrams_leave(struct wge_data *d, struct wge_tunnel *t, bool comes_back);

/* Keys that were kept for clients that come back grow old. */
void wge_datagrams_purge(struct wge_data *d);

/* Frees the associations that have broken. Before the tunnels that have ended are freed. */
void wge_datagrams_bury(struct wge_data *d);

#endif
