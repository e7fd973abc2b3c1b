/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wolfssl_client.c - one TLS handshake that offers what the command line says, and what came of it in one line:
 * "settled VERSION SUITE GROUP", "refused", or "unable" where the library cannot make the offer. Names are IANA's. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define ITEMS_MAX 64

static const struct {
    const char *name;
    int number;
} groups[] = {
    {"secp256r1", 23},        {"secp384r1", 24},           {"secp521r1", 25},
    {"x25519", 29},           {"MLKEM1024", 514},          {"MLKEM768", 513},
    {"MLKEM512", 512},        {"SecP256r1MLKEM768", 4587}, {"SecP384r1MLKEM1024", 4589},
    {"X25519MLKEM768", 4588},
};

static int unable(const char *why)
{
    printf("unable %s\n", why);
    return 0;
}

static int number_of(const char *name)
{
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strcmp(groups[i].name, name) == 0)
            return groups[i].number;
    return -1;
}

/* Keeps those that the library has: it refuses a whole list for one name that it lacks. */
static int choose_groups(WOLFSSL_CTX *ctx, char *list)
{
    int found[ITEMS_MAX], count = 0;
    for (char *name = strtok(list, ":"); name != NULL; name = strtok(NULL, ":")) {
        int number = number_of(name);
        if (number >= 0 && count < 10 && wolfSSL_CTX_set_groups(ctx, &number, 1) == WOLFSSL_SUCCESS)
            found[count++] = number;
    }
    return count > 0 && wolfSSL_CTX_set_groups(ctx, found, count) == WOLFSSL_SUCCESS;
}

/* IANA's name as the library has it: its own list knows both. */
static int choose_suites(WOLFSSL_CTX *ctx, char *list)
{
    char chosen[4096] = "";
    for (char *name = strtok(list, ":"); name != NULL; name = strtok(NULL, ":")) {
        unsigned char first, second;
        int flags;
        if (wolfSSL_get_cipher_suite_from_name(name, &first, &second, &flags) != 0)
            continue;
        if (chosen[0] != '\0')
            strcat(chosen, ":");
        strncat(chosen, name, 128);
    }
    return chosen[0] != '\0' && wolfSSL_CTX_set_cipher_list(ctx, chosen) == WOLFSSL_SUCCESS;
}

static int dial(const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(443)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        return -1;
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 7)
        return unable("usage");
    int tls13 = strcmp(argv[3], "1.3") == 0;
    wolfSSL_Init();
    if (!tls13 && strcmp(argv[3], "1.2") != 0)
        return unable("version");
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(tls13 ? wolfTLSv1_3_client_method() : wolfTLSv1_2_client_method());
    wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
    if (!choose_suites(ctx, argv[4]))
        return unable("suites");
    if (!choose_groups(ctx, argv[5]))
        return unable("groups");
    if (strcmp(argv[6], "0") == 0)
        wolfSSL_CTX_DisableExtendedMasterSecret(ctx);
    WOLFSSL *ssl = wolfSSL_new(ctx);
    int fd = dial(argv[1]);
    if (fd < 0)
        return 1;
    wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, argv[2], (unsigned short)strlen(argv[2]));
    wolfSSL_set_fd(ssl, fd);
    if (wolfSSL_connect(ssl) != WOLFSSL_SUCCESS) {
        puts("refused");
        return 0;
    }
    const char *group = wolfSSL_get_curve_name(ssl);
    for (size_t i = 0; group != NULL && i < sizeof groups / sizeof groups[0]; i++)
        if (strcasecmp(groups[i].name, group) == 0)
            group = groups[i].name;
    const char *suite = wolfSSL_get_cipher_name_iana_from_suite(wolfSSL_get_current_cipher_suite(ssl) >> 8 & 0xff,
                                                                wolfSSL_get_current_cipher_suite(ssl) & 0xff);
    printf("settled %s %s %s\n", wolfSSL_version(ssl) == TLS1_3_VERSION ? "1.3" : "1.2", suite, group);
    wolfSSL_free(ssl);
    return 0;
}
