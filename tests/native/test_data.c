/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_data.c - what the data thread does with packets and frames, right and wrong ones, both ways. */
#include "data_stage.h"

/* --- packets ---------------------------------------------------------------------------------------------------- */

static void packets_go_in_joined_and_unchanged(void)
{
    set_up();
    for (uint8_t version = 4; version <= 6; version += 2) {
        static uint8_t burst[65536];
        static uint8_t buffer[WGE_VNET_HEADER + 65536];
        uint8_t packet[2048];
        struct packet_spec p = upload(version, version);
        int client = client_of(version);
        size_t length = 0;
        for (unsigned i = 0; i < 20; i++) {
            length += put_frame(burst + length, WGE_FRAME_DATA, packet, build_packet(packet, &p));
            p.seq += (uint32_t)p.payload;
            p.identification++;
        }
        send_all(client, burst, length);
        p = upload(version, version);
        for (unsigned i = 0; i < 20;) {
            struct wge_segmenter segmenter;
            uint8_t *came;
            wait_readable(tun);
            ssize_t got = recv(tun, buffer, sizeof buffer, 0);
            CHECK(got > 0 && wge_segment_begin(&segmenter, buffer, (size_t)got));
            for (; wge_segment_next(&segmenter, &came, &length); i++) {
                CHECK(length == build_packet(packet, &p) && memcmp(came, packet, length) == 0);
                p.seq += (uint32_t)p.payload;
                p.identification++;
            }
        }
        settle(client);
        CHECK(atomic_load(&traffic[version].rx_packets) == 20);
        CHECK(atomic_load(&traffic[version].rx_bytes) == 20 * (version == 4 ? 1240u : 1260u));
        CHECK(atomic_load(&traffic[version].session) == version && atomic_load(&traffic[version].last_active_ms) > 0);
        close(client);
        expect_closed(version, 1, "peer_closed");
    }
    CHECK(COUNTED(rx_packets) == 40 && COUNTED(tun_writes) <= 40);
    tear_down();
}

static void super_packets_go_out_cut(void)
{
    set_up();
    for (uint8_t version = 4; version <= 6; version += 2) {
        struct packet_spec p = upload(version, version);
        int client = client_of(version);
        settle(client);
        p.payload = 30000;
        send_inside(&p, 1000);
        struct packet_spec one = p;
        one.payload = 1000;
        for (unsigned i = 0; i < 30; i++) {
            expect_packet(client, &one);
            one.seq += 1000;
            one.identification++;
            one.payload_value = (uint8_t)(one.payload_value + 7 * 1000);
        }
        p.payload = 5;
        send_inside(&p, 0);
        expect_packet(client, &p);
        settle(client);
        CHECK(atomic_load(&traffic[version].tx_packets) == 31);
        close(client);
        expect_closed(version, 1, "peer_closed");
    }
    CHECK(COUNTED(tx_packets) == 62);
    tear_down();
}

static void what_nobody_owns_is_counted(void)
{
    set_up();
    int client = client_of(1);
    settle(client);
    struct packet_spec p = upload(4, 2);
    send_inside(&p, 0); /* 10.0.0.2 has no session */
    p = upload(6, 1);
    p.payload = 1400;
    send_inside(&p, 0); /* 1460 bytes, the MTU is 1400 */
    p.payload = 3000;
    send_inside(&p, 1400);
    CHECK(send(tun, "not a packet at all", 19, 0) == 19);
    uint8_t torn[WGE_VNET_HEADER + 30] = {[WGE_VNET_HEADER] = 0x45};
    CHECK(send(tun, torn, sizeof torn, 0) == sizeof torn);
    p = upload(4, 1);
    send_inside(&p, 0);
    expect_packet(client, &p);
    settle(client);
    CHECK(COUNTED(drop_no_session) == 1 && COUNTED(drop_tx_mtu) == 2);
    CHECK(COUNTED(drop_not_ip) == 1 && COUNTED(drop_segment_malformed) == 1);
    close(client);
    tear_down();
}

