/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handshake_load.c - so many full TLS 1.3 handshakes from several threads, each on a connection of its own that is closed
 * after it; every source address takes its turn. Prints how many seconds they took. Any failure ends it with status 1.
 *
 * Usage: handshake_load SERVER PORT GROUP NUMBER THREADS FIRST_SOURCE SOURCES. Built against our libwolfssl. */
#include "handshake_contexts.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64

static struct sockaddr_in server;
static const char *group;
static WOLFSSL_CTX *ctx;
static uint32_t first_source, sources;
static atomic_int left, taken;

static int dial(uint32_t source)
{
    const int on = 1;
    const struct timeval patience = {.tv_sec = 30};
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&own, sizeof own) != 0 ||
        connect(fd, (const struct sockaddr *)&server, sizeof server) != 0)
        die("a connection");
    return fd;
}

static void *work(void *unused)
{
    (void)unused;
    while (atomic_fetch_sub(&left, 1) > 0) {
        int fd = dial(first_source + (uint32_t)atomic_fetch_add(&taken, 1) % sources);
        WOLFSSL *ssl = wolfSSL_new(ctx);
        if (ssl == NULL || wolfSSL_set_fd(ssl, fd) != WOLFSSL_SUCCESS || wolfSSL_connect(ssl) != WOLFSSL_SUCCESS)
            die("a handshake");
        check_settled(ssl, group);
        wolfSSL_free(ssl);
        close(fd);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct in_addr first;
    if (argc != 8)
        die("usage");
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    int threads = atoi(argv[5]);
    if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1 || inet_pton(AF_INET, argv[6], &first) != 1 || threads < 1 ||
        threads > THREADS_MAX)
        die("reading the words");
    group = argv[3];
    atomic_init(&left, atoi(argv[4]));
    first_source = ntohl(first.s_addr);
    sources = (uint32_t)atoi(argv[7]);
    wolfSSL_Init();
    ctx = client_context(group);
    pthread_t each[THREADS_MAX];
    struct timespec begun, done;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&each[i], NULL, work, NULL) != 0)
            die("a thread");
    for (int i = 0; i < threads; i++)
        pthread_join(each[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &done);
    printf("%.6f\n", (double)(done.tv_sec - begun.tv_sec) + (double)(done.tv_nsec - begun.tv_nsec) / 1e9);
    return 0;
}
