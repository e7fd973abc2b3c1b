/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_crypto.c - the module's functions for Python: arguments in, bytes or an exception out; all work is done elsewhere.
 * ValueError: the caller's arguments. RuntimeError: the module or its entropy source fails, nothing may go on. */
#include "ext_crypto.h"

#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "certificate.h"
#include "digest.h"
#include "library.h"
#include "own_key.h"
#include "random.h"

#define RANDOM_MAX 65536
#define PBKDF2_ITERATIONS_MAX 100000000
#define PBKDF2_LENGTH_MAX 1024
#define CHAIN_PEM_MAX (1024 * 1024)
#define PASSWORD_NICE 10

static PyObject *module_failed(const char *what)
{
    return PyErr_Format(PyExc_RuntimeError,
                        "the cryptographic module refused %s: restart the process and check the module", what);
}

static bool hash_of(const char *name, enum wge_hash *hash)
{
    if (strcmp(name, "sha256") == 0)
        *hash = WGE_HASH_SHA256;
    else if (strcmp(name, "sha384") == 0)
        *hash = WGE_HASH_SHA384;
    else if (strcmp(name, "sha512") == 0)
        *hash = WGE_HASH_SHA512;
    else {
        PyErr_Format(PyExc_ValueError, "unknown hash %s: sha256, sha384 and sha512 are there", name);
        return false;
    }
    return true;
}

static bool bytes_of(PyObject *object, const uint8_t **data, size_t *length)
{
    char *start;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(object, &start, &size) != 0)
        return false;
    *data = (const uint8_t *)start;
    *length = (size_t)size;
    return true;
}

static PyObject *library_version(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyUnicode_FromString(wge_library_version());
}

static PyObject *library_path(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    const char *path = wge_library_path();
    return PyUnicode_DecodeFSDefault(path == NULL ? "" : path);
}

static PyObject *random_bytes(PyObject *self, PyObject *args)
{
    (void)self;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "n:random_bytes", &count))
        return NULL;
    if (count < 0 || count > RANDOM_MAX)
        return PyErr_Format(PyExc_ValueError, "0 to %d random bytes can be had at once", RANDOM_MAX);
    PyObject *out = PyBytes_FromStringAndSize(NULL, count);
    if (out == NULL || wge_random_bytes((uint8_t *)PyBytes_AsString(out), (size_t)count) == WGE_OK)
        return out;
    Py_DECREF(out);
    return module_failed("random bytes");
}

static PyObject *digest(PyObject *self, PyObject *args)
{
    (void)self;
    const char *name;
    PyObject *object;
    enum wge_hash hash;
    const uint8_t *data;
    size_t length;
    uint8_t value[WGE_DIGEST_MAX];
    if (!PyArg_ParseTuple(args, "sS:digest", &name, &object) || !hash_of(name, &hash) ||
        !bytes_of(object, &data, &length))
        return NULL;
    if (wge_digest(hash, data, length, value) != WGE_OK)
        return module_failed("a digest");
    return PyBytes_FromStringAndSize((const char *)value, (Py_ssize_t)wge_hash_length(hash));
}

static PyObject *hmac(PyObject *self, PyObject *args)
{
    (void)self;
    const char *name;
    PyObject *key_object, *data_object;
    enum wge_hash hash;
    const uint8_t *key, *data;
    size_t key_length, length;
    uint8_t value[WGE_DIGEST_MAX];
    if (!PyArg_ParseTuple(args, "sSS:hmac", &name, &key_object, &data_object) || !hash_of(name, &hash) ||
        !bytes_of(key_object, &key, &key_length) || !bytes_of(data_object, &data, &length))
        return NULL;
    const enum wge_result result = wge_hmac(hash, key, key_length, data, length, value);
    if (result == WGE_INVALID)
        return PyErr_Format(PyExc_ValueError, "the module refuses an HMAC key of %zu bytes: take at least 14",
                            key_length);
    if (result != WGE_OK)
        return module_failed("an HMAC");
    PyObject *out = PyBytes_FromStringAndSize((const char *)value, (Py_ssize_t)wge_hash_length(hash));
    explicit_bzero(value, sizeof value);
    return out;
}

/* A flood of logins must not take the processors from packets. The main thread keeps its rank: it has other work. */
static void lower_own_priority(void)
{
    const pid_t thread = (pid_t)syscall(SYS_gettid);
    if (thread != getpid())
        (void)setpriority(PRIO_PROCESS, (id_t)thread, PASSWORD_NICE);
}

