/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_sign_server.c - requests over real socket pairs: good ones are signed, bad ones end their channel alone, keys are
 * replaced under load, rates hold. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "keys.h"
#include "library.h"
#include "sign_request.h"
#include "sign_server.h"
#include "token_bucket.h"

#define EC 0
#define RSA 1
#define ABSENT 2
#define FOREIGN 3

static struct wge_keystore *store;
static struct wge_sign_server *server;

static int memory_file(const char *text)
{
    const int fd = memfd_create("key", MFD_CLOEXEC);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    return fd;
}

static enum wge_result load(unsigned number, const char *pem, const uint8_t *expected, size_t length, const char **why)
{
    struct wge_private_key *key;
    const int fd = memory_file(pem);
    const enum wge_result result = wge_keystore_load(store, number, fd, expected, length, &key, why);
    close(fd);
    wge_private_key_release(key);
    return result;
}

static int open_channel(void)
{
    static const uint16_t numbers[] = {EC, RSA, ABSENT};
    int pair[2];
    const char *why = NULL;
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(wge_sign_server_serve(server, pair[1], numbers, 3, &why) == WGE_OK);
    return pair[0];
}

static struct wge_sign_request request(uint16_t key, uint8_t scheme, uint8_t hash)
{
    struct wge_sign_request r;
    memset(&r, 0, sizeof r);
    r.magic = WGE_SIGN_REQUEST_MAGIC;
    r.id = 4711;
    r.key = key;
    r.scheme = scheme;
    r.hash = hash;
    r.length = (uint16_t)wge_sign_digest_length(hash);
    memset(r.data, 0xab, r.length);
    return r;
}

