/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_tls_client.c - the types SignChannel and TlsClient: a thin face of tls_client.c for authd. Plaintext that passes
 * through is wiped here; what Python holds of it, Python's allocator wipes. */
#include "ext_crypto.h"

#include <string.h>

#include "sign_client.h"
#include "tls_client.h"

#define NAMES_MAX 64
#define SHA384_LENGTH 48

struct sign_channel {
    PyObject_HEAD
    struct wge_sign_client *client;
    struct wge_counters counters;
};

struct tls_client {
    PyObject_HEAD
    PyObject *channel; /* kept alive: the C side borrows it */
    struct wge_tls_client *client;
    uint8_t plain[WGE_TLS_CLIENT_PLAIN_MAX];
};

static PyTypeObject *sign_channel_type;

static PyObject *allocate(PyTypeObject *type)
{
    allocfunc function = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return function(type, 0);
}

static void release(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    freefunc function = (freefunc)PyType_GetSlot(type, Py_tp_free);
    function(object);
    Py_DECREF((PyObject *)type);
}

/* --- SignChannel ---------------------------------------------------------------------------------------------------- */

static PyObject *sign_channel_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, ":SignChannel", names))
        return NULL;
    struct sign_channel *self = (struct sign_channel *)allocate(type);
    if (self != NULL && wge_sign_client_create(&self->client, &self->counters) != WGE_OK) {
        Py_DECREF((PyObject *)self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void sign_channel_dealloc(PyObject *object)
{
    wge_sign_client_free(((struct sign_channel *)object)->client);
    release(object);
}

static PyObject *sign_channel_set(PyObject *object, PyObject *args)
{
    int fd;
    if (!PyArg_ParseTuple(args, "i:set", &fd))
        return NULL;
    wge_sign_client_set_channel(((struct sign_channel *)object)->client, fd);
    Py_RETURN_NONE;
}

/* Which of the reasons it was is in keyd's counters and log; the caller can only try again. */
static PyObject *sign_refused(enum wge_result result)
{
    const char *text = result == WGE_CLOSED ? "keyd is not there at present"
                       : result == WGE_WANT_READ
                           ? "keyd does not answer in time"
                           : "keyd refuses the signature: it has no such key, or too many are asked for";
    PyErr_SetString(PyExc_ConnectionError, text);
    return NULL;
}

static PyObject *sign_channel_sign_p384(PyObject *object, PyObject *args)
{
    struct sign_channel *self = (struct sign_channel *)object;
    unsigned short number;
    const char *data;
    Py_ssize_t length;
    uint8_t signature[WGE_SIGN_SIGNATURE_MAX];
    size_t signature_length = 0;
    enum wge_result result;
    if (!PyArg_ParseTuple(args, "Hy#:sign_p384", &number, &data, &length))
        return NULL;
    if (length != SHA384_LENGTH) {
        PyErr_SetString(PyExc_ValueError, "a digest of SHA-384 has 48 bytes");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    result = wge_sign_client_sign(self->client, number, WGE_SIGN_ECDSA, WGE_SIGN_SHA384, (const uint8_t *)data,
                                  (size_t)length, signature, &signature_length);
    Py_END_ALLOW_THREADS;
    if (result != WGE_OK)
        return sign_refused(result);
    return PyBytes_FromStringAndSize((const char *)signature, (Py_ssize_t)signature_length);
}

/* --- TlsClient ------------------------------------------------------------------------------------------------------ */

static bool names_of(PyObject *list, const char **room, struct wge_names *out)
{
    const Py_ssize_t count = PyList_Size(list);
    if (count < 0 || count > NAMES_MAX) {
        PyErr_Format(PyExc_ValueError, "at most %d names", NAMES_MAX);
        return false;
    }
    out->names = room;
    out->count = (size_t)count;
    for (Py_ssize_t i = 0; i < count; i++)
        if ((room[i] = PyUnicode_AsUTF8AndSize(PyList_GetItem(list, i), NULL)) == NULL)
            return false;
    return true;
}

static PyObject *tls_client_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"channel",   "server_name", "authorities", "chain",      "key",
                            "protocols", "suites",      "groups",      "signatures", "minimum_rsa_bits",
                            "version",   "any_server",  NULL};
    const char *rooms[3][NAMES_MAX];
    struct wge_tls_client_config config = {0};
    PyObject *channel, *suites, *groups, *signatures;
    const char *authorities, *chain;
    Py_ssize_t authorities_length, chain_length;
    char why[WGE_WHY_MAX];
    int any_server = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!sy#y#HsO!O!O!I|$sp:TlsClient", names, sign_channel_type,
                                     &channel, &config.server_name, &authorities, &authorities_length, &chain,
                                     &chain_length, &config.certificate.number, &config.protocols, &PyList_Type,
                                     &suites, &PyList_Type, &groups, &PyList_Type, &signatures,
                                     &config.minimum_rsa_bits, &config.version, &any_server) ||
        !names_of(suites, rooms[0], &config.suites) || !names_of(groups, rooms[1], &config.groups) ||
        !names_of(signatures, rooms[2], &config.signatures))
        return NULL;
    config.any_server = any_server != 0;
    config.authorities = (const uint8_t *)authorities;
    config.authorities_length = (size_t)authorities_length;
    config.certificate.chain = (const uint8_t *)chain;
    config.certificate.chain_length = (size_t)chain_length;
    struct tls_client *self = (struct tls_client *)allocate(type);
    if (self == NULL)
        return NULL;
    enum wge_result result =
        wge_tls_client_create(&self->client, &config, ((struct sign_channel *)channel)->client, why);
    if (result != WGE_OK) {
        Py_DECREF((PyObject *)self);
        return result == WGE_INVALID ? PyErr_Format(PyExc_ValueError, "%s", why) : PyErr_NoMemory();
    }
    Py_INCREF(channel);
    self->channel = channel;
    return (PyObject *)self;
}

