/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sign_server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sign_request.h"
#include "token_bucket.h"

#define COUNT(server, name) atomic_fetch_add_explicit(&(server)->counters.name, 1, memory_order_relaxed)
#define STACK_BYTES (512 * 1024) /* RSA-4096 in wolfCrypt takes about a fifth of it */

struct channel {
    struct wge_sign_server *server;
    struct channel *next;
    pthread_t thread;
    int fd;
    bool ended; /* under the server's lock; the thread can be joined without waiting */
    struct wge_random *random;
    struct wge_token_bucket budget;
    uint8_t permitted[WGE_KEYS_MAX / 8];
};

struct wge_sign_server {
    struct wge_keystore *store;
    uint32_t signatures_per_second;
    bool p384_only;
    pthread_mutex_t lock; /* of `channels`, `channel_count` and each channel's `ended` and `fd` */
    struct channel *channels;
    size_t channel_count;
    struct wge_sign_counters counters;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool is_permitted(const struct channel *channel, uint16_t number)
{
    return number < WGE_KEYS_MAX && (channel->permitted[number / 8] >> (number % 8) & 1) != 0;
}

static enum wge_sign_status sign(struct channel *channel, const struct wge_sign_request *request,
                                 struct wge_sign_reply *reply)
{
    if (!is_permitted(channel, request->key))
        return WGE_SIGN_FORBIDDEN;
    if (channel->server->p384_only && (request->scheme != WGE_SIGN_ECDSA || request->hash != WGE_SIGN_SHA384))
        return WGE_SIGN_FORBIDDEN;
    if (!wge_token_bucket_take(&channel->budget, now_ns()))
        return WGE_SIGN_RATE;
    struct wge_private_key *key = wge_keystore_get(channel->server->store, request->key);
    if (key == NULL)
        return WGE_SIGN_NO_KEY;
    enum wge_sign_status status = WGE_SIGN_MISMATCH;
    if ((wge_private_key_type(key) == WGE_KEY_EC) == (request->scheme == WGE_SIGN_ECDSA)) {
        size_t length;
        const bool good = wge_private_key_sign(key, channel->random, request->scheme, request->hash, request->data,
                                               request->length, reply->signature, &length) == WGE_OK;
        reply->length = (uint16_t)length;
        status = good ? WGE_SIGN_OK : WGE_SIGN_FAILED;
    }
    wge_private_key_release(key);
    return status;
}

static void count(struct wge_sign_server *server, enum wge_sign_status status, uint8_t scheme)
{
    switch (status) {
    case WGE_SIGN_OK:
        if (scheme == WGE_SIGN_ECDSA)
            COUNT(server, signed_ecdsa);
        else if (scheme == WGE_SIGN_RSA_PSS)
            COUNT(server, signed_rsa_pss);
        else
            COUNT(server, signed_rsa_pkcs1);
        break;
    case WGE_SIGN_MALFORMED:
        COUNT(server, refused_malformed);
        break;
    case WGE_SIGN_FORBIDDEN:
        COUNT(server, refused_forbidden);
        break;
    case WGE_SIGN_MISMATCH:
        COUNT(server, refused_mismatch);
        break;
    case WGE_SIGN_RATE:
        COUNT(server, refused_rate);
        break;
    case WGE_SIGN_NO_KEY:
        COUNT(server, refused_no_key);
        break;
    case WGE_SIGN_FAILED:
        COUNT(server, refused_failed);
        break;
    }
}

static ssize_t receive(int fd, uint8_t *packet, size_t capacity)
{
    ssize_t got;
    do
        got = recv(fd, packet, capacity, MSG_TRUNC); /* the true length, so that too long a packet is seen as such */
    while (got < 0 && errno == EINTR);
    return got;
}

static bool answer(int fd, const struct wge_sign_reply *reply)
{
    const size_t length = WGE_SIGN_REPLY_HEAD + reply->length;
    ssize_t sent;
    do
        sent = send(fd, reply, length, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)length;
}

/* Returns false when the channel is to end. */
static bool serve_one(struct channel *channel)
{
    struct wge_sign_server *server = channel->server;
    uint8_t packet[sizeof(struct wge_sign_request) + 1];
    struct wge_sign_request request;
    struct wge_sign_reply reply;
    const ssize_t got = receive(channel->fd, packet, sizeof packet);
    if (got == 0)
        return false;
    if (got < 0) {
        COUNT(server, channels_broken);
        return false;
    }
    memset(&reply, 0, sizeof reply);
    enum wge_sign_status status = wge_sign_request_parse(&request, packet, (size_t)got);
    if (status == WGE_SIGN_OK)
        status = sign(channel, &request, &reply);
    count(server, status, request.scheme);
    reply.magic = WGE_SIGN_REPLY_MAGIC;
    reply.id = request.id;
    reply.status = (uint16_t)status;
    if (!answer(channel->fd, &reply)) {
        COUNT(server, channels_broken);
        return false;
    }
    return status != WGE_SIGN_MALFORMED && status != WGE_SIGN_FORBIDDEN;
}

static void *serve_channel(void *argument)
{
    struct channel *channel = argument;
    struct wge_sign_server *server = channel->server;
    while (serve_one(channel))
        ;
    pthread_mutex_lock(&server->lock);
    close(channel->fd);
    channel->fd = -1;
    channel->ended = true;
    pthread_mutex_unlock(&server->lock);
    COUNT(server, channels_closed);
    return NULL;
}

static void channel_free(struct channel *channel)
{
    wge_random_free(channel->random);
    free(channel);
}

/* Joins threads that have ended, so that workers that come and go leave nothing behind. Holds the lock. */
static void reap(struct wge_sign_server *server)
{
    struct channel **link = &server->channels;
    while (*link != NULL) {
        struct channel *channel = *link;
        if (!channel->ended) {
            link = &channel->next;
            continue;
        }
        *link = channel->next;
        server->channel_count--;
        pthread_join(channel->thread, NULL);
        channel_free(channel);
    }
}

enum wge_result wge_sign_server_create(struct wge_sign_server **out, struct wge_keystore *store,
                                       uint32_t signatures_per_second)
{
    struct wge_sign_server *server = calloc(1, sizeof *server);
    *out = server;
    if (server == NULL)
        return WGE_NO_MEMORY;
    server->store = store;
    server->signatures_per_second = signatures_per_second;
    pthread_mutex_init(&server->lock, NULL);
    return WGE_OK;
}

void wge_sign_server_p384_only(struct wge_sign_server *server)
{
    server->p384_only = true;
}

void wge_sign_server_free(struct wge_sign_server *server)
{
    if (server == NULL)
        return;
    pthread_mutex_lock(&server->lock);
    for (struct channel *channel = server->channels; channel != NULL; channel = channel->next)
        if (!channel->ended)
            (void)shutdown(channel->fd, SHUT_RDWR); /* wakes a thread that waits in recv or send */
    pthread_mutex_unlock(&server->lock);
    while (server->channels != NULL) {
        struct channel *channel = server->channels;
        server->channels = channel->next;
        pthread_join(channel->thread, NULL);
        channel_free(channel);
    }
    pthread_mutex_destroy(&server->lock);
    free(server);
}

static const char *judge_socket(int fd)
{
    int domain = 0, type = 0;
    socklen_t size = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX)
        return "the channel is not a local socket";
    size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET)
        return "the channel does not keep packets apart (SOCK_SEQPACKET)";
    /* not by fcntl: the filter refuses F_SETFL, which could take O_APPEND from the log */
    int nonblocking = 0;
    if (ioctl(fd, FIONBIO, &nonblocking) != 0)
        return "the channel cannot be made blocking";
    return NULL;
}

