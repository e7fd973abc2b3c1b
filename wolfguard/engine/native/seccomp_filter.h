/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seccomp_filter.h - puts a filter of system calls on all threads of the process, for good (seccomp(2)). Knows nothing
 * of what a filter allows. */
#ifndef WGE_SECCOMP_FILTER_H
#define WGE_SECCOMP_FILTER_H

#include <stdbool.h>
#include <stddef.h>

/* `program`: classic BPF as the kernel reads it, `length` bytes. Returns 0, or -1 with the reason in errno: EINVAL for
 * what is no program, ESRCH when a thread could not be brought under it. With `learn` calls that the program would kill
 * for wait for whoever reads the listener, whose descriptor is returned. Needs no_new_privs or CAP_SYS_ADMIN. */
long wge_seccomp_install(const void *program, size_t length, bool learn);

/* 0, or -1 with the reason in errno where the kernel, or a container's filter, lets nobody install one. */
int wge_seccomp_check(void);

#endif