static struct wge_sign_request digest_info_request(void)
{
    static const uint8_t prefix[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                     0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    struct wge_sign_request r = request(RSA, WGE_SIGN_RSA_PKCS1, WGE_SIGN_SHA256);
    memmove(r.data + sizeof prefix, r.data, 32);
    memcpy(r.data, prefix, sizeof prefix);
    r.length = sizeof prefix + 32;
    return r;
}

/* Status of the reply; the whole packet is checked. */
static uint16_t ask(int fd, const struct wge_sign_request *r, struct wge_sign_reply *reply)
{
    const size_t length = WGE_SIGN_REQUEST_HEAD + r->length;
    CHECK(send(fd, r, length, MSG_NOSIGNAL) == (ssize_t)length);
    const ssize_t got = recv(fd, reply, sizeof *reply, 0);
    CHECK(got >= (ssize_t)WGE_SIGN_REPLY_HEAD);
    CHECK(reply->magic == WGE_SIGN_REPLY_MAGIC && (size_t)got == WGE_SIGN_REPLY_HEAD + reply->length);
    CHECK((reply->status == WGE_SIGN_OK) == (reply->length > 0));
    return reply->status;
}

static void check_ended(int fd)
{
    uint8_t byte;
    const ssize_t got = recv(fd, &byte, 1, 0);
    CHECK(got == 0 || (got < 0 && errno == ECONNRESET)); /* reset: it ended with our bytes unread */
    close(fd);
}

static void check_good_requests(void)
{
    struct wge_sign_reply reply;
    const int fd = open_channel();
    struct wge_sign_request r = request(EC, WGE_SIGN_ECDSA, WGE_SIGN_SHA256);
    CHECK(ask(fd, &r, &reply) == WGE_SIGN_OK && reply.id == 4711);
    r = request(RSA, WGE_SIGN_RSA_PSS, WGE_SIGN_SHA512);
    CHECK(ask(fd, &r, &reply) == WGE_SIGN_OK && reply.length == 256);
    r = digest_info_request();
    CHECK(ask(fd, &r, &reply) == WGE_SIGN_OK && reply.length == 256);
    close(fd);
}

static void check_refusals_that_keep_the_channel(void)
{
    struct wge_sign_reply reply;
    const int fd = open_channel();
    struct wge_sign_request r = request(ABSENT, WGE_SIGN_ECDSA, WGE_SIGN_SHA256);
    CHECK(ask(fd, &r, &reply) == WGE_SIGN_NO_KEY);
    r = request(EC, WGE_SIGN_RSA_PSS, WGE_SIGN_SHA256);
    CHECK(ask(fd, &r, &reply) == WGE_SIGN_MISMATCH);
    r = request(RSA, WGE_SIGN_ECDSA, WGE_SIGN_SHA256);
    CHECK(ask(fd, &r, &reply) == WGE_SIGN_MISMATCH);
    r = request(EC, WGE_SIGN_ECDSA, WGE_SIGN_SHA256);
    CHECK(ask(fd, &r, &reply) == WGE_SIGN_OK);
    close(fd);
}

static void check_one_bad(struct wge_sign_request r, uint16_t status)
{
    struct wge_sign_reply reply;
    const int fd = open_channel();
    CHECK(ask(fd, &r, &reply) == status);
    check_ended(fd);
}

static void check_bad_packet(const void *packet, size_t length)
{
    struct wge_sign_reply reply;
    const int fd = open_channel();
    CHECK(send(fd, packet, length, MSG_NOSIGNAL) == (ssize_t)length);
    CHECK(recv(fd, &reply, sizeof reply, 0) == (ssize_t)WGE_SIGN_REPLY_HEAD && reply.status == WGE_SIGN_MALFORMED);
    check_ended(fd);
}

static void check_bad_requests(void)
{
    uint8_t long_packet[sizeof(struct wge_sign_request) + 300];
    const struct wge_sign_request good = request(EC, WGE_SIGN_ECDSA, WGE_SIGN_SHA256);
    const int bystander = open_channel();
    struct wge_sign_request r = good;
    r.magic ^= 1;
    check_one_bad(r, WGE_SIGN_MALFORMED);
    r = good;
    r.zero = 1;
    check_one_bad(r, WGE_SIGN_MALFORMED);
    r = good;
    r.scheme = 4;
    check_one_bad(r, WGE_SIGN_MALFORMED);
    r = good;
    r.hash = 0;
    check_one_bad(r, WGE_SIGN_MALFORMED);
    r = good;
    r.length = 20; /* SHA-1 */
    check_one_bad(r, WGE_SIGN_MALFORMED);
    r = good;
    r.key = FOREIGN;
    check_one_bad(r, WGE_SIGN_FORBIDDEN);
    r = good;
    r.key = 65535;
    check_one_bad(r, WGE_SIGN_FORBIDDEN);
    r = digest_info_request();
    r.data[14] = 2; /* names another hash */
    check_one_bad(r, WGE_SIGN_MALFORMED);
    r = digest_info_request();
    r.scheme = WGE_SIGN_RSA_PSS;
    check_one_bad(r, WGE_SIGN_MALFORMED);
    check_bad_packet(&good, 7);
    check_bad_packet(&good, WGE_SIGN_REQUEST_HEAD + 31); /* shorter than it says */
    check_bad_packet(&good, WGE_SIGN_REQUEST_HEAD + 33); /* longer than it says */
    memset(long_packet, 0, sizeof long_packet);
    memcpy(long_packet, &good, sizeof good);
    check_bad_packet(long_packet, sizeof long_packet);
    struct wge_sign_reply reply;
    CHECK(ask(bystander, &good, &reply) == WGE_SIGN_OK); /* nobody else was harmed */
    close(bystander);
}

static void check_refused_sockets(void)
{
    const char *why = NULL;
    const uint16_t number = EC;
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(wge_sign_server_serve(server, pair[0], &number, 1, &why) == WGE_INVALID &&
          strstr(why, "SOCK_SEQPACKET") != NULL);
    close(pair[0]);
    close(pair[1]);
}

static void check_rate(void)
{
    struct wge_token_bucket bucket = wge_token_bucket_full(10, 5);
    for (int i = 0; i < 10; i++)
        CHECK(wge_token_bucket_take(&bucket, 5));
    CHECK(!wge_token_bucket_take(&bucket, 5));
    CHECK(!wge_token_bucket_take(&bucket, 5 + 99999999));
    CHECK(wge_token_bucket_take(&bucket, 5 + 100000000));
    CHECK(!wge_token_bucket_take(&bucket, 5 + 100000000));
    CHECK(!wge_token_bucket_take(&bucket, 3)); /* a clock that goes back gives nothing */
    for (int i = 0; i < 10; i++)
        CHECK(wge_token_bucket_take(&bucket, UINT64_MAX)); /* a long rest gives one second's worth, no more */
    CHECK(!wge_token_bucket_take(&bucket, UINT64_MAX));

    struct wge_sign_server *slow;
    struct wge_sign_reply reply;
    const struct wge_sign_request r = request(ABSENT, WGE_SIGN_ECDSA, WGE_SIGN_SHA256);
    const uint16_t number = ABSENT;
    const char *why;
    int pair[2], refused = 0;
    CHECK(wge_sign_server_create(&slow, store, 1) == WGE_OK);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    CHECK(wge_sign_server_serve(slow, pair[1], &number, 1, &why) == WGE_OK);
    for (int i = 0; i < 50; i++)
        refused += ask(pair[0], &r, &reply) == WGE_SIGN_RATE;
    CHECK(refused > 0);
    wge_sign_server_free(slow); /* with an open channel, whose thread waits */
    check_ended(pair[0]);
}

static void check_expected_key(void)
{
    const char *why = NULL;
    struct wge_private_key *before = wge_keystore_get(store, EC);
    size_t length;
    const uint8_t *spki = wge_private_key_spki(before, &length);
    CHECK(load(EC, key_p384, spki, length, &why) == WGE_INVALID && strstr(why, "certificate") != NULL);
    struct wge_private_key *after = wge_keystore_get(store, EC);
    CHECK(after == before);
    CHECK(load(EC, key_p256_sec1, spki, length, &why) == WGE_OK);
    CHECK(load(WGE_KEYS_MAX, key_p256, NULL, 0, &why) == WGE_INVALID);
    wge_private_key_release(before);
    wge_private_key_release(after);
}

static void *sign_many(void *argument)
{
    const int fd = open_channel();
    struct wge_sign_reply reply;
    const struct wge_sign_request r = request(EC, WGE_SIGN_ECDSA, WGE_SIGN_SHA256);
    for (int i = 0; i < 400; i++)
        CHECK(ask(fd, &r, &reply) == WGE_SIGN_OK);
    close(fd);
    return argument;
}

static void check_replacement_under_load(void)
{
    pthread_t threads[4];
    const char *why;
    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, sign_many, NULL) == 0);
    for (int i = 0; i < 30; i++)
        CHECK(load(EC, i % 2 == 0 ? key_p384 : key_p256, NULL, 0, &why) == WGE_OK);
    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    wge_keystore_unload(store, EC);
    struct wge_sign_reply reply;
    const struct wge_sign_request r = request(EC, WGE_SIGN_ECDSA, WGE_SIGN_SHA256);
    const int fd = open_channel();
    CHECK(ask(fd, &r, &reply) == WGE_SIGN_NO_KEY);
    close(fd);
}