/* Signals are Python's business: none may land on this thread. */
static int start_thread(struct channel *channel)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&channel->thread, &attributes, serve_channel, channel);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed;
}

enum wge_result wge_sign_server_serve(struct wge_sign_server *server, int fd, const uint16_t *numbers,
                                      size_t numbers_count, const char **why)
{
    *why = judge_socket(fd);
    if (*why != NULL)
        return WGE_INVALID;
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        *why = "memory is short";
        return WGE_NO_MEMORY;
    }
    channel->server = server;
    channel->fd = fd;
    channel->budget = wge_token_bucket_full(server->signatures_per_second, now_ns());
    for (size_t i = 0; i < numbers_count; i++)
        if (numbers[i] < WGE_KEYS_MAX)
            channel->permitted[numbers[i] / 8] |= (uint8_t)(1u << (numbers[i] % 8));
    channel->random = wge_random_create();
    if (channel->random == NULL) {
        *why = "the random bit generator does not start: the entropy source of the system fails";
        channel_free(channel);
        return WGE_SYSTEM_ERROR;
    }
    pthread_mutex_lock(&server->lock);
    reap(server);
    if (server->channel_count >= WGE_SIGN_CHANNELS_MAX)
        *why = "too many channels are open";
    else if (start_thread(channel) != 0)
        *why = "no thread can be started for it: raise the limit of processes (RLIMIT_NPROC)";
    if (*why == NULL) {
        channel->next = server->channels;
        server->channels = channel;
        server->channel_count++;
    }
    pthread_mutex_unlock(&server->lock);
    if (*why != NULL) {
        channel_free(channel);
        return WGE_NO_MEMORY;
    }
    COUNT(server, channels_opened);
    return WGE_OK;
}

const struct wge_sign_counters *wge_sign_server_counters(const struct wge_sign_server *server)
{
    return &server->counters;
}
