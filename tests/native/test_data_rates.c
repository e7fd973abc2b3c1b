/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_data_rates.c - tunnels that may carry so much and no more: each way by itself, each tunnel by itself, and
 * otherwise from the moment on in which that is changed. A byte a second refills nothing while a test runs. */
#include "data_stage.h"

#define SENT 100
/* An upload of data_stage.h is 1240 bytes over IPv4. */
#define PASSING (WGE_BURST_MIN / 1240)

static const struct wge_rate slow = {1, WGE_BURST_MIN};
static const struct wge_rate no_limit = {0, 0};

static void upload_all(int client, uint8_t session)
{
    struct packet_spec p = upload(4, session);
    for (unsigned i = 0; i < SENT; i++)
        send_packet(client, &p);
    settle(client);
}

static void what_a_client_sends(void)
{
    set_up();
    struct wge_tunnel_params params = params_of(1);
    params.up = slow;
    int limited = connect_client(&params, true), other = client_of(2);
    upload_all(limited, 1);
    upload_all(other, 2);
    CHECK(atomic_load(&traffic[1].rx_packets) == PASSING && atomic_load(&traffic[2].rx_packets) == SENT);
    struct packet_spec p = upload(4, 1);
    for (unsigned i = 0; i < SENT; i++) {
        send_inside(&p, 0);
        expect_packet(limited, &p);
    }
    settle(limited);
    CHECK(atomic_load(&traffic[1].tx_packets) == SENT);
    close(limited);
    close(other);
    CHECK(COUNTED(drop_rate_up) == SENT - PASSING && COUNTED(drop_rate_down) == 0);
    tear_down();
}

static void what_a_client_gets(void)
{
    set_up();
    struct wge_tunnel_params params = params_of(1);
    params.down = slow;
    int limited = connect_client(&params, true), other = client_of(2);
    settle(limited);
    settle(other);
    struct packet_spec p = upload(4, 1), last = upload(4, 2);
    for (unsigned i = 0; i < SENT; i++)
        send_inside(&p, 0);
    send_inside(&last, 0);
    expect_packet(other, &last); /* the TUN is read in order */
    for (unsigned i = 0; i < PASSING; i++)
        expect_packet(limited, &p);
    upload_all(limited, 1); /* whose answer is the next frame: no packet came before it */
    CHECK(atomic_load(&traffic[1].tx_packets) == PASSING && atomic_load(&traffic[1].rx_packets) == SENT);
    close(limited);
    close(other);
    CHECK(COUNTED(drop_rate_down) == SENT - PASSING && COUNTED(drop_rate_up) == 0);
    tear_down();
}

static bool passes(int client)
{
    uint64_t before = atomic_load(&traffic[1].rx_packets);
    struct packet_spec p = upload(4, 1);
    send_packet(client, &p);
    settle(client);
    return atomic_load(&traffic[1].rx_packets) > before;
}

static void what_is_changed(void)
{
    set_up();
    struct wge_tunnel_params params = params_of(1);
    params.up = slow;
    int client = connect_client(&params, true);
    upload_all(client, 1);
    CHECK(!passes(client));
    const struct wge_rate wrong = {1, 1};
    wge_data_set_rates(data, 1, 2, &no_limit, &no_limit); /* another epoch */
    wge_data_set_rates(data, 2, 1, &no_limit, &no_limit); /* nobody */
    wge_data_set_rates(data, 1, 1, &wrong, &no_limit);
    wge_data_end(data, 1, 0, NULL, 0); /* an older tunnel: only that the orders before have been taken */
    for (unsigned i = 0; i < 10; i++)
        CHECK(!passes(client));
    wge_data_set_rates(data, 1, 1, &no_limit, &slow);
    unsigned tries = 0;
    while (!passes(client))
        CHECK(++tries < 100000);
    upload_all(client, 1);
    CHECK(atomic_load(&traffic[1].rx_packets) == PASSING + 1 + SENT);
    close(client);
    tear_down();
}

static void rates_that_make_no_sense(void)
{
    set_up();
    struct wge_tunnel_params params = params_of(1);
    params.down = (struct wge_rate){1, WGE_BURST_MIN - 1};
    close(connect_client(&params, true));
    expect_closed(1, 1, "invalid");
    tear_down();
}

int main(void)
{
    what_a_client_sends();
    what_a_client_gets();
    what_is_changed();
    rates_that_make_no_sense();
    return 0;
}
