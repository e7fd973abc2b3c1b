/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "channel.h"

#include "check.h"
#include "fake_stream.h"

static int peer;

static struct wge_channel open_channel(bool tls13)
{
    int ends[2];
    struct wge_channel c;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    peer = ends[1];
    CHECK(wge_channel_open(&c, fake_stream(ends[0], tls13)) == WGE_OK);
    CHECK(c.tls13 == tls13 && !c.blocked && !c.unsent);
    return c;
}

static void close_channel(struct wge_channel *c)
{
    wge_channel_close(c, false);
    wge_channel_close(c, false); /* twice does no harm */
    close(peer);
}

static void keys_wear_with_records(void)
{
    struct wge_channel c = {.tls13 = true};
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_FRESH);
    c.sent_bytes = c.heard_bytes = UINT64_MAX; /* bytes are the measure of TLS 1.2 */
    c.sent_records = WGE_CHANNEL_RECORDS_SOFT - 1;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_FRESH);
    c.sent_records++;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_WORN);
    c.sent_records = 0;
    c.heard_records = WGE_CHANNEL_RECORDS_SOFT; /* the peer's keys wear as well */
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_WORN);
    c.heard_records = WGE_CHANNEL_RECORDS_HARD;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_SPENT);

    c = (struct wge_channel){.tls13 = false, .sent_records = WGE_CHANNEL_RECORDS_HARD};
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_FRESH);
    c.sent_bytes = WGE_CHANNEL_BYTES_HARD;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_SPENT);
    c.sent_bytes = 0;
    c.heard_bytes = WGE_CHANNEL_BYTES_HARD;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_SPENT);
}

static void what_is_sent_is_counted(void)
{
    struct wge_channel c = open_channel(true);
    const uint8_t frame[100] = {1};
    CHECK(wge_channel_send(&c, frame, sizeof frame) == WGE_OK);
    CHECK(wge_channel_send(&c, frame, 50) == WGE_OK);
    CHECK(c.unsent && c.sent_records == 2 && c.sent_bytes == 150);
    CHECK(wge_channel_flush(&c) == WGE_OK && !c.unsent);
    CHECK(wge_channel_rekey(&c) == WGE_OK);
    CHECK(c.unsent && c.sent_records == 0 && c.sent_bytes == 0);
    close_channel(&c);
    c = open_channel(false);
    c.sent_records = 7;
    CHECK(wge_channel_rekey(&c) == WGE_INVALID && c.sent_records == 7);
    close_channel(&c);
}

static void a_full_queue_takes_no_more(void)
{
    static uint8_t frame[10000];
    struct wge_channel c = open_channel(true);
    enum wge_result result;
    size_t sent = 0;
    while ((result = wge_channel_send(&c, frame, sizeof frame)) == WGE_OK)
        sent++;
    CHECK(result == WGE_NO_MEMORY && c.blocked); /* it tried the socket by itself on the way */
    CHECK(sent > WGE_CHANNEL_OUT_CAPACITY / sizeof frame - 2 && c.sent_records == sent);
    CHECK(wge_channel_flush(&c) == WGE_WANT_WRITE);
    close(peer);
    peer = -1;
    CHECK(wge_channel_flush(&c) == WGE_SYSTEM_ERROR);
    close_channel(&c);
}

int main(void)
{
    keys_wear_with_records();
    what_is_sent_is_counted();
    a_full_queue_takes_no_more();
    return 0;
}
