/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_engine_values.c - checked values out of Python's dicts. A wrong one is a fault of our own Python: ValueError or
 * TypeError, naming the key. */
#include "ext_engine.h"

#include <string.h>

#include "algorithms.h"
#include "channel.h"

PyObject *wge_ext_item(PyObject *dict, const char *key)
{
    if (!PyDict_Check(dict)) {
        PyErr_Format(PyExc_TypeError, "a dict with the key %s is needed", key);
        return NULL;
    }
    PyObject *item = PyDict_GetItemString(dict, key);
    if (item == NULL)
        PyErr_Format(PyExc_ValueError, "the key %s is missing", key);
    return item;
}

static bool number_of(PyObject *item, const char *key, uint64_t least, uint64_t most, uint64_t *out)
{
    if (!PyLong_Check(item)) {
        PyErr_Format(PyExc_TypeError, "%s must be an int", key);
        return false;
    }
    unsigned long long value = PyLong_AsUnsignedLongLong(item);
    if (PyErr_Occurred() != NULL || value < least || value > most) {
        PyErr_Clear();
        PyErr_Format(PyExc_ValueError, "%s must be between %llu and %llu", key, (unsigned long long)least,
                     (unsigned long long)most);
        return false;
    }
    *out = value;
    return true;
}

bool wge_ext_number(PyObject *dict, const char *key, uint64_t least, uint64_t most, uint64_t *out)
{
    PyObject *item = wge_ext_item(dict, key);
    return item != NULL && number_of(item, key, least, most, out);
}

bool wge_ext_flag(PyObject *dict, const char *key, bool *out)
{
    PyObject *item = wge_ext_item(dict, key);
    int value = item == NULL ? -1 : PyObject_IsTrue(item);
    *out = value > 0;
    return value >= 0;
}

/* `length` bytes, or None. */
static bool address_of(PyObject *dict, const char *key, uint8_t *out, Py_ssize_t length, bool *present)
{
    PyObject *item = wge_ext_item(dict, key);
    if (item == NULL)
        return false;
    *present = item != Py_None;
    if (!*present)
        return true;
    char *bytes;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(item, &bytes, &size) != 0)
        return false;
    if (size != length) {
        PyErr_Format(PyExc_ValueError, "%s must have %zd bytes", key, length);
        return false;
    }
    memcpy(out, bytes, (size_t)length);
    return true;
}

static bool network_of(PyObject *item, struct wge_network *out)
{
    PyObject *address;
    unsigned long prefix;
    if (!PyTuple_Check(item) || !PyArg_ParseTuple(item, "Sk;a network is (bytes, prefix)", &address, &prefix)) {
        if (PyErr_Occurred() == NULL)
            PyErr_SetString(PyExc_TypeError, "a network is (bytes, prefix)");
        return false;
    }
    char *bytes;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(address, &bytes, &size) != 0)
        return false;
    if ((size != 4 && size != 16) || prefix > (unsigned long)size * 8) {
        PyErr_SetString(PyExc_ValueError, "a network has 4 or 16 bytes and a prefix that fits");
        return false;
    }
    memset(out, 0, sizeof(*out));
    memcpy(out->address, bytes, (size_t)size);
    out->family = size == 4 ? 4 : 6;
    out->prefix = (uint8_t)prefix;
    return true;
}

static bool networks_of(PyObject *dict, struct wge_tunnel_params *out)
{
    PyObject *list = wge_ext_item(dict, "networks");
    if (list == NULL)
        return false;
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "networks must be a list");
        return false;
    }
    Py_ssize_t count = PyList_Size(list);
    if (count > WGE_TUNNEL_NETWORKS_MAX) {
        PyErr_Format(PyExc_ValueError, "at most %d networks", WGE_TUNNEL_NETWORKS_MAX);
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (!network_of(PyList_GetItem(list, i), &out->networks[i]))
            return false;
    out->network_count = (size_t)count;
    return true;
}

