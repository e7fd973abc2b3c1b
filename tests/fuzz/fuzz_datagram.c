/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_datagram.c - a stranger's datagram through kind, reader and choice. The three must agree with each other, and
 * what is accepted must lie within the datagram and the rules. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "datagram_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is given to an association that has keys lies within the datagram, and begins and goes on under keys. */
static void look_at_sealed(const uint8_t *data, size_t size)
{
    size_t length = size;
    const uint8_t *sealed = wge_datagram_sealed(data, &length);
    if (sealed == NULL)
        return;
    if (sealed < data || sealed + length > data + size || length == 0)
        abort();
    for (size_t at = 0; at < length; at += 13u + ((size_t)sealed[at + 11] << 8 | sealed[at + 12]))
        if (length - at < 13 || (sealed[at + 3] == 0 && sealed[at + 4] == 0))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t suites[] = {0x00a9, 0x00a8};
    struct wge_client_hello hello;
    struct wge_datagram_choice choice;
    const char *label = NULL;
    uint8_t alert = 0;
    look_at_sealed(data, size);
    enum wge_datagram_kind kind = wge_datagram_classify(data, size);
    enum wge_result result = wge_datagram_hello_parse(&hello, data, size, &label);
    if (result == WGE_PEER_ERROR ? label == NULL : result != WGE_OK || kind != WGE_DATAGRAM_HELLO)
        abort();
    if (result != WGE_OK)
        return 0;
    if (hello.session_id_length > WGE_SESSION_ID_MAX || hello.cookie < data || hello.suite_count == 0 ||
        hello.cookie + hello.cookie_length > data + size || hello.random_weak || hello.tls12 || hello.tls13)
        abort();
    label = NULL;
    for (unsigned require = 0; require < 2; require++) {
        result = wge_datagram_negotiate(suites, 2, require, &hello, &choice, &label, &alert);
        if (result == WGE_OK ? (choice.suite != suites[0] && choice.suite != suites[1]) || !hello.dtls12 ||
                                   (require && !choice.extended_master_secret)
                             : label == NULL || alert == 0)
            abort();
    }
    return 0;
}
