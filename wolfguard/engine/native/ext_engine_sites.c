/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_engine_sites.c - set_sites: Python's dicts as borrowed C structures for the time of one call. */
#include "ext_engine.h"

#include <stdlib.h>
#include <string.h>

#include "sites.h"

#define NAMES_MAX 64
#define LISTS 7

/* Strings live as long as the dicts; the arrays that point to them are ours. */
struct site_arrays {
    const char *names[LISTS][NAMES_MAX];
    struct wge_certificate_config certificates[WGE_CERTIFICATES_MAX];
};

static const char *text_of(PyObject *item, const char *key)
{
    if (!PyUnicode_Check(item)) {
        PyErr_Format(PyExc_TypeError, "%s must be str", key);
        return NULL;
    }
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(item, &length);
    if (text != NULL && strlen(text) != (size_t)length) {
        PyErr_Format(PyExc_ValueError, "%s must not contain a zero byte", key);
        return NULL;
    }
    return text;
}

static PyObject *list_of(PyObject *dict, const char *key, Py_ssize_t most)
{
    PyObject *list = wge_ext_item(dict, key);
    if (list == NULL)
        return NULL;
    if (!PyList_Check(list) || PyList_Size(list) > most) {
        PyErr_Format(PyExc_ValueError, "%s must be a list of at most %zd", key, most);
        return NULL;
    }
    return list;
}

static bool names_of(PyObject *dict, const char *key, const char **room, struct wge_names *out)
{
    PyObject *list = list_of(dict, key, NAMES_MAX);
    if (list == NULL)
        return false;
    out->names = room;
    out->count = (size_t)PyList_Size(list);
    for (size_t i = 0; i < out->count; i++)
        if ((room[i] = text_of(PyList_GetItem(list, (Py_ssize_t)i), key)) == NULL)
            return false;
    return true;
}

static bool certificates_of(PyObject *dict, struct site_arrays *arrays, struct wge_site_config *out)
{
    PyObject *list = list_of(dict, "certificates", WGE_CERTIFICATES_MAX);
    if (list == NULL)
        return false;
    out->certificates = arrays->certificates;
    out->certificate_count = (size_t)PyList_Size(list);
    for (size_t i = 0; i < out->certificate_count; i++) {
        PyObject *each = PyList_GetItem(list, (Py_ssize_t)i);
        uint64_t number;
        PyObject *chain = wge_ext_item(each, "chain");
        char *bytes;
        Py_ssize_t length;
        if (chain == NULL || PyBytes_AsStringAndSize(chain, &bytes, &length) != 0 ||
            !wge_ext_number(each, "number", 0, UINT16_MAX, &number))
            return false;
        arrays->certificates[i] = (struct wge_certificate_config){
            .number = (uint16_t)number, .chain = (const uint8_t *)bytes, .chain_length = (size_t)length};
    }
    return true;
}

static bool site_of(PyObject *dict, struct site_arrays *arrays, struct wge_site_config *out)
{
    uint64_t bits;
    PyObject *name = wge_ext_item(dict, "name");
    if (name == NULL || (out->name = text_of(name, "name")) == NULL)
        return false;
    bool good =
        names_of(dict, "server_names", arrays->names[0], &out->server_names) &&
        names_of(dict, "versions", arrays->names[1], &out->versions) &&
        names_of(dict, "suites_tls13", arrays->names[2], &out->suites_tls13) &&
        names_of(dict, "suites_tls12", arrays->names[3], &out->suites_tls12) &&
        names_of(dict, "groups", arrays->names[4], &out->groups) &&
        names_of(dict, "key_shares", arrays->names[5], &out->key_shares) &&
        names_of(dict, "signatures", arrays->names[6], &out->signatures) && certificates_of(dict, arrays, out) &&
        wge_ext_flag(dict, "require_extended_master_secret", &out->require_extended_master_secret) &&
        wge_ext_flag(dict, "require_hybrid", &out->require_hybrid) && wge_ext_flag(dict, "tickets", &out->tickets) &&
        wge_ext_number(dict, "minimum_rsa_bits", 0, 16384, &bits);
    out->minimum_rsa_bits = good ? (unsigned)bits : 0;
    return good;
}

bool wge_ext_set_sites(struct wge_engine *engine, PyObject *sites)
{
    if (!PyList_Check(sites) || PyList_Size(sites) > WGE_SITES_MAX) {
        PyErr_Format(PyExc_ValueError, "sites must be a list of at most %d", WGE_SITES_MAX);
        return false;
    }
    size_t count = (size_t)PyList_Size(sites);
    struct site_arrays *arrays = calloc(count + 1, sizeof(*arrays));
    struct wge_site_config *configs = calloc(count + 1, sizeof(*configs));
    bool good = arrays != NULL && configs != NULL;
    if (!good)
        PyErr_NoMemory();
    for (size_t i = 0; good && i < count; i++)
        good = site_of(PyList_GetItem(sites, (Py_ssize_t)i), &arrays[i], &configs[i]);
    if (good) {
        char why[WGE_WHY_MAX];
        enum wge_result result = wge_engine_set_sites(engine, configs, count, why);
        good = result == WGE_OK;
        if (result == WGE_NO_MEMORY)
            PyErr_NoMemory();
        else if (!good)
            PyErr_SetString(PyExc_ValueError, why);
    }
    free(configs);
    free(arrays);
    return good;
}
