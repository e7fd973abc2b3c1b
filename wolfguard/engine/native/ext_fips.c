/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_fips.c - for the verdict on the module: what it says of itself, and a signature over the facts it is compared with.
 * Arguments in, values or an exception out; all work is done elsewhere. */
#include "ext_crypto.h"

#include "fips_module.h"
#include "signature.h"

int wge_ext_register_fips(PyObject *module);

static PyObject *fips_module(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    struct wge_fips_module found;
    if (!wge_fips_module(&found))
        return Py_NewRef(Py_None);
    return Py_BuildValue("(ssii)", found.version, found.core_hash, found.status, found.mode);
}

static PyObject *verify_p384(PyObject *self, PyObject *args)
{
    (void)self;
    const char *spki, *data, *signature;
    Py_ssize_t spki_length, length, signature_length;
    if (!PyArg_ParseTuple(args, "y#y#y#:verify_p384", &spki, &spki_length, &data, &length, &signature,
                          &signature_length))
        return NULL;
    const enum wge_result result =
        wge_verify_p384((const uint8_t *)spki, (size_t)spki_length, (const uint8_t *)data, (size_t)length,
                        (const uint8_t *)signature, (size_t)signature_length);
    if (result == WGE_SYSTEM_ERROR)
        return PyErr_Format(PyExc_RuntimeError, "the cryptographic module refused to verify a signature: restart the "
                                                "process and check the module");
    return PyBool_FromLong(result == WGE_OK);
}

static PyMethodDef functions[] = {
    {"fips_module", fips_module, METH_NOARGS, NULL},
    {"verify_p384", verify_p384, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int wge_ext_register_fips(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
