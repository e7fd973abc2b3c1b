/* SPDX-License-Identifier: GPL-3.0-or-later */
/* result.h - what any function of the engine can answer. Each code has a sentence in result.c.
 * WANT_* are states, not errors. PEER_* are the peer's fault and are counted under the label given with them. */
#ifndef WGE_RESULT_H
#define WGE_RESULT_H

enum wge_result {
    WGE_OK = 0,
    WGE_WANT_READ,    /* nothing more until the outside has bytes */
    WGE_WANT_WRITE,   /* nothing more until the outside takes bytes */
    WGE_CLOSED,       /* orderly end by the peer */
    WGE_PEER_ERROR,   /* the peer broke a rule: its connection ends */
    WGE_SYSTEM_ERROR, /* the kernel refused: errno is set */
    WGE_NO_MEMORY,    /* a bounded resource is used up */
    WGE_INVALID,      /* this side called it wrong */
};

const char *wge_result_text(enum wge_result result);

#endif
