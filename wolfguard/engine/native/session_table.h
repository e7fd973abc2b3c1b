/* SPDX-License-Identifier: GPL-3.0-or-later */
/* session_table.h - the live tunnels of a data thread: found by session or App-ID, and listed for other threads. Only the data
 * thread changes it; the list has a lock, which is held for a copy only. */
#ifndef WGE_SESSION_TABLE_H
#define WGE_SESSION_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "result.h"

struct wge_tunnel;
struct wge_session_table;

enum wge_result wge_sessions_create(struct wge_session_table **out);
void wge_sessions_free(struct wge_session_table *t);

/* NO_MEMORY: not added. A session has one tunnel: the caller has removed an older one. */
enum wge_result wge_sessions_add(struct wge_session_table *t, struct wge_tunnel *tunnel);
void wge_sessions_remove(struct wge_session_table *t, struct wge_tunnel *tunnel);
struct wge_tunnel *wge_sessions_find(struct wge_session_table *t, uint64_t session);
/* Of those to whom a datagram channel was offered; `app_id`: WGE_APP_ID bytes. */
struct wge_tunnel *wge_sessions_find_by_app_id(struct wge_session_table *t, const uint8_t *app_id);

/* Any tunnel, or NULL when there is none. */
struct wge_tunnel *wge_sessions_any(struct wge_session_table *t);

/* Any thread: copies up to `capacity` (session, epoch) pairs. */
size_t wge_sessions_list(struct wge_session_table *t, uint64_t (*out)[2], size_t capacity);

#endif
