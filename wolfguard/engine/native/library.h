/* SPDX-License-Identifier: GPL-3.0-or-later */
/* library.h - the libwolfssl that this process has really loaded: its start, its self-tests, its version, its file. */
#ifndef WGE_LIBRARY_H
#define WGE_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

#include "result.h"
#include "self_test.h"

/* Starts the library and runs all self-tests, once for the process and before any thread uses it; further calls do
 * nothing. A test that fails ends the process (module_error.h), so the result is OK for whoever sees one. */
enum wge_result wge_library_start(void);
const struct wge_self_test_report *wge_library_report(void); /* after the start */

const char *wge_library_version(void);
const char *wge_library_module(void); /* version of the FIPS module, "" without one */
/* File that the loader mapped, as the loader knows it; NULL when it cannot tell (static linking). */
const char *wge_library_path(void);
uintptr_t wge_library_base(void); /* where it was loaded; 0 when nobody can tell */

#endif