static void spoofed_and_broken_packets_stay_outside(void)
{
    set_up();
    int client = client_of(1);
    struct packet_spec p = upload(4, 2);
    send_packet(client, &p);
    p = upload(6, 2);
    send_packet(client, &p);
    send_frame(client, WGE_FRAME_DATA, "junk", 4);
    send_frame(client, WGE_FRAME_DATA, NULL, 0);
    p = upload(4, 1);
    p.payload = 1480;
    send_packet(client, &p); /* 1520 bytes: more than an Ethernet carries */
    p.payload = 1460;
    send_packet(client, &p); /* 1500: a little above our MTU, let through */
    settle(client);
    CHECK(COUNTED(drop_inner_source) == 2 && COUNTED(drop_inner_malformed) == 2);
    CHECK(COUNTED(drop_inner_mtu) == 1 && COUNTED(rx_packets) == 1);
    close(client);
    tear_down();
}

static void own_networks_are_sources_and_destinations(void)
{
    set_up();
    struct wge_tunnel_params params = params_of(1);
    params.networks[0] = (struct wge_network){.address = {10, 0, 0, 64}, .prefix = 26, .family = 4};
    params.network_count = 1;
    int client = connect_client(&params, true);
    struct packet_spec p = upload(4, 70);
    uint8_t buffer[2048];
    send_packet(client, &p);
    wait_readable(tun);
    CHECK(recv(tun, buffer, sizeof buffer, 0) == WGE_VNET_HEADER + 1240);
    send_inside(&p, 0);
    expect_packet(client, &p);
    close(client);
    expect_closed(1, 1, "peer_closed");
    tear_down();
}

static void without_a_device_packets_are_counted(void)
{
    set_up_device(false);
    CHECK(wge_data_start(data) == WGE_OK);
    int client = client_of(1);
    struct packet_spec p = upload(4, 1);
    send_packet(client, &p);
    settle(client);
    CHECK(COUNTED(drop_tun_write) == 1 && COUNTED(rx_packets) == 1);
    close(client);
    tear_down();
}

static void stale_packets_are_drained(void)
{
    set_up_device(true);
    for (unsigned i = 0; i < 20; i++) {
        struct packet_spec p = upload(4, 1);
        send_inside(&p, 0);
    }
    int client = client_of(1); /* adopted before the start: served after the drain */
    CHECK(wge_data_start(data) == WGE_OK);
    settle(client);
    CHECK(COUNTED(tun_stale_drained) == 20 && COUNTED(tx_packets) == 0);
    close(client);
    tear_down();
}

/* --- frames ----------------------------------------------------------------------------------------------------- */

static void probes_are_echoed(void)
{
    static uint8_t probe[WGE_FRAME_PAYLOAD_MAX];
    static uint8_t payload[WGE_RECORD_PLAIN_MAX];
    const size_t sizes[] = {0, 1, 1400, sizeof probe};
    uint8_t type;
    set_up();
    int client = client_of(1);
    memset(probe, 0x5a, sizeof probe);
    for (size_t i = 0; i < 4; i++) {
        send_frame(client, WGE_FRAME_DPD_REQUEST, probe, sizes[i]);
        CHECK(receive_frame(client, &type, payload) == sizes[i]);
        CHECK(type == WGE_FRAME_DPD_RESPONSE && memcmp(payload, probe, sizes[i]) == 0);
    }
    send_frame(client, WGE_FRAME_KEEPALIVE, NULL, 0);
    send_frame(client, WGE_FRAME_DPD_RESPONSE, NULL, 0);
    send_frame(client, WGE_FRAME_COMPRESSED, probe, 50);
    send_frame(client, WGE_FRAME_TERMINATE, NULL, 0);
    send_frame(client, (enum wge_frame_type)200, probe, 50);
    settle(client);
    CHECK(COUNTED(dpd_request_in) == 5 && COUNTED(keepalive_in) == 1);
    CHECK(COUNTED(dpd_response_in) == 1 && COUNTED(drop_frame_compressed) == 1);
    CHECK(COUNTED(drop_frame_type) == 2);
    close(client);
    tear_down();
}