/* A server for keys with one use signs digests of one form. */
static void check_one_form_only(void)
{
    struct wge_sign_server *every = server;
    struct wge_sign_reply reply;
    CHECK(wge_sign_server_create(&server, store, 1000) == WGE_OK);
    wge_sign_server_p384_only(server);
    int fd = open_channel();
    struct wge_sign_request r = request(EC, WGE_SIGN_ECDSA, WGE_SIGN_SHA384);
    CHECK(ask(fd, &r, &reply) == WGE_SIGN_OK);
    r = request(EC, WGE_SIGN_ECDSA, WGE_SIGN_SHA256);
    CHECK(ask(fd, &r, &reply) == WGE_SIGN_FORBIDDEN);
    check_ended(fd);
    fd = open_channel();
    r = request(RSA, WGE_SIGN_RSA_PSS, WGE_SIGN_SHA384);
    CHECK(ask(fd, &r, &reply) == WGE_SIGN_FORBIDDEN);
    check_ended(fd);
    CHECK(atomic_load(&wge_sign_server_counters(server)->refused_forbidden) == 2);
    wge_sign_server_free(server);
    server = every;
}

int main(void)
{
    const char *why;
    CHECK(wge_library_start() == WGE_OK);
    CHECK(wge_keystore_create(&store, 2) == WGE_OK);
    CHECK(wge_sign_server_create(&server, store, 100000) == WGE_OK);
    CHECK(load(EC, key_p256, NULL, 0, &why) == WGE_OK);
    CHECK(load(RSA, key_rsa2048, NULL, 0, &why) == WGE_OK);
    CHECK(load(FOREIGN, key_p384, NULL, 0, &why) == WGE_OK);
    check_good_requests();
    check_one_form_only();
    check_refusals_that_keep_the_channel();
    check_bad_requests();
    check_refused_sockets();
    check_rate();
    check_expected_key();
    check_replacement_under_load();
    CHECK(atomic_load(&wge_sign_server_counters(server)->signed_ecdsa) >= 1600);
    CHECK(atomic_load(&wge_sign_server_counters(server)->refused_malformed) == 11);
    CHECK(atomic_load(&wge_sign_server_counters(server)->refused_forbidden) == 2);
    CHECK(atomic_load(&wge_sign_server_counters(server)->refused_failed) == 0);
    wge_sign_server_free(server);
    wge_keystore_free(store);
    puts("sign server: ok");
    return 0;
}
