/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_client_hello.c - a stranger's first bytes through the reader and the choice that follows. What is accepted must
 * be consistent: a choice within the site's rules. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "client_hello.h"
#include "negotiation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wge_tls_rules rules = {
        .tls12 = true,
        .tls13 = true,
        .require_extended_master_secret = true,
        .suites = {0x1302, 0xc02c, 0xc030},
        .suite_count = 3,
        .groups = {4587, 23},
        .group_count = 2,
        .key_shares = {4587},
        .key_share_count = 1,
        .signatures = {0x0403, 0x0804},
        .signature_count = 2,
    };
    static const struct wge_certificate_facts certificates[] = {
        {.number = 1, .key = WGE_KEY_KIND_EC, .bits = 256},
        {.number = 2, .key = WGE_KEY_KIND_RSA, .bits = 2048},
    };
    struct wge_client_hello hello;
    struct wge_tls_choice choice;
    const char *label = NULL;
    uint8_t alert = 0;
    enum wge_result result = wge_client_hello_parse(&hello, data, size, &label);
    if (result == WGE_PEER_ERROR && label == NULL)
        abort();
    if (result != WGE_OK)
        return 0;
    label = NULL;
    result = wge_negotiate(&rules, certificates, 2, &hello, &choice, &label, &alert);
    if (result == WGE_OK ? choice.certificate > 1 || choice.group_count == 0 || choice.group_count > 2
                         : label == NULL || alert == 0)
        abort();
    return 0;
}