static void a_client_says_bye(void)
{
    static uint8_t long_bye[1000] = {0x91};
    set_up();
    int client = client_of(1);
    send_frame(client, WGE_FRAME_DISCONNECT,
               "\xb0"
               "gone fishing",
               13);
    struct wge_event event = next_event();
    CHECK(event.kind == WGE_EVENT_TUNNEL_CLOSED && strcmp(event.reason, "bye") == 0 && event.code == 0xb0);
    CHECK(event.length == 12 && memcmp(event.data, "gone fishing", 12) == 0);
    wge_event_wipe(&event);
    expect_end_of_stream(client);
    close(client);

    client = client_of(1);
    send_frame(client, WGE_FRAME_DISCONNECT, NULL, 0);
    event = next_event();
    CHECK(strcmp(event.reason, "bye") == 0 && event.code == -1 && event.length == 0 && event.data == NULL);
    close(client);

    client = client_of(1);
    send_frame(client, WGE_FRAME_DISCONNECT, long_bye, sizeof long_bye);
    event = next_event();
    CHECK(event.code == 0x91 && event.length == 128);
    wge_event_wipe(&event);
    close(client);
    CHECK(COUNTED(bye_in) == 3);
    tear_down();
}

static void hostile_records_end_their_tunnel_only(void)
{
    uint8_t good[WGE_FRAME_HEADER + 4];
    uint8_t out[64];
    set_up();
    int neighbour = client_of(7);
    wge_frame_encode(good, WGE_FRAME_DATA, 4);
    memset(good + WGE_FRAME_HEADER, 0, 4);
    for (unsigned round = 0; round < 6; round++) {
        static const char *const reasons[] = {"frame_magic", "frame_length", "frame_short",
                                              "frame_magic", "tls_error",    "peer_closed"};
        uint8_t bad[sizeof good];
        size_t length = sizeof bad;
        memcpy(bad, good, sizeof bad);
        if (round == 0)
            bad[0] = 'G';
        else if (round == 1)
            bad[5] = 5;
        else if (round == 2)
            length = 7;
        else if (round == 3)
            bad[7] = 1;
        length = put_record(out, bad, length);
        if (round >= 4)
            put16(out, round == 4 ? FAKE_BROKEN : FAKE_CLOSE_NOTIFY);
        int client = client_of(1);
        send_all(client, out, length);
        expect_closed(1, 1, reasons[round]);
        expect_end_of_stream(client);
        close(client);
        settle(neighbour);
    }
    CHECK(COUNTED(drop_frame_magic) == 2 && COUNTED(drop_frame_length) == 1);
    CHECK(COUNTED(drop_frame_short) == 1 && COUNTED(tunnels_ended) == 6);
    close(neighbour);
    tear_down();
}

static void noise_ends_tunnels_in_good_order(void)
{
    struct sequence s = {0xbadcafe};
    set_up();
    for (unsigned round = 0; round < 200; round++) {
        static uint8_t noise[5000];
        int client = client_of(1);
        size_t length = 0;
        while (length < 3000) {
            uint8_t payload[400];
            size_t bytes = below(&s, sizeof payload);
            draw_bytes(&s, payload, bytes);
            if (below(&s, 2) && bytes > 40)
                payload[0] = below(&s, 2) ? 0x45 : 0x60;
            length += put_frame(noise + length, WGE_FRAME_DATA, payload, bytes);
            noise[length - 1] ^= (uint8_t)below(&s, 2);
            noise[below(&s, (uint32_t)length)] ^= (uint8_t)(below(&s, 8) == 0);
        }
        if (send(client, noise, length, MSG_NOSIGNAL) > 0)
            shutdown(client, SHUT_WR);
        struct wge_event event = next_event();
        CHECK(event.kind == WGE_EVENT_TUNNEL_CLOSED);
        wge_event_wipe(&event);
        close(client);
    }
    tear_down();
}

int main(void)
{
    packets_go_in_joined_and_unchanged();
    super_packets_go_out_cut();
    what_nobody_owns_is_counted();
    spoofed_and_broken_packets_stay_outside();
    own_networks_are_sources_and_destinations();
    without_a_device_packets_are_counted();
    stale_packets_are_drained();
    probes_are_echoed();
    a_client_says_bye();
    hostile_records_end_their_tunnel_only();
    noise_ends_tunnels_in_good_order();
    return 0;
}
