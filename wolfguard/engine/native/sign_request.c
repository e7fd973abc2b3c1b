/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sign_request.h"

#include <stdbool.h>
#include <string.h>

#define DIGEST_INFO_PREFIX 19

/* RFC 8017 section 9.2, note 1: DER of DigestInfo up to the digest itself. */
static const uint8_t digest_info[][DIGEST_INFO_PREFIX] = {
    [WGE_SIGN_SHA256] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
                         0x00, 0x04, 0x20},
    [WGE_SIGN_SHA384] = {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05,
                         0x00, 0x04, 0x30},
    [WGE_SIGN_SHA512] = {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05,
                         0x00, 0x04, 0x40},
};

static_assert(WGE_SIGN_DATA_MAX >= DIGEST_INFO_PREFIX + 64, "a DigestInfo of SHA-512 fits");

size_t wge_sign_digest_length(uint8_t hash)
{
    switch (hash) {
    case WGE_SIGN_SHA256:
        return 32;
    case WGE_SIGN_SHA384:
        return 48;
    case WGE_SIGN_SHA512:
        return 64;
    default:
        return 0;
    }
}

static bool digest_info_is_sound(const struct wge_sign_request *request, size_t digest)
{
    return request->length == DIGEST_INFO_PREFIX + digest &&
           memcmp(request->data, digest_info[request->hash], DIGEST_INFO_PREFIX) == 0;
}

enum wge_sign_status wge_sign_request_parse(struct wge_sign_request *out, const uint8_t *packet, size_t length)
{
    memset(out, 0, sizeof *out);
    if (length < WGE_SIGN_REQUEST_HEAD || length > sizeof *out)
        return WGE_SIGN_MALFORMED;
    memcpy(out, packet, length);
    if (out->magic != WGE_SIGN_REQUEST_MAGIC || out->zero != 0 || out->length != length - WGE_SIGN_REQUEST_HEAD)
        return WGE_SIGN_MALFORMED;
    const size_t digest = wge_sign_digest_length(out->hash);
    if (digest == 0)
        return WGE_SIGN_MALFORMED;
    switch (out->scheme) {
    case WGE_SIGN_ECDSA:
    case WGE_SIGN_RSA_PSS:
        return out->length == digest ? WGE_SIGN_OK : WGE_SIGN_MALFORMED;
    case WGE_SIGN_RSA_PKCS1:
        return digest_info_is_sound(out, digest) ? WGE_SIGN_OK : WGE_SIGN_MALFORMED;
    default:
        return WGE_SIGN_MALFORMED;
    }
}
