/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sign_client.c - sends a digest, waits for its signature. A channel that timed out stays in use (the late answer is
 * told by its id and dropped); one that broke the format, or ended, is given up until a new one is set. */
#include "sign_client.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct wge_sign_client {
    _Atomic int pending; /* set by another thread, not taken yet; -1: none */
    int fd;              /* the caller's thread only */
    uint32_t id;
    struct wge_counters *counters;
};

enum wge_result wge_sign_client_create(struct wge_sign_client **out, struct wge_counters *counters)
{
    struct wge_sign_client *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return WGE_NO_MEMORY;
    atomic_init(&c->pending, -1);
    c->fd = -1;
    c->counters = counters;
    *out = c;
    return WGE_OK;
}

static void give_up(struct wge_sign_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

void wge_sign_client_free(struct wge_sign_client *c)
{
    if (c == NULL)
        return;
    give_up(c);
    int pending = atomic_exchange(&c->pending, -1);
    if (pending >= 0)
        close(pending);
    free(c);
}

void wge_sign_client_set_channel(struct wge_sign_client *c, int fd)
{
    const struct timeval limit = {.tv_sec = WGE_SIGN_TIMEOUT_SECONDS};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    int before = atomic_exchange(&c->pending, fd);
    if (before >= 0)
        close(before);
}

static bool take_channel(struct wge_sign_client *c)
{
    int fd = atomic_exchange(&c->pending, -1);
    if (fd < 0)
        return false;
    give_up(c);
    c->fd = fd;
    return true;
}

static int64_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* One try over the channel at hand. CLOSED: it is of no use any more. */
static enum wge_result exchange(struct wge_sign_client *c, const struct wge_sign_request *request, uint8_t *signature,
                                size_t *length)
{
    const size_t bytes = WGE_SIGN_REQUEST_HEAD + request->length;
    ssize_t done;
    do
        done = send(c->fd, request, bytes, MSG_NOSIGNAL);
    while (done < 0 && errno == EINTR);
    if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return WGE_WANT_READ;
    if (done != (ssize_t)bytes)
        return WGE_CLOSED;
    const int64_t deadline = seconds_now() + WGE_SIGN_TIMEOUT_SECONDS;
    for (;;) {
        struct wge_sign_reply reply;
        done = recv(c->fd, &reply, sizeof(reply), MSG_TRUNC);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return WGE_WANT_READ;
        if (done < (ssize_t)WGE_SIGN_REPLY_HEAD)
            return WGE_CLOSED;
        if (reply.magic != WGE_SIGN_REPLY_MAGIC || reply.length > WGE_SIGN_SIGNATURE_MAX ||
            done != (ssize_t)(WGE_SIGN_REPLY_HEAD + reply.length))
            return WGE_CLOSED;
        if (reply.id != request->id) {
            if (seconds_now() > deadline)
                return WGE_WANT_READ;
            continue; /* the late answer to a request that was given up */
        }
        if (reply.status != WGE_SIGN_OK || reply.length == 0)
            return WGE_INVALID;
        memcpy(signature, reply.signature, reply.length);
        *length = reply.length;
        return WGE_OK;
    }
}

enum wge_result wge_sign_client_sign(struct wge_sign_client *c, uint16_t key, enum wge_sign_scheme scheme,
                                     enum wge_sign_hash hash, const uint8_t *data, size_t data_length,
                                     uint8_t *signature, size_t *length)
{
    if (data_length == 0 || data_length > WGE_SIGN_DATA_MAX)
        return WGE_INVALID;
    struct wge_sign_request request = {
        .magic = WGE_SIGN_REQUEST_MAGIC,
        .id = ++c->id,
        .key = key,
        .scheme = (uint8_t)scheme,
        .hash = (uint8_t)hash,
        .length = (uint16_t)data_length,
    };
    memcpy(request.data, data, data_length);
    take_channel(c);
    enum wge_result result = WGE_CLOSED;
    do {
        if (c->fd >= 0)
            result = exchange(c, &request, signature, length);
        if (result == WGE_CLOSED)
            give_up(c);
        /* keyd may have been restarted while this waited */
    } while (result == WGE_CLOSED && take_channel(c));
    if (result == WGE_OK)
        WGE_COUNT(c->counters, sign_ok);
    return result;
}
