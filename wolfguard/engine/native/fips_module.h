/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fips_module.h - what a FIPS module says of itself, and what only one of its lines has. Everything else of the module is
 * called as in the open library. */
#ifndef WGE_FIPS_MODULE_H
#define WGE_FIPS_MODULE_H

#include <stdbool.h>

/* `version` and `core_hash` (hex) are the module's own strings; `status` is 0 or its first error; `mode` is 0 init,
 * 1 normal, 2 degraded, 3 failed, or -1 where the line cannot tell (before 5.3). */
struct wge_fips_module {
    const char *version;
    const char *core_hash;
    int status;
    int mode;
};

/* False in a build without a module; `module` is then untouched. Does not run any test. */
bool wge_fips_module(struct wge_fips_module *module);

#endif
