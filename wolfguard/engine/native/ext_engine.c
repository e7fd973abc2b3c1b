/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_engine.c - the class Engine of wolfguard._native: each method checks its arguments, calls engine.h and raises
 * what that says. Limited API; the GIL is held except where threads are joined. */
#include "ext_engine.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTORS_MAX 64
#define POLL_MAX 1024
#define WRITE_MAX (1024 * 1024)
#define HEAD_MAX 65536
#define BYE_MAX 128

struct engine_object {
    PyObject_HEAD
    struct wge_engine *engine;
};

static PyObject *raise_result(enum wge_result result, const char *why)
{
    if (result == WGE_NO_MEMORY)
        return PyErr_NoMemory();
    if (result == WGE_SYSTEM_ERROR)
        return PyErr_Format(PyExc_OSError, "%s", why);
    return PyErr_Format(PyExc_ValueError, "%s", why);
}

static struct wge_engine *engine_of(PyObject *self)
{
    struct wge_engine *engine = ((struct engine_object *)self)->engine;
    if (engine == NULL)
        PyErr_SetString(PyExc_ValueError, "this Engine was never made");
    return engine;
}

static PyObject *done(enum wge_result result)
{
    /* INVALID: a connection that never was; like one that has ended, it is not worth an exception */
    if (result == WGE_OK || result == WGE_INVALID)
        Py_RETURN_NONE;
    return raise_result(result, wge_result_text(result));
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static bool limits_of(PyObject *dict, struct wge_engine_config *config)
{
    uint64_t half_open, rate, burst, unauthenticated, handshake_ms, login_ms;
    if (!wge_ext_number(dict, "half_open", 1, 1u << 20, &half_open) ||
        !wge_ext_number(dict, "handshakes_per_second", 1, 1000000, &rate) ||
        !wge_ext_number(dict, "handshake_burst", 1, 1000000, &burst) ||
        !wge_ext_number(dict, "unauthenticated", 1, 1000000, &unauthenticated) ||
        !wge_ext_number(dict, "handshake_ms", 1, 3600000, &handshake_ms) ||
        !wge_ext_number(dict, "login_ms", 1, 3600000, &login_ms))
        return false;
    config->limits = (struct wge_limits){
        .half_open = (uint32_t)half_open,
        .handshakes_per_second = (uint32_t)rate,
        .handshake_burst = (uint32_t)burst,
        .unauthenticated = (uint32_t)unauthenticated,
    };
    config->handshake_ms = (uint32_t)handshake_ms;
    config->login_ms = (uint32_t)login_ms;
    return true;
}

static bool descriptors_of(PyObject *list, const char *name, int *out, size_t *count)
{
    Py_ssize_t size = PyList_Check(list) ? PyList_Size(list) : -1;
    if (size < 0 || size > DESCRIPTORS_MAX) {
        PyErr_Format(PyExc_ValueError, "%s must be a list of at most %d descriptors", name, DESCRIPTORS_MAX);
        return false;
    }
    for (Py_ssize_t i = 0; i < size; i++) {
        long fd = PyLong_AsLong(PyList_GetItem(list, i));
        if (PyErr_Occurred() != NULL)
            return false;
        if (fd < 0 || fd > INT_MAX) {
            PyErr_Format(PyExc_ValueError, "each of %s is a descriptor", name);
            return false;
        }
        out[i] = (int)fd;
    }
    *count = (size_t)size;
    return true;
}

static int engine_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"slot", "tun", "listeners", "datagrams", "counters", "handshake_threads", "limits", NULL};
    struct engine_object *object = (struct engine_object *)self;
    struct wge_engine_config config = {0};
    int slot, listeners[DESCRIPTORS_MAX], datagrams[DESCRIPTORS_MAX];
    unsigned int threads;
    PyObject *list, *datagram_list, *limits;
    char why[WGE_WHY_MAX];
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$iiOOiIO:Engine", names, &slot, &config.tun, &list, &datagram_list,
                                     &config.traffic, &threads, &limits))
        return -1;
    if (object->engine != NULL) {
        PyErr_SetString(PyExc_ValueError, "an Engine is made once");
        return -1;
    }
    if (slot < 0 || slot > 255) {
        PyErr_SetString(PyExc_ValueError, "slot must be between 0 and 255");
        return -1;
    }
    if (!descriptors_of(list, "listeners", listeners, &config.listener_count) ||
        !descriptors_of(datagram_list, "datagrams", datagrams, &config.datagram_count) || !limits_of(limits, &config))
        return -1;
    config.listeners = listeners;
    config.datagrams = datagrams;
    config.handshake_threads = threads;
    enum wge_result result = wge_engine_create(&object->engine, &config, why);
    if (result != WGE_OK)
        raise_result(result, why);
    return result == WGE_OK ? 0 : -1;
}

