/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms.h - the one table of TLS code points (IANA, "Transport Layer Security Parameters"): name, number and what
 * must be known of each to choose it. Only what wolfguard can ever negotiate stands here. */
#ifndef WGE_ALGORITHMS_H
#define WGE_ALGORITHMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WGE_TLS12 0x0303
#define WGE_TLS13 0x0304
#define WGE_DTLS10 0xfeff
#define WGE_DTLS12 0xfefd

enum wge_key_kind {
    WGE_KEY_KIND_ANY = 0, /* TLS 1.3 suites do not name the kind of key */
    WGE_KEY_KIND_EC,
    WGE_KEY_KIND_RSA,
};

struct wge_suite {
    const char *name;
    const char *library_name; /* what wolfSSL's cipher list calls it */
    uint16_t number;
    uint16_t version;
    enum wge_key_kind key;
};

struct wge_group {
    const char *name;
    uint16_t number;
    bool hybrid; /* has a part of ML-KEM, in front of which there may be ECDH */
    bool tls13_only;
    uint16_t curve_bits; /* of a curve by itself, else 0 */
};

struct wge_signature {
    const char *name;
    uint16_t number;
    enum wge_key_kind key;
    uint16_t curve_bits; /* EC in TLS 1.3: the only curve allowed with it */
    bool tls12_only;     /* for handshake signatures */
};

const struct wge_suite *wge_suite_by_name(const char *name);
const struct wge_suite *wge_suite_by_number(uint16_t number);
const struct wge_group *wge_group_by_name(const char *name);
const struct wge_group *wge_group_by_number(uint16_t number);
const struct wge_signature *wge_signature_by_name(const char *name);
const struct wge_signature *wge_signature_by_number(uint16_t number);

/* Suites of a pre-shared key, for the tunnel's DTLS 1.2. A table of their own: no rule for TLS can name one. */
struct wge_psk_suite {
    const char *name;
    const char *library_name;
    uint16_t number;
};

const struct wge_psk_suite *wge_psk_suite_by_name(const char *name);
const struct wge_psk_suite *wge_psk_suite_by_number(uint16_t number);

/* All of each, for those who ask what is built in. */
const struct wge_suite *wge_suites(size_t *count);
const struct wge_psk_suite *wge_psk_suites(size_t *count);
const struct wge_group *wge_groups(size_t *count);
const struct wge_signature *wge_signatures(size_t *count);

#endif
