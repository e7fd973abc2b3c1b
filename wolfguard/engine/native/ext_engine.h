/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_engine.h - parts of the Engine class for Python: arguments in, events out. */
#ifndef WGE_EXT_ENGINE_H
#define WGE_EXT_ENGINE_H

#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#include "engine.h"

/* ext_engine.c. Adds its names to the module; 0, or -1 with an exception set. */
int wge_ext_register_engine(PyObject *module);

/* ext_engine_sites.c. set_sites with Python's list of dicts; false with an exception set. */
bool wge_ext_set_sites(struct wge_engine *engine, PyObject *sites);

/* ext_engine_values.c. Each returns false with an exception set. Numbers are bounds, both included. */
bool wge_ext_number(PyObject *dict, const char *key, uint64_t least, uint64_t most, uint64_t *out);
bool wge_ext_flag(PyObject *dict, const char *key, bool *out);
/* Borrowed from the dict. */
PyObject *wge_ext_item(PyObject *dict, const char *key);
bool wge_ext_tunnel(PyObject *dict, struct wge_tunnel_params *out);
bool wge_ext_rates(PyObject *dict, struct wge_rate *up, struct wge_rate *down);

/* ext_engine_events.c. A tuple for one event, or NULL with an exception set; the event is wiped in both cases. */
PyObject *wge_ext_event(struct wge_event *event);

/* ext_engine_report.c. New references, or NULL with an exception set. */
PyObject *wge_ext_tunnels(struct wge_engine *engine);
PyObject *wge_ext_counters(struct wge_engine *engine);
PyObject *wge_ext_facts(struct wge_engine *engine);

#endif