static PyObject *pbkdf2_sha512(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *password_object, *salt_object;
    const uint8_t *password, *salt;
    size_t password_length, salt_length;
    Py_ssize_t iterations, length;
    enum wge_result result;
    if (!PyArg_ParseTuple(args, "SSnn:pbkdf2_sha512", &password_object, &salt_object, &iterations, &length) ||
        !bytes_of(password_object, &password, &password_length) || !bytes_of(salt_object, &salt, &salt_length))
        return NULL;
    if (iterations < 1 || iterations > PBKDF2_ITERATIONS_MAX || length < 1 || length > PBKDF2_LENGTH_MAX)
        return PyErr_Format(PyExc_ValueError, "iterations must be 1 to %d and length 1 to %d", PBKDF2_ITERATIONS_MAX,
                            PBKDF2_LENGTH_MAX);
    PyObject *out = PyBytes_FromStringAndSize(NULL, length);
    if (out == NULL)
        return NULL;
    uint8_t *key = (uint8_t *)PyBytes_AsString(out);
    Py_BEGIN_ALLOW_THREADS;
    lower_own_priority();
    result = wge_pbkdf2_sha512(password, password_length, salt, salt_length, (uint32_t)iterations, key, (size_t)length);
    Py_END_ALLOW_THREADS;
    if (result == WGE_OK)
        return out;
    Py_DECREF(out);
    return module_failed("PBKDF2");
}

static PyObject *equal(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *a_object, *b_object;
    const uint8_t *a, *b;
    size_t a_length, b_length;
    if (!PyArg_ParseTuple(args, "SS:equal", &a_object, &b_object) || !bytes_of(a_object, &a, &a_length) ||
        !bytes_of(b_object, &b, &b_length))
        return NULL;
    return PyBool_FromLong(a_length == b_length && wge_equal(a, b, a_length));
}

static PyObject *certificate_public_key(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *object;
    const uint8_t *pem;
    size_t length, spki_length;
    uint8_t spki[WGE_CERTIFICATE_SPKI_MAX];
    if (!PyArg_ParseTuple(args, "S:certificate_public_key", &object) || !bytes_of(object, &pem, &length))
        return NULL;
    if (length == 0 || length > CHAIN_PEM_MAX || wge_certificate_spki(pem, length, spki, &spki_length) != WGE_OK) {
        PyErr_SetString(PyExc_ValueError, "no certificate in PEM form (BEGIN CERTIFICATE) can be read from it");
        return NULL;
    }
    return PyBytes_FromStringAndSize((const char *)spki, (Py_ssize_t)spki_length);
}

static PyObject *make_p384_key(PyObject *self, PyObject *args)
{
    (void)self;
    int fd, allow_unlocked;
    uint8_t spki[WGE_OWN_KEY_SPKI_MAX];
    size_t spki_length = 0;
    const char *why = NULL;
    struct wge_lock_duty duty = {0};
    if (!PyArg_ParseTuple(args, "ip:make_p384_key", &fd, &allow_unlocked))
        return NULL;
    duty.may_fail = allow_unlocked != 0;
    if (wge_own_key_make(fd, &duty, spki, &spki_length, &why) != WGE_OK) {
        PyErr_SetString(PyExc_ValueError, why);
        return NULL;
    }
    return PyBytes_FromStringAndSize((const char *)spki, (Py_ssize_t)spki_length);
}

static PyMethodDef functions[] = {
    {"library_version", library_version, METH_NOARGS, NULL},
    {"library_path", library_path, METH_NOARGS, NULL},
    {"random_bytes", random_bytes, METH_VARARGS, NULL},
    {"digest", digest, METH_VARARGS, NULL},
    {"hmac", hmac, METH_VARARGS, NULL},
    {"pbkdf2_sha512", pbkdf2_sha512, METH_VARARGS, NULL},
    {"equal", equal, METH_VARARGS, NULL},
    {"certificate_public_key", certificate_public_key, METH_VARARGS, NULL},
    {"make_p384_key", make_p384_key, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int wge_ext_register_crypto(PyObject *module)
{
    if (wge_library_start() != WGE_OK) {
        PyErr_SetString(PyExc_ImportError, "libwolfssl does not start");
        return -1;
    }
    if (PyModule_AddFunctions(module, functions) != 0 || wge_ext_register_self_test(module) != 0)
        return -1;
    return wge_ext_register_key_server(module) != 0 ? -1 : wge_ext_register_tls_client(module);
}