static bool suites_of(PyObject *list, struct wge_datagram_params *out)
{
    Py_ssize_t count = PyList_Check(list) ? PyList_Size(list) : -1;
    if (count < 1 || count > WGE_DATAGRAM_SUITES_MAX) {
        PyErr_Format(PyExc_ValueError, "suites must be a list of 1 to %d names", WGE_DATAGRAM_SUITES_MAX);
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyUnicode_AsUTF8String(PyList_GetItem(list, i));
        if (name == NULL)
            return false;
        const struct wge_psk_suite *suite = wge_psk_suite_by_name(PyBytes_AsString(name));
        if (suite == NULL)
            PyErr_Format(PyExc_ValueError, "%s is no suite for a datagram channel", PyBytes_AsString(name));
        else
            out->suites[i] = suite->number;
        Py_DECREF(name);
        if (suite == NULL)
            return false;
    }
    out->suite_count = (size_t)count;
    return true;
}

static bool datagram_of(PyObject *dict, struct wge_datagram_params *out)
{
    PyObject *item = wge_ext_item(dict, "datagram");
    if (item == NULL || item == Py_None)
        return item != NULL;
    PyObject *suites = wge_ext_item(item, "suites");
    return suites != NULL && suites_of(suites, out) &&
           wge_ext_flag(item, "require_extended_master_secret", &out->require_extended_master_secret) &&
           address_of(item, "app_id", out->app_id, WGE_APP_ID, &out->offered);
}

static bool rate_of(PyObject *dict, const char *rate, const char *burst, struct wge_rate *out)
{
    return wge_ext_number(dict, rate, 0, WGE_RATE_MAX, &out->bytes_per_second) &&
           wge_ext_number(dict, burst, out->bytes_per_second == 0 ? 0 : WGE_BURST_MIN, WGE_BURST_MAX, &out->burst);
}

bool wge_ext_rates(PyObject *dict, struct wge_rate *up, struct wge_rate *down)
{
    return rate_of(dict, "up", "up_burst", up) && rate_of(dict, "down", "down_burst", down);
}

bool wge_ext_tunnel(PyObject *dict, struct wge_tunnel_params *out)
{
    uint64_t index, mtu, dpd, keepalive, rekey, idle, record_limit;
    memset(out, 0, sizeof(*out));
    if (!wge_ext_number(dict, "session", 0, UINT64_MAX, &out->session) ||
        !wge_ext_number(dict, "epoch", 0, UINT64_MAX, &out->epoch) ||
        !wge_ext_number(dict, "index", 0, UINT32_MAX, &index) || !wge_ext_number(dict, "mtu", 576, 16000, &mtu) ||
        !wge_ext_number(dict, "dpd", 0, UINT32_MAX, &dpd) ||
        !wge_ext_number(dict, "keepalive", 0, UINT32_MAX, &keepalive) ||
        !wge_ext_number(dict, "rekey", 0, UINT32_MAX, &rekey) || !wge_ext_number(dict, "idle", 0, UINT32_MAX, &idle) ||
        !wge_ext_number(dict, "lifetime", 0, UINT64_MAX / 2, &out->lifetime_ms) ||
        !wge_ext_number(dict, "record_limit", WGE_CHANNEL_RECORDS_LEAST, WGE_CHANNEL_RECORDS_MOST, &record_limit) ||
        !address_of(dict, "ipv4", out->ipv4, 4, &out->has_ipv4) ||
        !address_of(dict, "ipv6", out->ipv6, 16, &out->has_ipv6) || !networks_of(dict, out) ||
        !datagram_of(dict, &out->datagram))
        return false;
    PyObject *rates = wge_ext_item(dict, "rates");
    if (rates == NULL || !wge_ext_rates(rates, &out->up, &out->down))
        return false;
    out->index = (uint32_t)index;
    out->mtu = (uint32_t)mtu;
    out->dpd_ms = (uint32_t)dpd;
    out->keepalive_ms = (uint32_t)keepalive;
    out->rekey_ms = (uint32_t)rekey;
    out->idle_ms = (uint32_t)idle;
    out->record_limit = (uint32_t)record_limit;
    return true;
}
