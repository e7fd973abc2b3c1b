/* SPDX-License-Identifier: GPL-3.0-or-later */
/* front.c - the sites of the moment, and the clock. */
#include "front.h"

#include <time.h>

struct wge_sites *wge_front_sites(struct wge_front *front)
{
    pthread_mutex_lock(&front->sites_lock);
    struct wge_sites *sites = front->sites == NULL ? NULL : wge_sites_share(front->sites);
    pthread_mutex_unlock(&front->sites_lock);
    return sites;
}

void wge_front_set_sites(struct wge_front *front, struct wge_sites *sites)
{
    pthread_mutex_lock(&front->sites_lock);
    struct wge_sites *before = front->sites;
    front->sites = sites;
    pthread_mutex_unlock(&front->sites_lock);
    wge_sites_release(before);
}

uint64_t wge_front_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
