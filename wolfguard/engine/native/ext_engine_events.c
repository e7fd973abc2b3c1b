/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_engine_events.c - events as tuples; their shapes stand in wolfguard/_native.pyi. */
#include "ext_engine.h"

#include "connection.h"

static PyObject *opened(const struct wge_event *event)
{
    const struct wge_opened *facts = (const struct wge_opened *)(const void *)event->data;
    char peer[WGE_ADDRESS_TEXT_MAX], local[WGE_ADDRESS_TEXT_MAX];
    wge_address_text(&facts->peer, peer);
    wge_address_text(&facts->local, local);
    PyObject *ems = facts->tls.extended_master_secret ? Py_True : Py_False;
    return Py_BuildValue("(iK{s:s,s:i,s:s,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:O})", (int)event->kind,
                         (unsigned long long)event->id, "peer", peer, "port", (int)facts->peer.port, "local", local,
                         "local_port", (int)facts->local.port, "site", facts->site, "server_name", facts->server_name,
                         "version", facts->tls.version, "suite", facts->tls.suite, "group", facts->tls.group,
                         "signature", facts->tls.signature, "extended_master_secret", ems);
}

static PyObject *datagram(const struct wge_event *event, const char *reason)
{
    const struct wge_datagram_told *told = (const struct wge_datagram_told *)(const void *)event->data;
    return Py_BuildValue("(iKKssOs)", (int)event->kind, (unsigned long long)event->id, (unsigned long long)event->epoch,
                         told->state, told->suite, told->extended_master_secret ? Py_True : Py_False, reason);
}

/* What Python gets as bytes. */
static const char *bytes_of(const struct wge_event *event)
{
    return event->data == NULL ? "" : (const char *)event->data;
}

static PyObject *tuple_of(const struct wge_event *event)
{
    const int kind = (int)event->kind;
    const unsigned long long id = event->id, epoch = event->epoch;
    const Py_ssize_t length = (Py_ssize_t)event->length;
    const char *reason = event->reason == NULL ? "" : event->reason;
    switch (event->kind) {
    case WGE_EVENT_OPENED:
        return opened(event);
    case WGE_EVENT_DATA:
        return Py_BuildValue("(iKy#)", kind, id, bytes_of(event), length);
    case WGE_EVENT_CLOSED:
        return Py_BuildValue("(iKs)", kind, id, reason);
    case WGE_EVENT_REFUSED:
        return Py_BuildValue("(is#si)", kind, bytes_of(event), length, reason, event->code);
    case WGE_EVENT_TUNNEL_CLOSED:
        return Py_BuildValue("(iKKsiy#)", kind, id, epoch, reason, event->code, bytes_of(event), length);
    case WGE_EVENT_TUNNEL_TIMER:
        return Py_BuildValue("(iKKs)", kind, id, epoch, reason);
    case WGE_EVENT_TUNNEL_REKEYED:
        return Py_BuildValue("(iKK)", kind, id, epoch);
    case WGE_EVENT_TUNNEL_DATAGRAM:
        return datagram(event, reason);
    }
    PyErr_SetString(PyExc_RuntimeError, "an event of an unknown kind");
    return NULL;
}

PyObject *wge_ext_event(struct wge_event *event)
{
    PyObject *tuple = tuple_of(event);
    wge_event_wipe(event);
    return tuple;
}
