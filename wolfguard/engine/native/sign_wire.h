/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sign_wire.h - what a worker's handshake thread and keyd say to each other: one request, one reply, each exactly one
 * packet of a SOCK_SEQPACKET pair on one machine, hence native byte order and no padding. A packet is the fixed head
 * plus `length` bytes, neither more nor less. Anything else ends the channel: only a broken or captured worker sends it.
 * keyd signs digests that it cannot see behind; it can bound their form, their rate and the keys they may use. */
#ifndef WGE_SIGN_WIRE_H
#define WGE_SIGN_WIRE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define WGE_SIGN_REQUEST_MAGIC 0x57475352u /* "WGSR" */
#define WGE_SIGN_REPLY_MAGIC 0x57475341u   /* "WGSA" */
#define WGE_SIGN_DATA_MAX 96               /* DigestInfo of SHA-512 takes 83 */
#define WGE_SIGN_SIGNATURE_MAX 512         /* RSA-4096; ECDSA P-521 in DER takes at most 141 */

enum wge_sign_scheme {
    WGE_SIGN_ECDSA = 1,     /* data: the raw digest; signature: DER SEQUENCE { r, s } */
    WGE_SIGN_RSA_PSS = 2,   /* data: the raw digest; salt as long as the digest, MGF1 with the same hash */
    WGE_SIGN_RSA_PKCS1 = 3, /* data: DER DigestInfo (RFC 8017 section 9.2) */
};

enum wge_sign_hash {
    WGE_SIGN_SHA256 = 1,
    WGE_SIGN_SHA384 = 2,
    WGE_SIGN_SHA512 = 3,
};

/* Answers. MALFORMED and FORBIDDEN are followed by the end of the channel; the others concern one handshake only. */
enum wge_sign_status {
    WGE_SIGN_OK = 0,
    WGE_SIGN_MALFORMED = 1, /* magic, sizes, a reserved field, the digest's length or the DigestInfo is wrong */
    WGE_SIGN_FORBIDDEN = 2, /* this channel may not use this key number, or not in this way */
    WGE_SIGN_MISMATCH = 3,  /* the scheme does not fit the key's type: the key was renewed, or chain and key differ */
    WGE_SIGN_RATE = 4,      /* the channel's budget of signatures is used up for now */
    WGE_SIGN_NO_KEY = 5,    /* permitted, but not loaded */
    WGE_SIGN_FAILED = 6,    /* the module refused */
};

struct __attribute__((packed)) wge_sign_request {
    uint32_t magic;
    uint32_t id; /* chosen by the client, comes back in the reply */
    uint16_t key;
    uint8_t scheme;
    uint8_t hash;
    uint16_t length; /* bytes of data in use */
    uint16_t zero;
    uint8_t data[WGE_SIGN_DATA_MAX];
};

struct __attribute__((packed)) wge_sign_reply {
    uint32_t magic;
    uint32_t id;
    uint16_t status;
    uint16_t length; /* bytes of signature in use; 0 unless OK */
    uint8_t signature[WGE_SIGN_SIGNATURE_MAX];
};

#define WGE_SIGN_REQUEST_HEAD offsetof(struct wge_sign_request, data)
#define WGE_SIGN_REPLY_HEAD offsetof(struct wge_sign_reply, signature)

static_assert(WGE_SIGN_REQUEST_HEAD == 16, "a request's head has no padding");
static_assert(sizeof(struct wge_sign_request) == 16 + WGE_SIGN_DATA_MAX, "a request has no padding");
static_assert(WGE_SIGN_REPLY_HEAD == 12, "a reply's head has no padding");
static_assert(sizeof(struct wge_sign_reply) == 12 + WGE_SIGN_SIGNATURE_MAX, "a reply has no padding");

#endif
