/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_key_server.c - the type KeyServer: keyd's keystore and sign server as one Python object. Python says which keys and
 * channels there are; it never sees a private key or a request. */
#include "ext_crypto.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "keystore.h"
#include "sign_server.h"

struct key_server {
    PyObject_HEAD
    struct wge_keystore *store;
    struct wge_sign_server *server;
};

static PyObject *key_server_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"signatures_per_second", "allow_unlocked", "p384_only", NULL};
    unsigned long rate;
    int allow_unlocked = 0, p384_only = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "k|pp:KeyServer", names, &rate, &allow_unlocked, &p384_only))
        return NULL;
    if (rate == 0 || rate > 1000000) {
        PyErr_SetString(PyExc_ValueError, "signatures_per_second must be 1 to 1000000");
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct key_server *self = (struct key_server *)allocate(type, 0);
    if (self == NULL)
        return NULL;
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (wge_keystore_create(&self->store, processors < 1 ? 1 : (unsigned)processors) != WGE_OK ||
        wge_sign_server_create(&self->server, self->store, (uint32_t)rate) != WGE_OK) {
        Py_DECREF((PyObject *)self);
        return PyErr_NoMemory();
    }
    if (allow_unlocked)
        wge_keystore_allow_unlocked(self->store);
    if (p384_only)
        wge_sign_server_p384_only(self->server);
    return (PyObject *)self;
}

static void end(struct key_server *self)
{
    struct wge_sign_server *server = self->server;
    struct wge_keystore *store = self->store;
    self->server = NULL;
    self->store = NULL;
    Py_BEGIN_ALLOW_THREADS;
    wge_sign_server_free(server); /* joins its threads, hence first */
    wge_keystore_free(store);
    Py_END_ALLOW_THREADS;
}

static void key_server_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    end((struct key_server *)object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF((PyObject *)type);
}

static struct key_server *alive(PyObject *object)
{
    struct key_server *self = (struct key_server *)object;
    if (self->server != NULL)
        return self;
    PyErr_SetString(PyExc_ValueError, "the key server is closed");
    return NULL;
}

static PyObject *key_server_load(PyObject *object, PyObject *args)
{
    struct key_server *self = alive(object);
    unsigned number;
    int fd;
    const char *expected = NULL;
    Py_ssize_t expected_length = 0;
    const char *why = NULL;
    struct wge_private_key *key = NULL;
    enum wge_result result;
    if (self == NULL || !PyArg_ParseTuple(args, "Ii|y#:load", &number, &fd, &expected, &expected_length))
        return NULL;
    if (expected_length == 0)
        expected = NULL;
    Py_BEGIN_ALLOW_THREADS;
    result = wge_keystore_load(self->store, number, fd, (const uint8_t *)expected, (size_t)expected_length, &key, &why);
    (void)close(fd);
    Py_END_ALLOW_THREADS;
    if (result != WGE_OK) {
        PyErr_SetString(PyExc_ValueError, why);
        return NULL;
    }
    size_t length;
    const uint8_t *spki = wge_private_key_spki(key, &length);
    PyObject *out = PyBytes_FromStringAndSize((const char *)spki, (Py_ssize_t)length);
    wge_private_key_release(key);
    return out;
}

static PyObject *key_server_unload(PyObject *object, PyObject *args)
{
    struct key_server *self = alive(object);
    unsigned number;
    if (self == NULL || !PyArg_ParseTuple(args, "I:unload", &number))
        return NULL;
    wge_keystore_unload(self->store, number);
    Py_RETURN_NONE;
}

/* Returns how many numbers were read, or -1 with an exception set. */
static Py_ssize_t read_numbers(PyObject *list, uint16_t numbers[WGE_KEYS_MAX])
{
    const Py_ssize_t count = PyList_Size(list);
    if (count > WGE_KEYS_MAX) {
        PyErr_Format(PyExc_ValueError, "at most %d key numbers", WGE_KEYS_MAX);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        const long number = PyLong_AsLong(PyList_GetItem(list, i));
        if (number == -1 && PyErr_Occurred())
            return -1;
        if (number < 0 || number >= WGE_KEYS_MAX) {
            PyErr_Format(PyExc_ValueError, "key number %ld is not in 0 to %d", number, WGE_KEYS_MAX - 1);
            return -1;
        }
        numbers[i] = (uint16_t)number;
    }
    return count;
}

static PyObject *key_server_serve(PyObject *object, PyObject *args)
{
    struct key_server *self = alive(object);
    int fd;
    PyObject *list;
    uint16_t numbers[WGE_KEYS_MAX];
    const char *why = NULL;
    enum wge_result result;
    if (self == NULL || !PyArg_ParseTuple(args, "iO!:serve", &fd, &PyList_Type, &list))
        return NULL;
    const Py_ssize_t count = read_numbers(list, numbers);
    if (count < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS;
    result = wge_sign_server_serve(self->server, fd, numbers, (size_t)count, &why);
    Py_END_ALLOW_THREADS;
    if (result != WGE_OK) {
        PyErr_SetString(PyExc_ValueError, why);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *key_server_counters(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct key_server *self = alive(object);
    if (self == NULL)
        return NULL;
    const struct wge_sign_counters *counters = wge_sign_server_counters(self->server);
    PyObject *out = PyDict_New();
#define X(name) \
    if (out != NULL) { \
        PyObject *value = PyLong_FromUnsignedLongLong(atomic_load_explicit(&counters->name, memory_order_relaxed)); \
        if (value == NULL || PyDict_SetItemString(out, #name, value) != 0) \
            Py_CLEAR(out); \
        Py_XDECREF(value); \
    }
    WGE_SIGN_COUNTERS(X)
#undef X
    return out;
}

static PyObject *key_server_unlocked(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct key_server *self = alive(object);
    if (self == NULL)
        return NULL;
    return PyBool_FromLong(wge_keystore_unlocked(self->store));
}

static PyObject *key_server_close(PyObject *object, PyObject *unused)
{
    (void)unused;
    end((struct key_server *)object);
    Py_RETURN_NONE;
}

/* clang-format off */
static PyMethodDef methods[] = {
    {"load", key_server_load, METH_VARARGS, NULL},
    {"unload", key_server_unload, METH_VARARGS, NULL},
    {"serve", key_server_serve, METH_VARARGS, NULL},
    {"counters", key_server_counters, METH_NOARGS, NULL},
    {"unlocked", key_server_unlocked, METH_NOARGS, NULL},
    {"close", key_server_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
/* clang-format on */

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)key_server_new},
    {Py_tp_dealloc, (void *)key_server_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "wolfguard._native.KeyServer",
    .basicsize = sizeof(struct key_server),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int wge_ext_register_key_server(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&spec);
    if (type == NULL)
        return -1;
    const int failed = PyModule_AddObjectRef(module, "KeyServer", type);
    Py_DECREF(type);
    return failed;
}
