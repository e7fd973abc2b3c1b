/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_algorithms.c - built_algorithms(): which names of our table the library was built with. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#include "algorithms.h"
#include "library.h"
#include "tls_context.h"

int wge_ext_register_algorithms(PyObject *module);

static bool add(PyObject *dict, const char *key, const char *name, bool built)
{
    PyObject *list = PyDict_GetItemString(dict, key);
    PyObject *text = list == NULL ? NULL : PyUnicode_FromString(name);
    bool good = text != NULL && (!built || PyList_Append(list, text) == 0);
    Py_XDECREF(text);
    return good;
}

static bool fill(PyObject *dict)
{
    bool good = true;
    size_t count;
    const struct wge_suite *suites = wge_suites(&count);
    for (size_t i = 0; good && i < count; i++) {
        const char *key = suites[i].version == WGE_TLS13 ? "suites_tls13" : "suites_tls12";
        good = add(dict, key, suites[i].name, wge_tls_library_has_suite(suites[i].library_name));
    }
    const struct wge_psk_suite *psk_suites = wge_psk_suites(&count);
    for (size_t i = 0; good && i < count; i++)
        good = add(dict, "suites_dtls12", psk_suites[i].name, wge_tls_library_has_suite(psk_suites[i].library_name));
    const struct wge_group *groups = wge_groups(&count);
    for (size_t i = 0; good && i < count; i++)
        good = add(dict, "groups", groups[i].name, wge_tls_library_has_group(groups[i].number));
    const struct wge_signature *signatures = wge_signatures(&count);
    for (size_t i = 0; good && i < count; i++)
        good = add(dict, "signatures", signatures[i].name, true); /* keyd signs with each of them */
    return good;
}

static PyObject *built_algorithms(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
    if (wge_library_start() != WGE_OK) {
        PyErr_SetString(PyExc_OSError, "libwolfssl could not be started");
        return NULL;
    }
    PyObject *dict = Py_BuildValue("{s:[],s:[],s:[],s:[],s:[]}", "suites_tls13", "suites_tls12", "suites_dtls12",
                                   "groups", "signatures");
    if (dict != NULL && !fill(dict))
        Py_CLEAR(dict);
    return dict;
}

static PyMethodDef functions[] = {
    {"built_algorithms", built_algorithms, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int wge_ext_register_algorithms(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
