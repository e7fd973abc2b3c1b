/* SPDX-License-Identifier: GPL-3.0-or-later */
/* module_error.h - the error state of the cryptographic module: it ends the process, at once and from any thread, so that
 * nothing is computed or sent any more (FIPS 140-3: no output in the error state). There is no way on without a module. */
#ifndef WGE_MODULE_ERROR_H
#define WGE_MODULE_ERROR_H

#define WGE_MODULE_FAILED 5 /* exit status; wolfguard/module_state.py tells Python */

/* Writes one line on standard error, in the form of the log, and exits with WGE_MODULE_FAILED. `code` is wolfCrypt's, or
 * an errno; 0 for none. */
_Noreturn void wge_module_failed(const char *what, int code);

/* Hands `code` through, unless it is one of those by which the module says that it or its entropy source failed, which no
 * peer can cause: then it does not return. `what` was asked of the module. */
int wge_module_check(int code, const char *what);

#endif
