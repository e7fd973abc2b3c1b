/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client_hello.h - what a client offers, read from its first flight before any TLS object exists (RFC 8446
 * section 4.1.2, RFC 5246 section 7.4.1.2; for DTLS RFC 6347 section 4.2.1). A stranger's bytes are judged here for the
 * price of one pass; only what this gateway decides upon is kept. Knows neither wolfSSL nor sockets. */
#ifndef WGE_CLIENT_HELLO_H
#define WGE_CLIENT_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "result.h"

/* Bytes of a ClientHello message, with room for several hybrid key shares (1.7 KB each) and padding. */
#define WGE_CLIENT_HELLO_MAX 12288
#define WGE_HELLO_SUITES_MAX 256
#define WGE_HELLO_GROUPS_MAX 64
#define WGE_HELLO_SIGNATURES_MAX 64
#define WGE_SERVER_NAME_MAX 255
#define WGE_SESSION_ID_MAX 32

/* DTLS counts its versions downwards and has a cookie. */
enum wge_hello_form {
    WGE_HELLO_TLS,
    WGE_HELLO_DTLS,
};

/* Lists keep the client's order; what is beyond their bound counts as not offered. */
struct wge_client_hello {
    bool tls12, tls13; /* of the form TLS */
    bool dtls12;       /* of the form DTLS */
    uint16_t version;  /* client_version, as sent */
    bool random_weak;  /* hardly a byte that is not 0: GnuTLS 3.6.3 to 3.6.12 over DTLS (CVE-2020-11501) */
    bool extended_master_secret;
    bool has_groups;
    uint16_t suites[WGE_HELLO_SUITES_MAX];
    size_t suite_count;
    uint16_t groups[WGE_HELLO_GROUPS_MAX];
    size_t group_count;
    uint16_t signatures[WGE_HELLO_SIGNATURES_MAX];
    size_t signature_count;
    char server_name[WGE_SERVER_NAME_MAX + 1]; /* lower case, empty when none was sent */
    uint8_t session_id[WGE_SESSION_ID_MAX];
    uint8_t session_id_length;
    /* of the form DTLS; the last two are set by datagram_hello.c alone */
    const uint8_t *cookie; /* within the message that was read */
    uint8_t cookie_length;
    uint16_t message_sequence;
    uint64_t record_sequence; /* 48 bits */
};

/* Reads TLS records from their beginning. WANT_READ: the message is not whole yet. PEER_ERROR: `*label` is
 * "handshake_not_tls" or "handshake_malformed". */
enum wge_result wge_client_hello_parse(struct wge_client_hello *hello, const uint8_t *records, size_t length,
                                       const char **label);

/* Reads the body of one whole message (what follows its head). False: it is malformed. */
bool wge_client_hello_read(struct wge_client_hello *hello, enum wge_hello_form form, const uint8_t *body,
                           size_t length);

#endif