static void engine_dealloc(PyObject *self)
{
    struct engine_object *object = (struct engine_object *)self;
    PyTypeObject *type = Py_TYPE(self);
    Py_BEGIN_ALLOW_THREADS wge_engine_free(object->engine);
    Py_END_ALLOW_THREADS object->engine = NULL;
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *engine_start(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct wge_engine *engine = engine_of(self);
    if (engine == NULL)
        return NULL;
    enum wge_result result = wge_engine_start(engine);
    if (result == WGE_SYSTEM_ERROR)
        return raise_result(result, strerror(errno));
    if (result != WGE_OK)
        return raise_result(result, "the Engine runs already, or has run: make a new one");
    Py_RETURN_NONE;
}

static PyObject *engine_stop_accepting(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct wge_engine *engine = engine_of(self);
    if (engine == NULL)
        return NULL;
    wge_engine_stop_accepting(engine);
    Py_RETURN_NONE;
}

static PyObject *engine_stop(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct wge_engine *engine = engine_of(self);
    if (engine == NULL)
        return NULL;
    Py_BEGIN_ALLOW_THREADS wge_engine_stop(engine);
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

static PyObject *engine_set_sites(PyObject *self, PyObject *sites)
{
    struct wge_engine *engine = engine_of(self);
    if (engine == NULL || !wge_ext_set_sites(engine, sites))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *engine_set_sign_channel(PyObject *self, PyObject *args)
{
    unsigned int thread;
    int fd;
    struct wge_engine *engine = engine_of(self);
    if (engine == NULL || !PyArg_ParseTuple(args, "Ii:set_sign_channel", &thread, &fd))
        return NULL;
    if (wge_engine_set_sign_channel(engine, thread, fd) != WGE_OK)
        return PyErr_Format(PyExc_ValueError, "no handshake thread %u, or no descriptor", thread);
    Py_RETURN_NONE;
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static PyObject *engine_eventfd(PyObject *self, void *unused)
{
    (void)unused;
    struct wge_engine *engine = engine_of(self);
    return engine == NULL ? NULL : PyLong_FromLong(wge_engine_eventfd(engine));
}

static PyObject *engine_poll(PyObject *self, PyObject *argument)
{
    struct wge_engine *engine = engine_of(self);
    long limit = PyLong_AsLong(argument);
    if (engine == NULL || PyErr_Occurred() != NULL)
        return NULL;
    if (limit < 1)
        return PyErr_Format(PyExc_ValueError, "poll takes a limit of at least 1");
    size_t capacity = limit < POLL_MAX ? (size_t)limit : POLL_MAX;
    struct wge_event *events = calloc(capacity, sizeof(*events));
    PyObject *list = PyList_New(0);
    if (events == NULL || list == NULL) {
        free(events);
        Py_XDECREF(list);
        return PyErr_NoMemory();
    }
    size_t count = wge_engine_poll(engine, events, capacity);
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        PyObject *tuple = good ? wge_ext_event(&events[i]) : NULL;
        good = good && tuple != NULL && PyList_Append(list, tuple) == 0;
        Py_XDECREF(tuple);
        wge_event_wipe(&events[i]);
    }
    free(events);
    if (good)
        return list;
    Py_DECREF(list);
    return NULL;
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static bool connection_of(PyObject *argument, unsigned long long *out)
{
    *out = PyLong_AsUnsignedLongLong(argument);
    return PyErr_Occurred() == NULL;
}

static PyObject *engine_read(PyObject *self, PyObject *argument)
{
    unsigned long long connection;
    struct wge_engine *engine = engine_of(self);
    return engine != NULL && connection_of(argument, &connection) ? done(wge_engine_read(engine, connection)) : NULL;
}

static PyObject *engine_close(PyObject *self, PyObject *argument)
{
    unsigned long long connection;
    struct wge_engine *engine = engine_of(self);
    return engine != NULL && connection_of(argument, &connection) ? done(wge_engine_close(engine, connection)) : NULL;
}

static PyObject *engine_authenticated(PyObject *self, PyObject *argument)
{
    unsigned long long connection;
    struct wge_engine *engine = engine_of(self);
    if (engine == NULL || !connection_of(argument, &connection))
        return NULL;
    return done(wge_engine_authenticated(engine, connection));
}

static PyObject *engine_write(PyObject *self, PyObject *args)
{
    unsigned long long connection;
    const char *data;
    Py_ssize_t length;
    int close_after;
    struct wge_engine *engine = engine_of(self);
    if (engine == NULL || !PyArg_ParseTuple(args, "Ky#p:write", &connection, &data, &length, &close_after))
        return NULL;
    if (length > WRITE_MAX)
        return PyErr_Format(PyExc_ValueError, "one write takes at most %d bytes", WRITE_MAX);
    return done(wge_engine_write(engine, connection, (const uint8_t *)data, (size_t)length, close_after != 0));
}

/* --- tunnels ------------------------------------------------------------------------------------------------------ */

static PyObject *engine_start_tunnel(PyObject *self, PyObject *args)
{
    unsigned long long connection;
    const char *head;
    Py_ssize_t length;
    PyObject *tunnel;
    struct wge_tunnel_params params;
    struct wge_engine *engine = engine_of(self);
    if (engine == NULL || !PyArg_ParseTuple(args, "Ky#O:start_tunnel", &connection, &head, &length, &tunnel) ||
        !wge_ext_tunnel(tunnel, &params))
        return NULL;
    if (length > HEAD_MAX)
        return PyErr_Format(PyExc_ValueError, "a CONNECT response has at most %d bytes", HEAD_MAX);
    return done(wge_engine_start_tunnel(engine, connection, (const uint8_t *)head, (size_t)length, &params));
}

static PyObject *engine_end_tunnel(PyObject *self, PyObject *args)
{
    unsigned long long session, epoch;
    const char *bye;
    Py_ssize_t length = 0;
    struct wge_engine *engine = engine_of(self);
    if (engine == NULL || !PyArg_ParseTuple(args, "KKz#:end_tunnel", &session, &epoch, &bye, &length))
        return NULL;
    if (length > BYE_MAX)
        return PyErr_Format(PyExc_ValueError, "a BYE has at most %d bytes", BYE_MAX);
    wge_engine_end_tunnel(engine, session, epoch, (const uint8_t *)bye, (size_t)length);
    Py_RETURN_NONE;
}

static PyObject *engine_set_rates(PyObject *self, PyObject *args)
{
    unsigned long long session, epoch;
    PyObject *rates;
    struct wge_rate up, down;
    struct wge_engine *engine = engine_of(self);
    if (engine == NULL || !PyArg_ParseTuple(args, "KKO:set_rates", &session, &epoch, &rates) ||
        !wge_ext_rates(rates, &up, &down))
        return NULL;
    wge_engine_set_rates(engine, session, epoch, &up, &down);
    Py_RETURN_NONE;
}

static PyObject *engine_tunnels(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct wge_engine *engine = engine_of(self);
    return engine == NULL ? NULL : wge_ext_tunnels(engine);
}

static PyObject *engine_counters(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct wge_engine *engine = engine_of(self);
    return engine == NULL ? NULL : wge_ext_counters(engine);
}

static PyObject *engine_facts(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct wge_engine *engine = engine_of(self);
    return engine == NULL ? NULL : wge_ext_facts(engine);
}

static PyMethodDef methods[] = {
    {"set_sites", engine_set_sites, METH_O, "Replaces all TLS contexts; open connections keep theirs."},
    {"set_sign_channel", engine_set_sign_channel, METH_VARARGS, "Hands a handshake thread its channel to keyd."},
    {"start", engine_start, METH_NOARGS, "Starts the threads."},
    {"stop_accepting", engine_stop_accepting, METH_NOARGS, "Accepts no more connections."},
    {"stop", engine_stop, METH_NOARGS, "Ends all connections and tunnels and joins the threads."},
    {"poll", engine_poll, METH_O, "Takes up to so many events."},
    {"read", engine_read, METH_O, "Grants one more EVENT_DATA."},
    {"write", engine_write, METH_VARARGS, "Sends bytes; closes after them if asked."},
    {"close", engine_close, METH_O, "Closes a connection."},
    {"authenticated", engine_authenticated, METH_O, "Takes a connection out of the limits for strangers."},
    {"start_tunnel", engine_start_tunnel, METH_VARARGS, "Sends the CONNECT response, then frames."},
    {"set_rates", engine_set_rates, METH_VARARGS, "Changes what a tunnel may carry."},
    {"end_tunnel", engine_end_tunnel, METH_VARARGS, "Closes a tunnel, with a BYE if given."},
    {"tunnels", engine_tunnels, METH_NOARGS, "(session, epoch) of those alive."},
    {"counters", engine_counters, METH_NOARGS, "All counters by name."},
    {"facts", engine_facts, METH_NOARGS, "What is in use."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"eventfd", engine_eventfd, NULL, "Readable when poll() has something.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "The data plane of one worker."},
    {Py_tp_init, engine_init},
    {Py_tp_dealloc, engine_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec specification = {
    .name = "wolfguard._native.Engine",
    .basicsize = sizeof(struct engine_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = slots,
};

int wge_ext_register_engine(PyObject *module)
{
    static const struct {
        const char *name;
        int value;
    } kinds[] = {
        {"EVENT_OPENED", WGE_EVENT_OPENED},
        {"EVENT_DATA", WGE_EVENT_DATA},
        {"EVENT_CLOSED", WGE_EVENT_CLOSED},
        {"EVENT_REFUSED", WGE_EVENT_REFUSED},
        {"EVENT_TUNNEL_CLOSED", WGE_EVENT_TUNNEL_CLOSED},
        {"EVENT_TUNNEL_TIMER", WGE_EVENT_TUNNEL_TIMER},
        {"EVENT_TUNNEL_REKEYED", WGE_EVENT_TUNNEL_REKEYED},
        {"EVENT_TUNNEL_DATAGRAM", WGE_EVENT_TUNNEL_DATAGRAM},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (PyModule_AddIntConstant(module, kinds[i].name, kinds[i].value) != 0)
            return -1;
    PyObject *type = PyType_FromSpec(&specification);
    if (type == NULL)
        return -1;
    int result = PyModule_AddObjectRef(module, "Engine", type);
    Py_DECREF(type);
    return result;
}
