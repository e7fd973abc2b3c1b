/* SPDX-License-Identifier: GPL-3.0-or-later */
/* result.c - one sentence for each result code. */
#include "result.h"

const char *wge_result_text(enum wge_result result)
{
    switch (result) {
    case WGE_OK:
        return "done";
    case WGE_WANT_READ:
        return "nothing more until the outside has bytes";
    case WGE_WANT_WRITE:
        return "nothing more until the outside takes bytes";
    case WGE_CLOSED:
        return "the peer has closed in good order";
    case WGE_PEER_ERROR:
        return "the peer broke a rule of the protocol";
    case WGE_SYSTEM_ERROR:
        return "the kernel refused a system call";
    case WGE_NO_MEMORY:
        return "a bounded resource is used up";
    case WGE_INVALID:
        return "called with arguments that make no sense";
    }
    return "unknown result";
}
