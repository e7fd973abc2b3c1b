/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_sign_client.c - a server of this test's own at the other end, which answers well, badly, late or not at all. */
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "check.h"
#include "sign_client.h"

enum manner { WELL, REFUSE, WRONG_MAGIC, TOO_SHORT, TOO_LONG, EMPTY, HANG_UP, LATE };

struct server {
    pthread_t thread;
    int fd;
    enum manner manner;
    unsigned requests;
};

static struct wge_counters counters;

static void answer(struct server *s, const struct wge_sign_request *request)
{
    struct wge_sign_reply reply = {.magic = WGE_SIGN_REPLY_MAGIC, .id = request->id, .length = 70};
    size_t bytes = WGE_SIGN_REPLY_HEAD + 70;
    memset(reply.signature, request->data[0], sizeof(reply.signature));
    if (s->manner == REFUSE) {
        reply.status = WGE_SIGN_RATE;
        reply.length = 0;
        bytes = WGE_SIGN_REPLY_HEAD;
    } else if (s->manner == WRONG_MAGIC) {
        reply.magic = 1;
    } else if (s->manner == TOO_SHORT) {
        bytes = 5;
    } else if (s->manner == TOO_LONG) {
        reply.length = 60;
    } else if (s->manner == EMPTY) {
        reply.length = 0;
        bytes = WGE_SIGN_REPLY_HEAD;
    } else if (s->manner == LATE) {
        /* the answers to requests that were given up come first */
        for (uint32_t i = 3; i > 0; i--) {
            reply.id = request->id - i;
            CHECK(send(s->fd, &reply, bytes, 0) == (ssize_t)bytes);
        }
        reply.id = request->id;
    }
    CHECK(send(s->fd, &reply, bytes, 0) == (ssize_t)bytes);
}

static void *serve(void *given)
{
    struct server *s = given;
    struct wge_sign_request request;
    ssize_t count;
    while ((count = recv(s->fd, &request, sizeof(request), 0)) > 0) {
        CHECK(count == (ssize_t)(WGE_SIGN_REQUEST_HEAD + request.length));
        CHECK(request.magic == WGE_SIGN_REQUEST_MAGIC && request.key == 3 && request.zero == 0);
        CHECK(request.scheme == WGE_SIGN_ECDSA && request.hash == WGE_SIGN_SHA256 && request.length == 32);
        s->requests++;
        if (s->manner == HANG_UP)
            break;
        answer(s, &request);
    }
    close(s->fd);
    return NULL;
}

static void start(struct server *s, enum manner manner, struct wge_sign_client *client)
{
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    *s = (struct server){.fd = pair[1], .manner = manner};
    wge_sign_client_set_channel(client, pair[0]);
    CHECK(pthread_create(&s->thread, NULL, serve, s) == 0);
}

static enum wge_result ask(struct wge_sign_client *client, uint8_t fill, uint8_t *signature)
{
    uint8_t digest[32];
    size_t length = 0;
    memset(digest, fill, sizeof(digest));
    enum wge_result result =
        wge_sign_client_sign(client, 3, WGE_SIGN_ECDSA, WGE_SIGN_SHA256, digest, sizeof(digest), signature, &length);
    CHECK((result == WGE_OK) == (length == 70));
    return result;
}

static void test_manner(enum manner manner, enum wge_result first, enum wge_result second)
{
    struct wge_sign_client *client;
    struct server server;
    uint8_t signature[WGE_SIGN_SIGNATURE_MAX];
    CHECK(wge_sign_client_create(&client, &counters) == WGE_OK);
    start(&server, manner, client);
    CHECK(ask(client, 0xaa, signature) == first);
    if (first == WGE_OK)
        CHECK(signature[0] == 0xaa && signature[69] == 0xaa);
    CHECK(ask(client, 0xbb, signature) == second);
    if (second == WGE_OK)
        CHECK(signature[0] == 0xbb);
    wge_sign_client_free(client); /* closes the channel: the server ends */
    pthread_join(server.thread, NULL);
}

static void test_renewal(void)
{
    struct wge_sign_client *client;
    struct server first, second;
    uint8_t signature[WGE_SIGN_SIGNATURE_MAX];
    CHECK(wge_sign_client_create(&client, &counters) == WGE_OK);
    CHECK(ask(client, 1, signature) == WGE_CLOSED); /* nobody yet */
    start(&first, HANG_UP, client);
    CHECK(ask(client, 1, signature) == WGE_CLOSED);
    pthread_join(first.thread, NULL);
    start(&second, WELL, client);
    CHECK(ask(client, 2, signature) == WGE_OK);
    struct server third;
    start(&third, WELL, client); /* replaces, and closes, the one before */
    CHECK(ask(client, 3, signature) == WGE_OK);
    pthread_join(second.thread, NULL);
    CHECK(second.requests == 1 && third.requests == 1);
    wge_sign_client_free(client);
    pthread_join(third.thread, NULL);
}

static void test_silence(void)
{
    struct wge_sign_client *client;
    int pair[2];
    uint8_t signature[WGE_SIGN_SIGNATURE_MAX];
    CHECK(wge_sign_client_create(&client, &counters) == WGE_OK);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    wge_sign_client_set_channel(client, pair[0]);
    struct timeval limit;
    socklen_t length = sizeof(limit);
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, &length) == 0 &&
          limit.tv_sec == WGE_SIGN_TIMEOUT_SECONDS);
    /* the same, without five seconds of waiting */
    limit = (struct timeval){.tv_usec = 1000};
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
    CHECK(ask(client, 1, signature) == WGE_WANT_READ);
    wge_sign_client_free(client);
    close(pair[1]);
}

int main(void)
{
    uint8_t long_digest[WGE_SIGN_DATA_MAX + 1] = {0}, signature[WGE_SIGN_SIGNATURE_MAX];
    size_t length;
    struct wge_sign_client *client;
    CHECK(wge_sign_client_create(&client, &counters) == WGE_OK);
    CHECK(wge_sign_client_sign(client, 3, WGE_SIGN_ECDSA, WGE_SIGN_SHA256, long_digest, sizeof(long_digest), signature,
                               &length) == WGE_INVALID);
    wge_sign_client_free(client);
    test_manner(WELL, WGE_OK, WGE_OK);
    test_manner(REFUSE, WGE_INVALID, WGE_INVALID);
    test_manner(LATE, WGE_OK, WGE_OK);
    test_manner(EMPTY, WGE_INVALID, WGE_INVALID);
    test_manner(WRONG_MAGIC, WGE_CLOSED, WGE_CLOSED);
    test_manner(TOO_SHORT, WGE_CLOSED, WGE_CLOSED);
    test_manner(TOO_LONG, WGE_CLOSED, WGE_CLOSED);
    test_renewal();
    test_silence();
    CHECK(counters.sign_ok == 6);
    return 0;
}
