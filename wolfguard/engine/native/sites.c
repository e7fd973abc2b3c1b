/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sites.c - a short list; names are compared in lower case. */
#include "sites.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 64
#define NAME_LENGTH_MAX 255

struct site {
    struct wge_tls_context *context;
    char **names;
    size_t name_count;
};

struct wge_sites {
    _Atomic unsigned references;
    size_t count;
    struct site sites[WGE_SITES_MAX];
};

static enum wge_result add_names(struct site *site, const struct wge_site_config *config, char *why)
{
    if (config->server_names.count > NAMES_MAX) {
        snprintf(why, WGE_WHY_MAX, "site %s: more than %d server names", config->name, NAMES_MAX);
        return WGE_INVALID;
    }
    if (config->server_names.count == 0)
        return WGE_OK;
    site->names = calloc(config->server_names.count, sizeof(*site->names));
    if (site->names == NULL)
        return WGE_NO_MEMORY;
    for (size_t i = 0; i < config->server_names.count; i++) {
        const char *name = config->server_names.names[i];
        size_t length = strlen(name);
        if (length == 0 || length > NAME_LENGTH_MAX) {
            snprintf(why, WGE_WHY_MAX, "site %s: a server name has 1 to %d characters", config->name, NAME_LENGTH_MAX);
            return WGE_INVALID;
        }
        char *copy = strdup(name);
        if (copy == NULL)
            return WGE_NO_MEMORY;
        for (char *c = copy; *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
        site->names[site->name_count++] = copy;
    }
    return WGE_OK;
}

enum wge_result wge_sites_create(struct wge_sites **out, const struct wge_site_config *configs, size_t count, char *why)
{
    why[0] = '\0';
    if (count == 0 || count > WGE_SITES_MAX) {
        snprintf(why, WGE_WHY_MAX, "give 1 to %d sites", WGE_SITES_MAX);
        return WGE_INVALID;
    }
    struct wge_sites *sites = calloc(1, sizeof(*sites));
    if (sites == NULL)
        return WGE_NO_MEMORY;
    atomic_init(&sites->references, 1);
    enum wge_result result = WGE_OK;
    for (size_t i = 0; result == WGE_OK && i < count; i++) {
        struct site *site = &sites->sites[sites->count++];
        result = wge_tls_context_create(&site->context, &configs[i], why);
        if (result == WGE_OK)
            result = add_names(site, &configs[i], why);
    }
    if (result != WGE_OK) {
        wge_sites_release(sites);
        return result;
    }
    *out = sites;
    return WGE_OK;
}

struct wge_sites *wge_sites_share(struct wge_sites *sites)
{
    atomic_fetch_add(&sites->references, 1);
    return sites;
}

void wge_sites_release(struct wge_sites *sites)
{
    if (sites == NULL || atomic_fetch_sub(&sites->references, 1) > 1)
        return;
    for (size_t i = 0; i < sites->count; i++) {
        for (size_t n = 0; n < sites->sites[i].name_count; n++)
            free(sites->sites[i].names[n]);
        free(sites->sites[i].names);
        wge_tls_context_release(sites->sites[i].context);
    }
    free(sites);
}

/* RFC 6125 section 6.4.3: the wildcard is the whole first label and stands for exactly one. */
static bool covers(const char *pattern, const char *server_name)
{
    const char *rest = strchr(server_name, '.');
    return pattern[0] == '*' && pattern[1] == '.' && rest != NULL && rest != server_name &&
           strcmp(pattern + 1, rest) == 0;
}

struct wge_tls_context *wge_sites_select(struct wge_sites *sites, const char *server_name)
{
    struct wge_tls_context *wildcard = NULL;
    for (size_t i = 0; i < sites->count; i++) {
        const struct site *site = &sites->sites[i];
        for (size_t n = 0; n < site->name_count; n++) {
            if (strcmp(site->names[n], server_name) == 0)
                return site->context;
            if (wildcard == NULL && covers(site->names[n], server_name))
                wildcard = site->context;
        }
    }
    return wildcard != NULL ? wildcard : sites->sites[0].context;
}
