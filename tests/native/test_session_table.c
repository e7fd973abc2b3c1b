/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Against an array that is searched from end to end. */
#include "session_table.h"

#include "check.h"
#include "packets.h"
#include "tunnel.h"

#define TUNNELS 600

static struct wge_tunnel tunnels[TUNNELS];
static bool present[TUNNELS];

static size_t count_present(void)
{
    size_t count = 0;
    for (size_t i = 0; i < TUNNELS; i++)
        count += present[i];
    return count;
}

static void check_list(struct wge_session_table *t)
{
    static uint64_t pairs[TUNNELS][2];
    size_t count = wge_sessions_list(t, pairs, TUNNELS);
    CHECK(count == count_present());
    for (size_t i = 0; i < count; i++) {
        size_t number = pairs[i][1]; /* each tunnel's epoch is its number here */
        CHECK(number < TUNNELS && present[number] && tunnels[number].params.session == pairs[i][0]);
    }
    CHECK(wge_sessions_list(t, pairs, 3) == (count < 3 ? count : 3));
    CHECK(wge_sessions_list(t, pairs, 0) == 0);
}

int main(void)
{
    struct sequence s = {0x99};
    struct wge_session_table *t;
    CHECK(wge_sessions_create(&t) == WGE_OK);
    CHECK(wge_sessions_any(t) == NULL && wge_sessions_find(t, 0) == NULL);
    for (size_t i = 0; i < TUNNELS; i++) {
        tunnels[i].params.session = i < 300 ? i : (uint64_t)draw(&s) << 32 | i;
        tunnels[i].params.epoch = i;
    }
    for (unsigned round = 0; round < 20000; round++) {
        size_t i = below(&s, TUNNELS);
        struct wge_tunnel *found = wge_sessions_find(t, tunnels[i].params.session);
        CHECK(found == (present[i] ? &tunnels[i] : NULL));
        if (present[i])
            wge_sessions_remove(t, &tunnels[i]);
        else
            CHECK(wge_sessions_add(t, &tunnels[i]) == WGE_OK);
        present[i] = !present[i];
        if (round % 500 == 0)
            check_list(t);
    }
    for (struct wge_tunnel *left; (left = wge_sessions_any(t)) != NULL;) {
        CHECK(present[left - tunnels]);
        present[left - tunnels] = false;
        wge_sessions_remove(t, left);
        wge_sessions_remove(t, left); /* no longer there: nothing happens */
    }
    CHECK(count_present() == 0);
    wge_sessions_free(t);
    wge_sessions_free(NULL);
    return 0;
}
