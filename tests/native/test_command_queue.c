/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several threads give orders while one takes them: none is lost, and those of one thread stay in order. */
#include "command_queue.h"

#include <poll.h>
#include <pthread.h>

#include "check.h"
#include "fake_stream.h"

#define WRITERS 3
#define ORDERS 2000

static struct wge_command_queue *queue;

static void *give_orders(void *argument)
{
    uint64_t writer = (uint64_t)(uintptr_t)argument;
    for (uint64_t i = 1; i <= ORDERS; i++)
        CHECK(wge_commands_end(queue, writer, i, i % 2 ? (const uint8_t *)"bye" : NULL, 3) == WGE_OK);
    return NULL;
}

static void nothing_is_lost(void)
{
    pthread_t threads[WRITERS];
    uint64_t last[WRITERS] = {0};
    uint64_t taken = 0;
    CHECK(wge_commands_create(&queue) == WGE_OK);
    for (uintptr_t i = 0; i < WRITERS; i++)
        CHECK(pthread_create(&threads[i], NULL, give_orders, (void *)i) == 0);
    while (taken < WRITERS * ORDERS) {
        struct pollfd bell = {.fd = wge_commands_fd(queue), .events = POLLIN};
        CHECK(poll(&bell, 1, 20000) == 1);
        for (struct wge_command *c = wge_commands_take(queue), *next; c != NULL; c = next, taken++) {
            next = c->next;
            CHECK(c->kind == WGE_COMMAND_END && c->params.session < WRITERS);
            CHECK(c->params.epoch == ++last[c->params.session]);
            CHECK(c->has_bye == (c->params.epoch % 2 == 1) && c->bye_length == 3);
            wge_command_free(c);
        }
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    CHECK(wge_commands_take(queue) == NULL && !wge_commands_stopped(queue));
    wge_commands_stop(queue);
    CHECK(wge_commands_stopped(queue));
    wge_commands_free(queue);
}

static void long_texts_are_cut_and_streams_are_freed(void)
{
    static uint8_t text[1000];
    int ends[2];
    struct wge_tunnel_params params = {.session = 4};
    CHECK(wge_commands_create(&queue) == WGE_OK);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(wge_commands_adopt(queue, fake_stream(ends[0], true), &params) == WGE_OK);
    CHECK(wge_commands_end(queue, 4, 1, text, sizeof text) == WGE_OK);
    struct wge_command *first = wge_commands_take(queue);
    CHECK(first->kind == WGE_COMMAND_ADOPT && first->params.session == 4 &&
          first->next->bye_length == WGE_COMMAND_BYE_MAX);
    wge_command_free(first->next);
    wge_command_free(first);
    CHECK(wge_commands_adopt(queue, fake_stream(ends[1], true), &params) == WGE_OK);
    wge_commands_free(queue); /* nobody took it */
    CHECK(atomic_load(&fake_streams_alive) == 0);
    wge_commands_free(NULL);
}

int main(void)
{
    nothing_is_lost();
    long_texts_are_cut_and_streams_are_freed();
    return 0;
}
