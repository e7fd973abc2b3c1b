/* SPDX-License-Identifier: GPL-3.0-or-later */
/* offload.h - what is known of one offload of the kernel. Its owner writes it, any thread may read it. */
#ifndef WGE_OFFLOAD_H
#define WGE_OFFLOAD_H

enum wge_offload {
    WGE_OFFLOAD_UNASKED = 0, /* there was no occasion yet */
    WGE_OFFLOAD_ON,          /* it has worked */
    WGE_OFFLOAD_REFUSED,     /* it never worked, and is not asked for again */
};

#endif
