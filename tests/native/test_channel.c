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
    CHECK(wge_channel_open(&c, fake_stream(ends[0], tls13), 0) == WGE_OK);
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
    const uint32_t soft = wge_record_limit_soft(WGE_CHANNEL_RECORDS_MOST);
    struct wge_channel c = {.tls13 = true, .limit = WGE_CHANNEL_RECORDS_MOST};
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_FRESH);
    c.sent_records = soft - 1;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_FRESH);
    c.sent_records++;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_WORN);
    c.sent_records = 0;
    c.heard_records = soft; /* the peer's keys wear as well */
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_WORN);
    c.heard_records = WGE_CHANNEL_RECORDS_MOST;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_SPENT);

    /* TLS 1.2 renews nothing within a connection: it ends while there is still room for a word */
    c = (struct wge_channel){.tls13 = false, .limit = WGE_CHANNEL_RECORDS_MOST, .sent_records = soft - 1};
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_FRESH);
    c.sent_records = soft;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_SPENT);
    c.sent_records = 0;
    c.heard_records = soft;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_SPENT);
}

static void a_limit_has_its_margin(void)
{
    CHECK(wge_record_limit(0) == WGE_CHANNEL_RECORDS_MOST && wge_record_limit(UINT32_MAX) == WGE_CHANNEL_RECORDS_MOST);
    CHECK(wge_record_limit(1000) == 1000 && wge_record_limit_soft(1000) == 500);
    CHECK(wge_record_limit_soft(WGE_CHANNEL_RECORDS_MOST) == WGE_CHANNEL_RECORDS_MOST - WGE_CHANNEL_MARGIN_MOST);
}

static void no_record_goes_out_above_the_limit(void)
{
    struct wge_channel c = open_channel(true);
    const uint8_t frame[8] = {1};
    unsigned sent = 0;
    c.limit = 10;
    while (wge_channel_send(&c, frame, sizeof frame) == WGE_OK)
        sent++;
    CHECK(sent == 10 && wge_channel_key_wear(&c) == WGE_KEYS_SPENT);
    CHECK(wge_channel_rekey(&c) == WGE_OK && wge_channel_send(&c, frame, sizeof frame) == WGE_OK);
    close_channel(&c);
}

static void the_peers_keys_wear_until_it_has_new_ones(void)
{
    struct wge_channel c = open_channel(true);
    c.limit = 10;
    c.heard_records = 5;
    fake_peer_keeps_keys = true;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_WORN && wge_channel_rekey(&c) == WGE_OK);
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_FRESH && c.heard_records == 5); /* asked once */
    c.heard_records = 10;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_SPENT); /* and not for ever */
    c.heard_records = 6;
    CHECK(wge_channel_rekey(&c) == WGE_OK); /* a second renewal of ours asks for nothing */
    fake_peer_keeps_keys = false;
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_WORN && c.heard_records == 6);
    CHECK(wge_channel_rekey(&c) == WGE_OK);
    CHECK(wge_channel_key_wear(&c) == WGE_KEYS_FRESH && c.heard_records == 0);
    close_channel(&c);
}

static void what_is_sent_is_counted(void)
{
    struct wge_channel c = open_channel(true);
    const uint8_t frame[100] = {1};
    CHECK(wge_channel_send(&c, frame, sizeof frame) == WGE_OK);
    CHECK(wge_channel_send(&c, frame, 50) == WGE_OK);
    CHECK(c.unsent && c.sent_records == 2);
    CHECK(wge_channel_flush(&c) == WGE_OK && !c.unsent);
    CHECK(wge_channel_rekey(&c) == WGE_OK);
    CHECK(c.unsent && c.sent_records == 0);
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
    a_limit_has_its_margin();
    no_record_goes_out_above_the_limit();
    the_peers_keys_wear_until_it_has_new_ones();
    what_is_sent_is_counted();
    a_full_queue_takes_no_more();
    return 0;
}
