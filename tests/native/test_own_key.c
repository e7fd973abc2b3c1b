/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_own_key.c - keys that the gateway makes: keyd takes each, they differ, and a file that cannot be written is said. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "library.h"
#include "own_key.h"
#include "private_key.h"

#define ROUNDS 20

static struct wge_lock_duty strict;

/* Makes a key, has it parsed as keyd does, which also signs and verifies with it, and compares its public half. */
static void make_and_load(uint8_t spki[WGE_OWN_KEY_SPKI_MAX])
{
    uint8_t pem[WGE_KEY_PEM_MAX];
    size_t spki_length = 0, length = 0;
    const char *why = NULL;
    struct wge_private_key *key;
    const int fd = memfd_create("key", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(wge_own_key_make(fd, &strict, spki, &spki_length, &why) == WGE_OK && why == NULL);
    const ssize_t got = pread(fd, pem, sizeof pem, 0);
    CHECK(got > 0 && pem[got - 1] == '\n');
    close(fd);
    CHECK(wge_private_key_parse(&key, pem, (size_t)got, 1, &strict, &why) == WGE_OK);
    CHECK(wge_private_key_type(key) == WGE_KEY_EC && wge_private_key_bits(key) == 384);
    const uint8_t *same = wge_private_key_spki(key, &length);
    CHECK(length == spki_length && memcmp(same, spki, length) == 0);
    wge_private_key_release(key);
}

static void check_refused(int fd)
{
    uint8_t spki[WGE_OWN_KEY_SPKI_MAX];
    size_t length = 0;
    const char *why = NULL;
    CHECK(wge_own_key_make(fd, &strict, spki, &length, &why) == WGE_SYSTEM_ERROR);
    CHECK(why != NULL && strstr(why, "cannot be written") != NULL);
}

int main(void)
{
    uint8_t spki[ROUNDS][WGE_OWN_KEY_SPKI_MAX];
    CHECK(wge_library_start() == WGE_OK);
    memset(spki, 0, sizeof spki);
    for (size_t i = 0; i < ROUNDS; i++) {
        make_and_load(spki[i]);
        for (size_t j = 0; j < i; j++)
            CHECK(memcmp(spki[i], spki[j], sizeof spki[i]) != 0);
    }
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC), closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(full >= 0 && closed >= 0);
    check_refused(full);
    check_refused(closed);
    check_refused(-1);
    close(full);
    close(closed);
    return 0;
}
