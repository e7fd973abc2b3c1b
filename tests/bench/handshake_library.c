/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handshake_library.c - libwolfssl's own server loop, to compare a gateway with: one thread for all connections, with
 * the private key at hand and nothing else to do.
 *
 * Usage: handshake_library serve GROUP CHAIN KEY ADDRESS PORT
 *            accepts connections for ever, does a handshake on each and closes it. Prints "ready" when it listens.
 *        handshake_library memory GROUP CHAIN KEY NUMBER
 *            both ends in memory, without a socket. Prints the CPU seconds of the server's end for one handshake. */
#define _GNU_SOURCE
#include "handshake_contexts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 1024
#define EVENTS_MAX 64
#define BUFFER_SIZE 32768

struct pipe {
    int start, end;
    char bytes[BUFFER_SIZE];
};

static int take_held(struct pipe *from, char *out, int wanted)
{
    int held = from->end - from->start;
    int count = held < wanted ? held : wanted;
    memcpy(out, from->bytes + from->start, (size_t)count);
    from->start += count;
    if (from->start == from->end)
        from->start = from->end = 0;
    return count;
}

static int put(WOLFSSL *ssl, char *bytes, int length, void *given)
{
    struct pipe *to = given;
    (void)ssl;
    if (length > BUFFER_SIZE - to->end)
        die("room for a flight");
    memcpy(to->bytes + to->end, bytes, (size_t)length);
    to->end += length;
    return length;
}

static WOLFSSL *end(WOLFSSL_CTX *ctx, void *in, void *out)
{
    WOLFSSL *ssl = wolfSSL_new(ctx);
    if (ssl == NULL)
        die("an object");
    wolfSSL_SetIOReadCtx(ssl, in);
    wolfSSL_SetIOWriteCtx(ssl, out);
    return ssl;
}

/* --- over sockets --------------------------------------------------------------------------------------------------
 * As few system calls as can be: a wait for all connections at once, each recv takes all that is there, each flight is one
 * send. */

struct connection {
    int fd;
    WOLFSSL *ssl;
    struct pipe in, out;
};

static int receive(WOLFSSL *ssl, char *bytes, int wanted, void *given)
{
    struct connection *c = given;
    (void)ssl;
    if (c->in.start == c->in.end) {
        ssize_t got = recv(c->fd, c->in.bytes, BUFFER_SIZE, 0);
        if (got < 0 && errno == EAGAIN)
            return WOLFSSL_CBIO_ERR_WANT_READ;
        if (got <= 0)
            return WOLFSSL_CBIO_ERR_CONN_CLOSE;
        c->in.end = (int)got;
    }
    return take_held(&c->in, bytes, wanted);
}

static void welcome(WOLFSSL_CTX *ctx, int epoll, int listener)
{
    const int on = 1;
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct connection *c = malloc(sizeof *c);
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
        if (c == NULL || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
            epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) != 0)
            die("a connection");
        c->fd = fd;
        c->in.start = c->in.end = c->out.end = 0;
        c->ssl = end(ctx, c, &c->out);
    }
}

static void advance(struct connection *c, const char *group)
{
    int done = wolfSSL_accept(c->ssl);
    if (c->out.end > 0 && send(c->fd, c->out.bytes, (size_t)c->out.end, MSG_NOSIGNAL) != c->out.end)
        die("a send");
    c->out.end = 0;
    if (done != WOLFSSL_SUCCESS) {
        if (wolfSSL_get_error(c->ssl, done) != WOLFSSL_ERROR_WANT_READ)
            die("a handshake");
        return;
    }
    check_settled(c->ssl, group);
    wolfSSL_free(c->ssl);
    close(c->fd);
    free(c);
}

static void serve(WOLFSSL_CTX *ctx, const char *group, const char *address, int port)
{
    const int on = 1;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event wanted = {.events = EPOLLIN}, events[EVENTS_MAX];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
    if (listener < 0 || epoll < 0 || inet_pton(AF_INET, address, &own.sin_addr) != 1 ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener, (const struct sockaddr *)&own, sizeof own) != 0 || listen(listener, BACKLOG) != 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted) != 0)
        die("listening");
    wolfSSL_CTX_SetIORecv(ctx, receive);
    wolfSSL_CTX_SetIOSend(ctx, put);
    puts("ready");
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                welcome(ctx, epoll, listener);
            else
                advance(events[i].data.ptr, group);
        }
    }
}

/* --- in memory ---------------------------------------------------------------------------------------------------- */

static struct pipe to_server, to_client;

static int take(WOLFSSL *ssl, char *bytes, int wanted, void *given)
{
    struct pipe *from = given;
    (void)ssl;
    return from->start == from->end ? WOLFSSL_CBIO_ERR_WANT_READ : take_held(from, bytes, wanted);
}

static void memory_callbacks(WOLFSSL_CTX *ctx)
{
    wolfSSL_CTX_SetIORecv(ctx, take);
    wolfSSL_CTX_SetIOSend(ctx, put);
}

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double one_in_memory(WOLFSSL_CTX *server_ctx, WOLFSSL_CTX *client_ctx, const char *group)
{
    WOLFSSL *client = end(client_ctx, &to_client, &to_server);
    (void)wolfSSL_connect(client);
    double begun = cpu_now();
    WOLFSSL *server = end(server_ctx, &to_server, &to_client);
    (void)wolfSSL_accept(server);
    double used = cpu_now() - begun;
    if (wolfSSL_connect(client) != WOLFSSL_SUCCESS)
        die("a handshake");
    begun = cpu_now();
    if (wolfSSL_accept(server) != WOLFSSL_SUCCESS)
        die("a handshake");
    check_settled(server, group);
    wolfSSL_free(server);
    used += cpu_now() - begun;
    wolfSSL_free(client);
    return used;
}

static void in_memory(WOLFSSL_CTX *server_ctx, const char *group, int number)
{
    WOLFSSL_CTX *client_ctx = client_context(group);
    memory_callbacks(server_ctx);
    memory_callbacks(client_ctx);
    double used = 0;
    for (int i = 0; i < number; i++)
        used += one_in_memory(server_ctx, client_ctx, group);
    printf("%.9f\n", used / number);
}

int main(int argc, char **argv)
{
    if (argc < 6)
        die("usage");
    wolfSSL_Init();
    WOLFSSL_CTX *ctx = server_context(argv[2], argv[3], argv[4]);
    if (strcmp(argv[1], "serve") == 0 && argc == 7)
        serve(ctx, argv[2], argv[5], atoi(argv[6]));
    if (strcmp(argv[1], "memory") != 0)
        die("usage");
    in_memory(ctx, argv[2], atoi(argv[5]));
    return 0;
}
