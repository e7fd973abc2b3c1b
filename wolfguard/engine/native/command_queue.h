/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command_queue.h - what other threads tell the data thread: a list under a lock, and an eventfd that wakes the reader.
 * No call blocks longer than the lock is held, which is for a few instructions. */
#ifndef WGE_COMMAND_QUEUE_H
#define WGE_COMMAND_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data.h"

#define WGE_COMMAND_BYE_MAX 128

enum wge_command_kind { WGE_COMMAND_ADOPT, WGE_COMMAND_END, WGE_COMMAND_RATES };

struct wge_command {
    enum wge_command_kind kind;
    struct wge_command *next;
    struct wge_stream *stream;       /* ADOPT; whoever takes it sets NULL */
    struct wge_tunnel_params params; /* END: session and epoch only; RATES: these, up, down */
    bool has_bye;
    size_t bye_length;
    uint8_t bye[WGE_COMMAND_BYE_MAX];
};

struct wge_command_queue;

enum wge_result wge_commands_create(struct wge_command_queue **out);
void wge_commands_free(struct wge_command_queue *q); /* and the streams that nobody took */
int wge_commands_fd(const struct wge_command_queue *q);

/* Any thread. On error the stream stays the caller's. */
enum wge_result wge_commands_adopt(struct wge_command_queue *q, struct wge_stream *stream,
                                   const struct wge_tunnel_params *params);
enum wge_result wge_commands_end(struct wge_command_queue *q, uint64_t session, uint64_t epoch, const uint8_t *bye,
                                 size_t bye_length);
enum wge_result wge_commands_set_rates(struct wge_command_queue *q, uint64_t session, uint64_t epoch,
                                       const struct wge_rate *up, const struct wge_rate *down);
void wge_commands_stop(struct wge_command_queue *q);

/* Data thread: all commands in order, as a list; each is freed with wge_command_free(). */
struct wge_command *wge_commands_take(struct wge_command_queue *q);
bool wge_commands_stopped(const struct wge_command_queue *q);
void wge_command_free(struct wge_command *command);

#endif