static void tls_client_dealloc(PyObject *object)
{
    struct tls_client *self = (struct tls_client *)object;
    wge_tls_client_free(self->client);
    explicit_bzero(self->plain, sizeof(self->plain));
    Py_XDECREF(self->channel);
    release(object);
}

/* None for the states of nothing to do; ConnectionError with a label for what ends the connection. */
static PyObject *outcome(enum wge_result result, const char *label)
{
    switch (result) {
    case WGE_WANT_READ:
    case WGE_WANT_WRITE:
        Py_RETURN_NONE;
    case WGE_CLOSED:
        return PyErr_Format(PyExc_ConnectionError, "tls_closed");
    case WGE_NO_MEMORY:
        return PyErr_NoMemory();
    case WGE_INVALID:
        return PyErr_Format(PyExc_ValueError, "not in this state of the connection");
    default:
        return PyErr_Format(PyExc_ConnectionError, "%s", label);
    }
}

static PyObject *tls_client_feed(PyObject *object, PyObject *args)
{
    const char *data;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(args, "y#:feed", &data, &length))
        return NULL;
    enum wge_result result =
        wge_tls_client_feed(((struct tls_client *)object)->client, (const uint8_t *)data, (size_t)length);
    if (result != WGE_OK)
        return outcome(result, "");
    Py_RETURN_NONE;
}

static PyObject *tls_client_handshake(PyObject *object, PyObject *unused)
{
    const char *label = "tls_failed";
    (void)unused;
    struct wge_tls_client *client = ((struct tls_client *)object)->client;
    enum wge_result result = wge_tls_client_handshake(client, &label);
    if (result != WGE_OK)
        return outcome(result, label);
    return Py_BuildValue("(ss)", wge_tls_client_protocol(client), wge_tls_client_suite(client));
}

