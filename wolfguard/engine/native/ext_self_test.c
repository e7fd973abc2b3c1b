/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_self_test.c - what the self-tests found, for Python: they ran while this extension was loaded. */
#include "ext_crypto.h"

#include "library.h"

#define HEX_LENGTH (2 * WGE_SEGMENT_HASH)

static PyObject *self_tests(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    const struct wge_self_test_report *report = wge_library_report();
    PyObject *tests = PyList_New(0);
    for (size_t i = 0; tests != NULL && i < report->test_count; i++) {
        const struct wge_self_test_result *test = &report->tests[i];
        PyObject *entry = Py_BuildValue("sNI", test->name, PyBool_FromLong(test->passed), test->microseconds);
        if (entry == NULL || PyList_Append(tests, entry) != 0)
            Py_CLEAR(tests);
        Py_XDECREF(entry);
    }
    return tests == NULL ? NULL : Py_BuildValue("sIN", wge_library_module(), report->microseconds, tests);
}

static PyObject *describe(const struct wge_segment *segment)
{
    static const char digits[] = "0123456789abcdef";
    char hex[HEX_LENGTH];
    for (size_t i = 0; i < WGE_SEGMENT_HASH; i++) {
        hex[2 * i] = digits[segment->hash[i] >> 4];
        hex[2 * i + 1] = digits[segment->hash[i] & 15];
    }
    return Py_BuildValue("KKss#", (unsigned long long)segment->address, (unsigned long long)segment->size,
                         segment->executable ? "rx" : "r", hex, (Py_ssize_t)HEX_LENGTH);
}

static PyObject *library_segments(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    const struct wge_self_test_report *report = wge_library_report();
    PyObject *segments = PyList_New(0);
    for (size_t i = 0; segments != NULL && i < report->segment_count; i++) {
        PyObject *entry = describe(&report->segments[i]);
        if (entry == NULL || PyList_Append(segments, entry) != 0)
            Py_CLEAR(segments);
        Py_XDECREF(entry);
    }
    return segments;
}

static PyMethodDef functions[] = {
    {"self_tests", self_tests, METH_NOARGS, NULL},
    {"library_segments", library_segments, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int wge_ext_register_self_test(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
