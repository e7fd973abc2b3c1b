/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message socket stands for the TUN: one write is one packet there as well. What it cannot do, refusing
 * super-packets, is done by a writev() put before the real one. */
#include <sys/uio.h>

static ssize_t device_writev(int fd, const struct iovec *parts, int count);
#define writev device_writev
#include "inside.c"
#undef writev

#include <sys/socket.h>

#include "check.h"
#include "packets.h"
#include "segment.h"

static unsigned refused_type = 255; /* gso_type that the device does not know */
static int device_error;

static ssize_t device_writev(int fd, const struct iovec *parts, int count)
{
    struct wge_vnet vnet;
    memcpy(&vnet, parts[0].iov_base, sizeof vnet);
    if (vnet.gso_type == refused_type || device_error != 0) {
        errno = device_error != 0 ? device_error : EINVAL;
        return -1;
    }
    return writev(fd, parts, count);
}

static struct wge_inside in;
static struct wge_tally tally;
static int far_end;

static void open_inside(void)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) == 0);
    far_end = ends[1];
    memset(&tally, 0, sizeof tally);
    CHECK(wge_inside_open(&in, ends[0], &tally) == WGE_OK);
}

static void close_inside(void)
{
    close(far_end);
    close(in.fd);
    wge_inside_close(&in);
}

static void add_flow(uint8_t protocol, unsigned packets, size_t payload)
{
    struct packet_spec p = {.version = 4, .protocol = protocol, .payload = payload, .flags = 0x10, .ttl = 9};
    for (unsigned i = 0; i < packets; i++) {
        uint8_t *slot = wge_inside_slot(&in);
        struct wge_inner inner;
        CHECK(wge_inner_parse(slot, build_packet(slot, &p), &inner));
        wge_inside_add(&in, &inner);
        p.seq += (uint32_t)payload;
        p.identification++;
    }
}

/* Reads one write and returns the number of packets in it; 0: nothing there. */
static unsigned arrived(void)
{
    static uint8_t buffer[WGE_INSIDE_READ_MAX];
    ssize_t got = recv(far_end, buffer, sizeof buffer, MSG_DONTWAIT);
    struct wge_segmenter segmenter;
    uint8_t *packet;
    size_t length;
    unsigned count = 0;
    if (got < 0)
        return 0;
    CHECK(wge_segment_begin(&segmenter, buffer, (size_t)got));
    while (wge_segment_next(&segmenter, &packet, &length))
        count++;
    return count;
}

static void a_batch_is_one_write(void)
{
    open_inside();
    add_flow(6, 30, 1000);
    add_flow(17, 20, 1000);
    CHECK(arrived() == 0);
    wge_inside_flush(&in);
    CHECK(arrived() == 30 && arrived() == 20 && arrived() == 0);
    CHECK(tally.tun_writes == 2 && tally.drop_tun_write == 0);
    close_inside();
}

static void a_full_batch_is_written_early(void)
{
    open_inside();
    add_flow(17, WGE_COALESCE_PACKETS, 100);
    CHECK(arrived() == 0);
    wge_inside_slot(&in);
    for (unsigned i = 0; i < WGE_COALESCE_PACKETS / WGE_COALESCE_SEGMENTS; i++)
        CHECK(arrived() == WGE_COALESCE_SEGMENTS);
    add_flow(6, WGE_INSIDE_ARENA / 1400 + 1, 1400);
    CHECK(arrived() > 0);
    close_inside();
}

static void a_refused_kind_goes_out_apart(void)
{
    open_inside();
    refused_type = WGE_VNET_GSO_UDP;
    add_flow(17, 5, 500);
    add_flow(6, 5, 500);
    wge_inside_flush(&in);
    for (unsigned i = 0; i < 5; i++)
        CHECK(arrived() == 1);
    CHECK(arrived() == 5 && arrived() == 0 && tally.drop_tun_write == 0);
    refused_type = 255;
    add_flow(17, 3, 500);
    wge_inside_flush(&in);
    CHECK(arrived() == 1 && arrived() == 1 && arrived() == 1 && arrived() == 0); /* not tried again */
    close_inside();
}

static void a_proven_kind_is_kept(void)
{
    open_inside();
    add_flow(6, 4, 500);
    wge_inside_flush(&in);
    CHECK(arrived() == 4);
    refused_type = WGE_VNET_GSO_TCP4;
    add_flow(6, 3, 500);
    wge_inside_flush(&in);
    CHECK(arrived() == 1 && arrived() == 1 && arrived() == 1);
    refused_type = 255;
    add_flow(6, 4, 500);
    wge_inside_flush(&in);
    CHECK(arrived() == 4);
    close_inside();
}

static void failures_are_counted_by_packet(void)
{
    open_inside();
    device_error = EIO;
    add_flow(6, 7, 500);
    add_flow(1, 2, 500);
    wge_inside_flush(&in);
    CHECK(tally.drop_tun_write == 9 && tally.tun_writes == 0);
    device_error = EINVAL;
    add_flow(17, 4, 500);
    wge_inside_flush(&in);
    CHECK(tally.drop_tun_write == 13);
    device_error = 0;
    close_inside();
    CHECK(wge_inside_open(&in, -1, &tally) == WGE_OK);
    add_flow(6, 7, 500);
    wge_inside_flush(&in);
    wge_inside_drain(&in);
    CHECK(tally.drop_tun_write == 20);
    wge_inside_close(&in);
    CHECK(wge_inside_open(&in, 1 << 20, &tally) == WGE_SYSTEM_ERROR);
}

static void reading_and_draining(void)
{
    uint8_t *buffer;
    size_t length;
    open_inside();
    CHECK(wge_inside_read(&in, &buffer, &length) == WGE_WANT_READ);
    for (unsigned i = 0; i < 3; i++)
        CHECK(send(far_end, "old", 3, 0) == 3);
    wge_inside_drain(&in);
    CHECK(tally.tun_stale_drained == 3 && tally.tun_reads == 0);
    CHECK(send(far_end, "fresh", 5, 0) == 5);
    CHECK(wge_inside_read(&in, &buffer, &length) == WGE_OK && length == 5 && memcmp(buffer, "fresh", 5) == 0);
    close(far_end);
    CHECK(wge_inside_read(&in, &buffer, &length) == WGE_SYSTEM_ERROR);
    far_end = -1;
    close_inside();
}

int main(void)
{
    a_batch_is_one_write();
    a_full_batch_is_written_early();
    a_refused_kind_goes_out_apart();
    a_proven_kind_is_kept();
    failures_are_counted_by_packet();
    reading_and_draining();
    return 0;
}
