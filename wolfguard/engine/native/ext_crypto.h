/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_crypto.h - what ext_module.c calls so that the extension has the functions of ext_crypto.c and the KeyServer. */
#ifndef WGE_EXT_CRYPTO_H
#define WGE_EXT_CRYPTO_H

#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Each adds its names to the module; 0, or -1 with an exception set. */
int wge_ext_register_crypto(PyObject *module);
int wge_ext_register_self_test(PyObject *module);
int wge_ext_register_key_server(PyObject *module); /* ext_key_server.c, called by the former */

#endif
