/* SPDX-License-Identifier: GPL-3.0-or-later */
/* negotiation.h - chooses version, certificate, signature and groups from a ClientHello by a site's rules, before the TLS
 * library sees a byte: the library has no switch for "extended master secret or nothing" (RFC 7627), for "hybrid or
 * nothing", nor for several certificates, and takes the weakest hash of a signature. Pure: no library, no socket, no
 * clock. */
#ifndef WGE_NEGOTIATION_H
#define WGE_NEGOTIATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms.h"
#include "client_hello.h"
#include "result.h"

#define WGE_RULES_MAX 32
#define WGE_CERTIFICATES_MAX 8

#define WGE_ALERT_HANDSHAKE_FAILURE 40
#define WGE_ALERT_DECODE_ERROR 50
#define WGE_ALERT_PROTOCOL_VERSION 70
#define WGE_ALERT_INSUFFICIENT_SECURITY 71
#define WGE_ALERT_INTERNAL_ERROR 80

/* Lists are in the site's order of preference. */
struct wge_tls_rules {
    bool tls12, tls13;
    bool require_extended_master_secret;
    bool require_hybrid;
    uint16_t suites[WGE_RULES_MAX]; /* of both versions */
    size_t suite_count;
    uint16_t groups[WGE_RULES_MAX];
    size_t group_count;
    uint16_t key_shares[WGE_RULES_MAX]; /* those of the groups that are worth a second round trip */
    size_t key_share_count;
    uint16_t signatures[WGE_RULES_MAX];
    size_t signature_count;
};

struct wge_certificate_facts {
    uint16_t number; /* its private key's, in keyd */
    enum wge_key_kind key;
    unsigned bits;
};

struct wge_tls_choice {
    uint16_t version;
    size_t certificate; /* place in the list given */
    uint16_t signature; /* made with its key */
    uint16_t groups[WGE_RULES_MAX];
    size_t group_count;
    bool extended_master_secret; /* in use when the handshake succeeds; TLS 1.3 has it built in */
};

/* PEER_ERROR: nothing acceptable was offered; `*label` names the counter, `*alert` what to tell the client. */
enum wge_result wge_negotiate(const struct wge_tls_rules *rules, const struct wge_certificate_facts *certificates,
                              size_t certificate_count, const struct wge_client_hello *hello,
                              struct wge_tls_choice *choice, const char **label, uint8_t *alert);

#endif
