/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_sign_request.c - keyd's parser of requests. Whatever is accepted must keep every promise that the signing code
 * relies on; whatever is refused must be refused without reading past the packet. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sign_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int promise)
{
    if (!promise)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wge_sign_request request;
    uint8_t *packet = malloc(size == 0 ? 1 : size); /* its own block, so that the sanitizer sees its end */
    if (packet == NULL)
        return 0;
    if (size > 0)
        memcpy(packet, data, size);
    const enum wge_sign_status status = wge_sign_request_parse(&request, packet, size);
    if (status == WGE_SIGN_OK) {
        const size_t digest = wge_sign_digest_length(request.hash);
        require(request.magic == WGE_SIGN_REQUEST_MAGIC && request.zero == 0);
        require(size == WGE_SIGN_REQUEST_HEAD + request.length && request.length <= WGE_SIGN_DATA_MAX);
        require(digest >= 32 && digest <= 64);
        if (request.scheme == WGE_SIGN_RSA_PKCS1)
            require(request.length == 19 + digest && request.data[18] == digest);
        else
            require(request.length == digest);
    } else {
        require(status == WGE_SIGN_MALFORMED);
    }
    free(packet);
    return 0;
}
