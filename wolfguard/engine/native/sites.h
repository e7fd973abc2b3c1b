/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sites.h - all sites of a gateway and the choice among them by server name. A set is immutable and shared by reference
 * count: a reload makes a new one, and whoever works with the old one keeps it. */
#ifndef WGE_SITES_H
#define WGE_SITES_H

#include "result.h"
#include "tls_context.h"

#define WGE_SITES_MAX 64

struct wge_sites;

/* INVALID: `why` (WGE_WHY_MAX bytes) says what to change. */
enum wge_result wge_sites_create(struct wge_sites **out, const struct wge_site_config *configs, size_t count,
                                 char *why);
struct wge_sites *wge_sites_share(struct wge_sites *sites);
void wge_sites_release(struct wge_sites *sites); /* NULL is fine */

/* The site with this name, else one whose wildcard covers it, else the first one: a client without a name, or with the
 * gateway's bare address, is served too. Borrowed. */
struct wge_tls_context *wge_sites_select(struct wge_sites *sites, const char *server_name);

#endif
