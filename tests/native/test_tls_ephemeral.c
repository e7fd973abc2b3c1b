/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_tls_ephemeral.c - an ephemeral key pair whose halves do not fit never leaves: in every handshake, on both sides of
 * ours, the process ends first. The library's making of keys is replaced by one that spoils the public half. */
#include "site_fixture.h"

#include <dlfcn.h>
#include <sys/wait.h>

#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "module_error.h"
#include "tls_wolfssl.h"

typedef int maker(WC_RNG *rng, int size, ecc_key *key, int curve);

static bool spoils;
static int made;

static void change(ecc_key *key)
{
    key->pubkey.x->dp[0] ^= 1;
}

/* Found before the library's own, by us as by the library. */
__attribute__((visibility("default"))) int wc_ecc_make_key_ex(WC_RNG *rng, int size, ecc_key *key, int curve)
{
    maker *library = NULL;
    *(void **)&library = dlsym(RTLD_NEXT, "wc_ecc_make_key_ex");
    CHECK(library != NULL);
    made++;
    const int failed = library(rng, size, key, curve);
    if (failed == 0 && spoils) {
#ifdef HAVE_FIPS
        return ECC_PCT_E; /* a module finds it itself */
#else
        change(key);
#endif
    }
    return failed;
}

static void test_the_check_itself(void)
{
    static const int curves[] = {ECC_SECP256R1, ECC_SECP384R1, ECC_SECP521R1};
    WC_RNG rng;
    CHECK(wc_InitRng(&rng) == 0);
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        ecc_key key, other;
        CHECK(wc_ecc_init(&key) == 0 && wc_ecc_init(&other) == 0);
        CHECK(wc_ecc_make_key_ex(&rng, 0, &key, curves[i]) == 0 && wc_ecc_make_key_ex(&rng, 0, &other, curves[i]) == 0);
        CHECK(wge_tls_pair_is_consistent(&key) && wge_tls_pair_is_consistent(&other));
        CHECK(wc_ecc_copy_point(&other.pubkey, &key.pubkey) == 0); /* a good point, but another's */
        CHECK(!wge_tls_pair_is_consistent(&key));
        change(&other);
        CHECK(!wge_tls_pair_is_consistent(&other));
        wc_ecc_free(&key);
        wc_ecc_free(&other);
    }
    wc_FreeRng(&rng);
}

/* One making of a key by the callback that contexts of ours have. */
static int make_through(WOLFSSL_CTX *ctx)
{
    WOLFSSL *ssl = wolfSSL_new(ctx);
    CHECK(ssl != NULL);
    /* a client makes its key when it is told to offer the group */
    const int done = wolfSSL_UseKeyShare(ssl, WOLFSSL_ECC_SECP256R1);
    wolfSSL_free(ssl);
    return done;
}

static WOLFSSL_CTX *checked_context(void)
{
    WOLFSSL_CTX *ctx = client_context(&(struct client_options){.groups = {WOLFSSL_ECC_SECP256R1}});
    wge_tls_install_ephemeral(ctx);
    return ctx;
}

static void test_a_good_key_is_used(void)
{
    WOLFSSL_CTX *ctx = checked_context();
    made = 0;
    CHECK(make_through(ctx) == WOLFSSL_SUCCESS && made == 1);
    wolfSSL_CTX_free(ctx);
}

static void test_a_bad_key_ends_the_process(void)
{
    int pipes[2], status;
    char line[512];
    CHECK(pipe(pipes) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(pipes[1], STDERR_FILENO);
        spoils = true;
        WOLFSSL_CTX *ctx = checked_context();
        (void)make_through(ctx);
        _exit(0);
    }
    close(pipes[1]);
    const ssize_t length = read(pipes[0], line, sizeof line - 1);
    CHECK(length > 0);
    line[length] = '\0';
    close(pipes[0]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == WGE_MODULE_FAILED);
    CHECK(strstr(line, "the pair-wise consistency test of an ephemeral key") != NULL);
}

int main(void)
{
    CHECK(wge_library_start() == WGE_OK);
    test_the_check_itself();
    test_a_good_key_is_used();
    test_a_bad_key_ends_the_process();
    return 0;
}
