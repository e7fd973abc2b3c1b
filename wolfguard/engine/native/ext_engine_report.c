/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_engine_report.c - what an Engine says of itself: tunnels, counters, facts. */
#include "ext_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms.h"
#include "library.h"

#define TUNNELS_MAX ((size_t)1 << 20)

PyObject *wge_ext_tunnels(struct wge_engine *engine)
{
    size_t capacity = 1024, count;
    uint64_t(*pairs)[2] = NULL;
    for (;; capacity *= 2) {
        free(pairs);
        pairs = calloc(capacity, sizeof(*pairs));
        if (pairs == NULL)
            return PyErr_NoMemory();
        count = wge_engine_tunnels(engine, pairs, capacity);
        if (count < capacity || capacity >= TUNNELS_MAX)
            break;
    }
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *pair = Py_BuildValue("(KK)", (unsigned long long)pairs[i][0], (unsigned long long)pairs[i][1]);
        if (pair == NULL || PyList_Append(list, pair) != 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    free(pairs);
    return list;
}

PyObject *wge_ext_counters(struct wge_engine *engine)
{
    PyObject *dict = PyDict_New();
    for (unsigned i = 0; dict != NULL && i < WGE_COUNTER_COUNT; i++) {
        PyObject *value = PyLong_FromUnsignedLongLong(wge_counters_read(wge_engine_counters(engine), i));
        if (value == NULL || PyDict_SetItemString(dict, wge_counter_names[i], value) != 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    PyObject *half_open = dict == NULL ? NULL : PyLong_FromUnsignedLong(wge_engine_half_open(engine));
    if (dict != NULL && (half_open == NULL || PyDict_SetItemString(dict, "half_open", half_open) != 0))
        Py_CLEAR(dict);
    Py_XDECREF(half_open);
    return dict;
}

static const char *offload_text(enum wge_offload offload)
{
    return offload == WGE_OFFLOAD_ON        ? "on"
           : offload == WGE_OFFLOAD_REFUSED ? "off: refused by the kernel"
                                            : "no occasion yet";
}

PyObject *wge_ext_facts(struct wge_engine *engine)
{
    char groups[256] = "";
    size_t count;
    const struct wge_group *all = wge_groups(&count);
    for (size_t i = 0; i < count; i++) {
        if (!wge_tls_library_has_group(all[i].number))
            continue;
        size_t used = strlen(groups);
        snprintf(groups + used, sizeof(groups) - used, "%s%s", used == 0 ? "" : " ", all[i].name);
    }
    struct wge_offloads offloads = wge_engine_offloads(engine);
    return Py_BuildValue("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "library", wge_library_version(), "groups", groups,
                         "tickets", "off", "renegotiation", "off", "udp segmentation",
                         offload_text(offloads.outside_send), "udp coalescing", offload_text(offloads.outside_receive),
                         "inside tcp", offload_text(offloads.inside_tcp), "inside udp",
                         offload_text(offloads.inside_udp));
}
