/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datagram_hello.c - heads of record and message, read at fixed offsets; the ClientHello's body is client_hello.c's. */
#include "datagram_hello.h"

#include <string.h>

#include "algorithms.h"
#include "negotiation.h"

#define RECORD_HEAD 13
#define MESSAGE_HEAD 12
#define BODY_AT (RECORD_HEAD + MESSAGE_HEAD)

#define CONTENT_CHANGE_CIPHER_SPEC 20
#define CONTENT_ALERT 21
#define CONTENT_HANDSHAKE 22
#define CONTENT_HEARTBEAT 24
#define CONTENT_TLS12_CID 25
#define TYPE_CLIENT_HELLO 1
#define LEVEL_FATAL 2

/* RFC 9147 section 4: the first three bits of a unified header are 001. */
#define UNIFIED_MASK 0xe0
#define UNIFIED 0x20

static uint16_t read16(const uint8_t *at)
{
    return (uint16_t)((unsigned)at[0] << 8 | at[1]);
}

static size_t read24(const uint8_t *at)
{
    return (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
}

static uint64_t read48(const uint8_t *at)
{
    return (uint64_t)read24(at) << 24 | read24(at + 3);
}

enum wge_datagram_kind wge_datagram_classify(const uint8_t *datagram, size_t length)
{
    if (length > 1 && (datagram[0] & UNIFIED_MASK) == UNIFIED)
        return WGE_DATAGRAM_UNIFIED;
    if (length <= RECORD_HEAD)
        return WGE_DATAGRAM_JUNK;
    unsigned content = datagram[0];
    uint16_t version = read16(datagram + 1);
    if (version != WGE_DTLS12 && version != WGE_DTLS10)
        return WGE_DATAGRAM_JUNK;
    /* the length stands behind a connection ID, whose own length is nowhere in the record */
    if (content == CONTENT_TLS12_CID)
        return version == WGE_DTLS12 ? WGE_DATAGRAM_CID : WGE_DATAGRAM_JUNK;
    size_t fragment = read16(datagram + 11);
    if (fragment == 0 || fragment > length - RECORD_HEAD)
        return WGE_DATAGRAM_JUNK;
    if (content < CONTENT_CHANGE_CIPHER_SPEC || content > CONTENT_HEARTBEAT)
        return WGE_DATAGRAM_JUNK;
    if (read16(datagram + 3) != 0)
        return WGE_DATAGRAM_PROTECTED;
    if (content == CONTENT_HANDSHAKE)
        return datagram[RECORD_HEAD] == TYPE_CLIENT_HELLO ? WGE_DATAGRAM_HELLO : WGE_DATAGRAM_HANDSHAKE;
    return content <= CONTENT_ALERT ? WGE_DATAGRAM_PLAIN_OTHER : WGE_DATAGRAM_JUNK;
}

/* Bytes of the record at the start, head included; 0: it is not whole. */
static size_t record_length(const uint8_t *record, size_t left)
{
    if (left <= RECORD_HEAD)
        return 0;
    size_t length = RECORD_HEAD + (size_t)read16(record + 11);
    return length <= left ? length : 0;
}

/* Where a run of whole records ends that are all protected, or all not. */
static size_t run_end(const uint8_t *datagram, size_t length, size_t at, bool sealed)
{
    size_t bytes;
    while ((bytes = record_length(datagram + at, length - at)) > 0 && (read16(datagram + at + 3) != 0) == sealed)
        at += bytes;
    return at;
}

const uint8_t *wge_datagram_sealed(const uint8_t *datagram, size_t *length)
{
    size_t begin = run_end(datagram, *length, 0, false);
    size_t end = run_end(datagram, *length, begin, true);
    if (begin == end)
        return NULL;
    *length = end - begin;
    return datagram + begin;
}

static enum wge_result refuse(const char **label, const char *why)
{
    *label = why;
    return WGE_PEER_ERROR;
}

enum wge_result wge_datagram_hello_parse(struct wge_client_hello *hello, const uint8_t *datagram, size_t length,
                                         const char **label)
{
    if (wge_datagram_classify(datagram, length) != WGE_DATAGRAM_HELLO || length < BODY_AT)
        return refuse(label, "datagram_hello_malformed");
    /* a second record would come before any answer: no client of ours sends one, and none is looked at */
    if (read16(datagram + 11) != length - RECORD_HEAD)
        return refuse(label, "datagram_hello_malformed");
    const uint8_t *head = datagram + RECORD_HEAD;
    size_t whole = read24(head + 1), offset = read24(head + 6), here = read24(head + 9);
    if (here != length - BODY_AT || offset + here > whole)
        return refuse(label, "datagram_hello_malformed");
    if (here != whole)
        return refuse(label, "datagram_hello_fragmented");
    if (!wge_client_hello_read(hello, WGE_HELLO_DTLS, datagram + BODY_AT, whole))
        return refuse(label, "datagram_hello_malformed");
    hello->message_sequence = read16(head + 4);
    hello->record_sequence = read48(datagram + 5);
    if (hello->version >> 8 != WGE_DTLS12 >> 8)
        return refuse(label, "datagram_hello_version");
    if (hello->random_weak)
        return refuse(label, "datagram_hello_weak_random");
    return WGE_OK;
}

static bool offers(const struct wge_client_hello *hello, uint16_t suite)
{
    for (size_t i = 0; i < hello->suite_count; i++)
        if (hello->suites[i] == suite)
            return true;
    return false;
}

static enum wge_result refuse_with(const char **label, const char *why, uint8_t *alert, uint8_t with)
{
    *alert = with;
    return refuse(label, why);
}

enum wge_result wge_datagram_negotiate(const uint16_t *suites, size_t count, bool require_ems,
                                       const struct wge_client_hello *hello, struct wge_datagram_choice *choice,
                                       const char **label, uint8_t *alert)
{
    memset(choice, 0, sizeof(*choice));
    if (!hello->dtls12)
        return refuse_with(label, "datagram_version", alert, WGE_ALERT_PROTOCOL_VERSION);
    size_t i = 0;
    while (i < count && !(wge_psk_suite_by_number(suites[i]) != NULL && offers(hello, suites[i])))
        i++;
    if (i == count)
        return refuse_with(label, "datagram_no_suite", alert, WGE_ALERT_HANDSHAKE_FAILURE);
    if (require_ems && !hello->extended_master_secret)
        return refuse_with(label, "datagram_no_ems", alert, WGE_ALERT_INSUFFICIENT_SECURITY);
    choice->suite = suites[i];
    choice->extended_master_secret = hello->extended_master_secret;
    return WGE_OK;
}

size_t wge_datagram_alert(uint8_t out[WGE_DATAGRAM_ALERT_SIZE], uint64_t sequence, uint8_t alert)
{
    memset(out, 0, WGE_DATAGRAM_ALERT_SIZE);
    out[0] = CONTENT_ALERT;
    out[1] = WGE_DTLS12 >> 8;
    out[2] = WGE_DTLS12 & 0xff;
    for (unsigned i = 0; i < 6; i++)
        out[5 + i] = (uint8_t)(sequence >> (40 - 8 * i));
    out[12] = 2;
    out[13] = LEVEL_FATAL;
    out[14] = alert;
    return WGE_DATAGRAM_ALERT_SIZE;
}
