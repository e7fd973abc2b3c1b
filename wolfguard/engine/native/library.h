/* SPDX-License-Identifier: GPL-3.0-or-later */
/* library.h - the libwolfssl that this process has really loaded: its start, its version, its file. */
#ifndef WGE_LIBRARY_H
#define WGE_LIBRARY_H

#include "result.h"

/* Starts the library, once for the process and before any thread uses it; further calls do nothing. SYSTEM_ERROR: its own
 * tests fail, nothing may run. */
enum wge_result wge_library_start(void);

const char *wge_library_version(void);
/* File that the loader mapped, as the loader knows it; NULL when it cannot tell (static linking). */
const char *wge_library_path(void);

#endif
