/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls_context.h - one site's TLS configuration, made once, immutable, shared by reference count. Holds certificates and
 * public keys; private keys are in keyd. */
#ifndef WGE_TLS_CONTEXT_H
#define WGE_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "negotiation.h"
#include "result.h"

#define WGE_WHY_MAX 256

struct wge_certificate_config {
    uint16_t number;      /* of its key in keyd */
    const uint8_t *chain; /* PEM, leaf first */
    size_t chain_length;
};

/* A list of IANA names. */
struct wge_names {
    const char *const *names;
    size_t count;
};

/* Borrowed for the call of wge_tls_context_create. */
struct wge_site_config {
    const char *name;
    struct wge_names server_names; /* "vpn.example.com" or "*.example.com" */
    const struct wge_certificate_config *certificates;
    size_t certificate_count;
    struct wge_names versions, suites_tls13, suites_tls12, groups, key_shares, signatures;
    bool require_extended_master_secret, require_hybrid, tickets;
    unsigned minimum_rsa_bits;
};

struct wge_tls_context;

/* INVALID: `why` (WGE_WHY_MAX bytes) holds a sentence that names what cannot be done and what to change. */
enum wge_result wge_tls_context_create(struct wge_tls_context **out, const struct wge_site_config *config, char *why);
struct wge_tls_context *wge_tls_context_share(struct wge_tls_context *context);
void wge_tls_context_release(struct wge_tls_context *context); /* NULL is fine */

const char *wge_tls_context_name(const struct wge_tls_context *context); /* as long as the reference lives */
const struct wge_tls_rules *wge_tls_context_rules(const struct wge_tls_context *context);
const struct wge_certificate_facts *wge_tls_context_certificates(const struct wge_tls_context *context, size_t *count);

/* Whether the library was built with this group. */
bool wge_tls_library_has_group(uint16_t number);
/* Whether it was built with this suite, by the library's own name. */
bool wge_tls_library_has_suite(const char *library_name);

#endif
