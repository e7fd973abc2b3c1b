/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_module.c - the module wolfguard._native: made of parts that know nothing of each other. */
#include "ext_crypto.h"
#include "ext_engine.h"

int wge_ext_register_algorithms(PyObject *module);
int wge_ext_register_allocator(PyObject *module);
int wge_ext_register_fips(PyObject *module);
int wge_ext_register_sandbox(PyObject *module);

static int fill(PyObject *module)
{
    if (wge_ext_register_crypto(module) != 0 || wge_ext_register_engine(module) != 0)
        return -1;
    if (wge_ext_register_fips(module) != 0 || wge_ext_register_algorithms(module) != 0)
        return -1;
    return wge_ext_register_allocator(module) != 0 ? -1 : wge_ext_register_sandbox(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, fill},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "wolfguard._native",
    .m_doc = "Data plane, cryptographic module and confinement of wolfguard. Use the packages that face it.",
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void);

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