static PyObject *tls_client_chain(PyObject *object, PyObject *unused)
{
    struct tls_client *self = (struct tls_client *)object;
    PyObject *list = PyList_New(0);
    const uint8_t *bytes;
    size_t length = 0;
    (void)unused;
    for (size_t i = 0; list != NULL && (bytes = wge_tls_client_certificate(self->client, i, &length)) != NULL; i++) {
        PyObject *one = PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)length);
        if (one == NULL || PyList_Append(list, one) != 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *tls_client_read(PyObject *object, PyObject *unused)
{
    struct tls_client *self = (struct tls_client *)object;
    size_t length = 0;
    (void)unused;
    enum wge_result result = wge_tls_client_read(self->client, self->plain, sizeof(self->plain), &length);
    if (result != WGE_OK)
        return outcome(result, "tls_record");
    PyObject *out = PyBytes_FromStringAndSize((const char *)self->plain, (Py_ssize_t)length);
    explicit_bzero(self->plain, length);
    return out;
}

static PyObject *tls_client_write(PyObject *object, PyObject *args)
{
    const char *data;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(args, "y#:write", &data, &length))
        return NULL;
    enum wge_result result =
        wge_tls_client_write(((struct tls_client *)object)->client, (const uint8_t *)data, (size_t)length);
    if (result == WGE_NO_MEMORY)
        Py_RETURN_FALSE;
    if (result != WGE_OK)
        return outcome(result, "tls_record");
    Py_RETURN_TRUE;
}

static PyObject *tls_client_close_notify(PyObject *object, PyObject *unused)
{
    (void)unused;
    wge_tls_client_close_notify(((struct tls_client *)object)->client);
    Py_RETURN_NONE;
}

static PyObject *tls_client_pending(PyObject *object, PyObject *unused)
{
    size_t length;
    (void)unused;
    const uint8_t *bytes = wge_tls_client_pending(((struct tls_client *)object)->client, &length);
    return PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)length);
}

static PyObject *tls_client_sent(PyObject *object, PyObject *args)
{
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "n:sent", &count))
        return NULL;
    wge_tls_client_sent(((struct tls_client *)object)->client, count < 0 ? 0 : (size_t)count);
    Py_RETURN_NONE;
}

/* clang-format off */
static PyMethodDef sign_channel_methods[] = {
    {"set", sign_channel_set, METH_VARARGS, NULL},
    {"sign_p384", sign_channel_sign_p384, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef tls_client_methods[] = {
    {"feed", tls_client_feed, METH_VARARGS, NULL},
    {"handshake", tls_client_handshake, METH_NOARGS, NULL},
    {"chain", tls_client_chain, METH_NOARGS, NULL},
    {"read", tls_client_read, METH_NOARGS, NULL},
    {"write", tls_client_write, METH_VARARGS, NULL},
    {"close_notify", tls_client_close_notify, METH_NOARGS, NULL},
    {"pending", tls_client_pending, METH_NOARGS, NULL},
    {"sent", tls_client_sent, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
/* clang-format on */

static PyType_Slot sign_channel_slots[] = {
    {Py_tp_new, (void *)sign_channel_new},
    {Py_tp_dealloc, (void *)sign_channel_dealloc},
    {Py_tp_methods, sign_channel_methods},
    {0, NULL},
};

static PyType_Slot tls_client_slots[] = {
    {Py_tp_new, (void *)tls_client_new},
    {Py_tp_dealloc, (void *)tls_client_dealloc},
    {Py_tp_methods, tls_client_methods},
    {0, NULL},
};

static PyType_Spec sign_channel_spec = {
    .name = "wolfguard._native.SignChannel",
    .basicsize = sizeof(struct sign_channel),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = sign_channel_slots,
};

static PyType_Spec tls_client_spec = {
    .name = "wolfguard._native.TlsClient",
    .basicsize = sizeof(struct tls_client),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = tls_client_slots,
};

int wge_ext_register_tls_client(PyObject *module)
{
    PyObject *channel = PyType_FromSpec(&sign_channel_spec);
    if (channel == NULL)
        return -1;
    sign_channel_type = (PyTypeObject *)channel; /* kept for the life of the process */
    PyObject *client = PyType_FromSpec(&tls_client_spec);
    const int failed = client == NULL || PyModule_AddObjectRef(module, "SignChannel", channel) != 0 ||
                       PyModule_AddObjectRef(module, "TlsClient", client) != 0;
    Py_XDECREF(client);
    return failed ? -1 : 0;
}
