/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crowd.c - many idle clients in one process: for each line "ADDRESS COOKIE" on standard input a TLS connection from
 * that address with a CONNECT, and DTLS with the key exported from it. Prints one line when all stand, "ready", their
 * number and how many have DTLS; holds them until it is ended. Nothing is verified: it measures a server's memory.
 *
 * Usage: crowd SERVER PORT < lines. Linked with OpenSSL, where a client can name its session as stock clients do. */
#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#define LABEL "EXPORTER-openconnect-psk"
#define ID_SIZE 32
#define KEY_SIZE 32
#define HEAD_SIZE 8192
#define LINE_SIZE 512
#define GIVE_UP 10

static unsigned char current_key[KEY_SIZE];

static unsigned int give_key(SSL *ssl, const char *hint, char *identity, unsigned int identity_size, unsigned char *key,
                             unsigned int key_size)
{
    (void)ssl;
    (void)hint;
    if (identity_size < 4 || key_size < KEY_SIZE) {
        return 0;
    }
    memcpy(identity, "psk", 4);
    memcpy(key, current_key, KEY_SIZE);
    return KEY_SIZE;
}

/* A socket from `source`, connected; -1 when that fails. */
static int dial(int type, const char *source, const struct sockaddr_in *server)
{
    const struct timeval patience = {.tv_sec = 5};
    struct sockaddr_in own = {.sin_family = AF_INET};
    int fd = socket(AF_INET, type, 0);
    if (fd < 0) {
        return -1;
    }
    if (inet_pton(AF_INET, source, &own.sin_addr) != 1 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
        bind(fd, (const struct sockaddr *)&own, sizeof(own)) != 0 ||
        connect(fd, (const struct sockaddr *)server, sizeof(*server)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The response's head into `head`; 0 unless it says 200. */
static int ask_for_tunnel(SSL *tls, const char *cookie, char *head)
{
    char request[LINE_SIZE * 4];
    int length =
        snprintf(request, sizeof(request),
                 "CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\nHost: vpn\r\nUser-Agent: AnyConnect-compatible OpenConnect "
                 "VPN Agent v9.21\r\nCookie: webvpn=%s\r\nX-CSTP-Version: 1\r\nX-CSTP-Hostname: crowd\r\n"
                 "X-CSTP-Base-MTU: 1500\r\nX-CSTP-MTU: 1390\r\nX-CSTP-Address-Type: IPv6,IPv4\r\n"
                 "X-CSTP-Full-IPv6-Capability: true\r\nX-DTLS-Master-Secret: %096d\r\n"
                 "X-DTLS-CipherSuite: PSK-NEGOTIATE\r\n\r\n",
                 cookie, 0);
    if (length <= 0 || (size_t)length >= sizeof(request) || SSL_write(tls, request, length) != length) {
        return 0;
    }
    int filled = 0;
    head[0] = '\0';
    while (strstr(head, "\r\n\r\n") == NULL) {
        int got = filled < HEAD_SIZE - 1 ? SSL_read(tls, head + filled, HEAD_SIZE - 1 - filled) : 0;
        if (got <= 0) {
            return 0;
        }
        filled += got;
        head[filled] = '\0';
    }
    return strncmp(head, "HTTP/1.1 200", 12) == 0;
}

/* The bytes of X-DTLS-App-ID; 0 when the head has none. */
static int read_app_id(const char *head, unsigned char *id)
{
    static const char name[] = "\r\nX-DTLS-App-ID: ";
    const char *at = strstr(head, name);
    if (at == NULL) {
        return 0;
    }
    at += strlen(name);
    for (int place = 0; place < ID_SIZE; place++) {
        unsigned int byte;
        if (sscanf(at + 2 * (size_t)place, "%2x", &byte) != 1) {
            return 0;
        }
        id[place] = (unsigned char)byte;
    }
    return 1;
}

/* A session that the ClientHello can name; there is nothing to resume, so the handshake is a full one. */
static SSL_SESSION *named_session(SSL *dtls, const unsigned char *id)
{
    static const unsigned char cipher[] = {0x00, 0xA9}; /* TLS_PSK_WITH_AES_256_GCM_SHA384 */
    static const unsigned char secret[48] = {1};
    SSL_SESSION *session = SSL_SESSION_new();
    if (session != NULL && SSL_SESSION_set_protocol_version(session, DTLS1_2_VERSION) == 1 &&
        SSL_SESSION_set_cipher(session, SSL_CIPHER_find(dtls, cipher)) == 1 &&
        SSL_SESSION_set1_master_key(session, secret, sizeof(secret)) == 1 &&
        SSL_SESSION_set1_id(session, id, ID_SIZE) == 1) {
        return session;
    }
    SSL_SESSION_free(session);
    return NULL;
}

static int start_datagrams(SSL_CTX *context, const char *source, const struct sockaddr_in *server,
                           const unsigned char *id)
{
    int fd = dial(SOCK_DGRAM, source, server);
    if (fd < 0) {
        return 0;
    }
    SSL *dtls = SSL_new(context);
    BIO *bio = BIO_new_dgram(fd, BIO_NOCLOSE);
    SSL_SESSION *session = dtls == NULL ? NULL : named_session(dtls, id);
    if (session == NULL || bio == NULL) {
        return 0;
    }
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, (void *)(uintptr_t)server);
    SSL_set_bio(dtls, bio, bio);
    SSL_set_session(dtls, session);
    SSL_SESSION_free(session);
    if (SSL_connect(dtls) != 1) {
        return 0;
    }
    static const unsigned char keepalive = 7; /* the first word over DTLS says that it is in use */
    return SSL_write(dtls, &keepalive, 1) == 1;
}

/* 0: no tunnel, 1: TLS alone, 2: DTLS too. Connections stay; the process holds them. */
static int join(SSL_CTX *tls_context, SSL_CTX *dtls_context, const struct sockaddr_in *server, const char *source,
                const char *cookie)
{
    static char head[HEAD_SIZE];
    unsigned char id[ID_SIZE];
    int fd = dial(SOCK_STREAM, source, server);
    SSL *tls = fd < 0 ? NULL : SSL_new(tls_context);
    if (tls == NULL || SSL_set_fd(tls, fd) != 1 || SSL_connect(tls) != 1 || !ask_for_tunnel(tls, cookie, head)) {
        return 0;
    }
    if (!read_app_id(head, id) ||
        SSL_export_keying_material(tls, current_key, KEY_SIZE, LABEL, strlen(LABEL), NULL, 0, 0) != 1) {
        return 1;
    }
    return start_datagrams(dtls_context, source, server, id) ? 2 : 1;
}

int main(int count, char **words)
{
    struct sockaddr_in server = {.sin_family = AF_INET};
    struct rlimit files = {.rlim_cur = 65536, .rlim_max = 65536};
    SSL_CTX *tls_context = SSL_CTX_new(TLS_client_method());
    SSL_CTX *dtls_context = SSL_CTX_new(DTLS_client_method());
    char line[LINE_SIZE];
    char source[LINE_SIZE];
    char cookie[LINE_SIZE];
    unsigned int lines = 0;
    unsigned int tunnels = 0;
    unsigned int datagrams = 0;
    if (count != 3 || inet_pton(AF_INET, words[1], &server.sin_addr) != 1 || tls_context == NULL ||
        dtls_context == NULL) {
        fprintf(stderr, "usage: crowd SERVER PORT < lines\n");
        return 2;
    }
    server.sin_port = htons((uint16_t)atoi(words[2]));
    setrlimit(RLIMIT_NOFILE, &files);
    SSL_CTX_set_min_proto_version(dtls_context, DTLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(dtls_context, DTLS1_2_VERSION);
    SSL_CTX_set_cipher_list(dtls_context, "PSK");
    SSL_CTX_set_psk_client_callback(dtls_context, give_key);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (sscanf(line, "%511s %511s", source, cookie) != 2) {
            continue;
        }
        int reached = join(tls_context, dtls_context, &server, source, cookie);
        tunnels += reached >= 1;
        datagrams += reached == 2;
        if (tunnels + datagrams + GIVE_UP < 2 * ++lines) {
            break; /* a server that serves nobody would cost a time limit for each */
        }
    }
    printf("ready %u %u\n", tunnels, datagrams);
    fflush(stdout);
    pause();
    return 0;
}
