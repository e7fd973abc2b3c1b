/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any packet from a client: what parses has its headers and addresses within it, and no chain grows without bound. */
#include "inner.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct wge_tunnel_params tunnel = {
        .has_ipv4 = true,
        .ipv4 = {10, 0, 0, 1},
        .networks = {{.prefix = 0, .family = 4}, {.prefix = 3, .family = 6, .address = {0x20}}},
        .network_count = 2,
    };
    struct wge_inner inner;
    if (!wge_inner_parse(data, size, &inner))
        return 0;
    size_t address = inner.version == 4 ? 4 : 16;
    size_t fixed = inner.version == 4 ? 20 : 40;
    if (inner.length != size || inner.header_length < fixed || inner.header_length > size ||
        inner.header_length > 40 + WGE_INNER_EXTENSION_BYTES || inner.source < data ||
        inner.destination + address > data + fixed || (inner.plain && inner.header_length != fixed))
        abort();
    if (wge_inner_source_allowed(&inner, &tunnel) && (inner.source[0] == 0xff || inner.source[0] == 127))
        abort();
    return 0;
}
