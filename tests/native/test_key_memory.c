/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_key_memory.c - keys come back once, to their session alone, in time alone, and leave nothing behind. */
#include "key_memory.c"

#include "check.h"
#include "timers.h"

#define PLACES WGE_KEY_MEMORY_PLACES

static struct wge_key_memory *memory;

static void put(uint64_t session, uint8_t value, uint64_t now_ms)
{
    uint8_t key[WGE_DTLS_KEY];
    memset(key, value, sizeof key);
    wge_key_memory_put(memory, session, key, now_ms);
}

static bool take(uint64_t session, uint8_t value, uint64_t now_ms)
{
    uint8_t key[WGE_DTLS_KEY] = {0}, expected[WGE_DTLS_KEY];
    memset(expected, value, sizeof expected);
    return wge_key_memory_take(memory, session, key, now_ms) && memcmp(key, expected, sizeof key) == 0;
}

static bool is_blank(void)
{
    static const struct place blank;
    for (size_t i = 0; i < PLACES; i++)
        if (memcmp(&memory->places[i], &blank, sizeof blank) != 0)
            return false;
    return true;
}

int main(void)
{
    CHECK(wge_key_memory_create(&memory) == WGE_OK);
    CHECK(!take(0, 0, 0) && !take(7, 7, 0)); /* session 0 is not found in a place that is free */
    put(7, 1, 100);
    CHECK(!take(7 + PLACES, 1, 100)); /* asking for another takes nothing out */
    CHECK(take(7, 1, 100) && !take(7, 1, 100) && is_blank());
    put(7, 1, 100);
    put(7, 2, 100);
    CHECK(take(7, 2, 100));
    put(7, 1, 100);
    put(7 + PLACES, 2, 100); /* the newer one */
    CHECK(!take(7, 1, 100) && take(7 + PLACES, 2, 100) && is_blank());
    put(7, 1, 100);
    CHECK(take(7, 1, 100 + WGE_KEY_MEMORY_MS - 1));
    put(7, 1, 100);
    CHECK(!take(7, 1, 100 + WGE_KEY_MEMORY_MS) && is_blank());
    for (uint64_t i = 0; i < PLACES; i++)
        put(i, (uint8_t)i, 100);
    put(3, 3, 200);
    CHECK(wge_key_memory_purge(memory, 100) == 100 + WGE_KEY_MEMORY_MS);
    CHECK(wge_key_memory_purge(memory, 100 + WGE_KEY_MEMORY_MS) == 200 + WGE_KEY_MEMORY_MS);
    CHECK(take(3, 3, 100 + WGE_KEY_MEMORY_MS) && is_blank());
    CHECK(wge_key_memory_purge(memory, 100) == WGE_TIMER_NEVER);
    wge_key_memory_free(memory);
    wge_key_memory_free(NULL);
    return 0;
}
