/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command_queue.c - see command_queue.h. */
#include "command_queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct wge_command_queue {
    pthread_mutex_t lock; /* of first, last */
    struct wge_command *first, *last;
    _Atomic bool stopped;
    int fd;
};

enum wge_result wge_commands_create(struct wge_command_queue **out)
{
    struct wge_command_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return WGE_NO_MEMORY;
    q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (q->fd < 0) {
        free(q);
        return WGE_SYSTEM_ERROR;
    }
    pthread_mutex_init(&q->lock, NULL);
    *out = q;
    return WGE_OK;
}

void wge_command_free(struct wge_command *command)
{
    if (command->stream != NULL)
        wge_stream_free(command->stream, false);
    free(command);
}

void wge_commands_free(struct wge_command_queue *q)
{
    if (q == NULL)
        return;
    struct wge_command *command = q->first;
    while (command != NULL) {
        struct wge_command *next = command->next;
        wge_command_free(command);
        command = next;
    }
    pthread_mutex_destroy(&q->lock);
    close(q->fd);
    free(q);
}

int wge_commands_fd(const struct wge_command_queue *q)
{
    return q->fd;
}

static void ring(struct wge_command_queue *q)
{
    const uint64_t one = 1;
    ssize_t wrote = write(q->fd, &one, sizeof one); /* fails only when the bell is rung already */
    (void)wrote;
}

static void append(struct wge_command_queue *q, struct wge_command *command)
{
    pthread_mutex_lock(&q->lock);
    bool was_empty = q->first == NULL;
    if (was_empty)
        q->first = command;
    else
        q->last->next = command;
    q->last = command;
    pthread_mutex_unlock(&q->lock);
    if (was_empty)
        ring(q);
}

enum wge_result wge_commands_adopt(struct wge_command_queue *q, struct wge_stream *stream,
                                   const struct wge_tunnel_params *params)
{
    struct wge_command *command = calloc(1, sizeof *command);
    if (command == NULL)
        return WGE_NO_MEMORY;
    command->kind = WGE_COMMAND_ADOPT;
    command->stream = stream;
    command->params = *params;
    append(q, command);
    return WGE_OK;
}

enum wge_result wge_commands_end(struct wge_command_queue *q, uint64_t session, uint64_t epoch, const uint8_t *bye,
                                 size_t bye_length)
{
    struct wge_command *command = calloc(1, sizeof *command);
    if (command == NULL)
        return WGE_NO_MEMORY;
    command->kind = WGE_COMMAND_END;
    command->params.session = session;
    command->params.epoch = epoch;
    command->has_bye = bye != NULL;
    command->bye_length = bye_length < WGE_COMMAND_BYE_MAX ? bye_length : WGE_COMMAND_BYE_MAX;
    if (command->has_bye)
        memcpy(command->bye, bye, command->bye_length);
    append(q, command);
    return WGE_OK;
}

enum wge_result wge_commands_set_rates(struct wge_command_queue *q, uint64_t session, uint64_t epoch,
                                       const struct wge_rate *up, const struct wge_rate *down)
{
    struct wge_command *command = calloc(1, sizeof *command);
    if (command == NULL)
        return WGE_NO_MEMORY;
    command->kind = WGE_COMMAND_RATES;
    command->params.session = session;
    command->params.epoch = epoch;
    command->params.up = *up;
    command->params.down = *down;
    append(q, command);
    return WGE_OK;
}

void wge_commands_stop(struct wge_command_queue *q)
{
    atomic_store_explicit(&q->stopped, true, memory_order_release);
    ring(q);
}

struct wge_command *wge_commands_take(struct wge_command_queue *q)
{
    uint64_t rung;
    ssize_t got = read(q->fd, &rung, sizeof rung); /* before the list, so that nothing added later goes unheard */
    (void)got;
    pthread_mutex_lock(&q->lock);
    struct wge_command *first = q->first;
    q->first = NULL;
    q->last = NULL;
    pthread_mutex_unlock(&q->lock);
    return first;
}

bool wge_commands_stopped(const struct wge_command_queue *q)
{
    return atomic_load_explicit(&q->stopped, memory_order_acquire);
}
