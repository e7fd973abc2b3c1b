/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_sandbox.c - the system calls of confinement that Python has no names for, one function each, no policy.
 * What to allow is decided by wolfguard/sandbox; every failure is an OSError, so that the caller cannot overlook it. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seccomp_filter.h"

int wge_ext_register_sandbox(PyObject *module);

/* From <linux/landlock.h> of kernel 6.12, since the headers of Debian 12 end at the second version. */
struct wge_landlock_ruleset {
    uint64_t handled_fs;
    uint64_t handled_net;
    uint64_t scoped;
};

struct __attribute__((packed)) wge_landlock_path {
    uint64_t allowed;
    int32_t parent;
};

#define WGE_LANDLOCK_VERSION_FLAG 1u
struct wge_landlock_port {
    uint64_t allowed;
    uint64_t port;
};

#define WGE_LANDLOCK_RULE_PATH 1
#define WGE_LANDLOCK_RULE_PORT 2
#define WGE_LANDLOCK_CONNECT_TCP (UINT64_C(1) << 1)
#define WGE_CAPABILITY_WORDS 2

static PyObject *seccomp_install(PyObject *module, PyObject *args)
{
    const char *program;
    Py_ssize_t length;
    int learn;
    (void)module;
    if (!PyArg_ParseTuple(args, "y#p:seccomp_install", &program, &length, &learn))
        return NULL;
    long listener = wge_seccomp_install(program, (size_t)length, learn != 0);
    if (listener < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    if (learn)
        return PyLong_FromLong(listener);
    Py_RETURN_NONE;
}

/* Raises OSError where the kernel, or a container's filter, does not let anybody install one. */
static PyObject *seccomp_check(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (wge_seccomp_check() != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

static PyObject *landlock_abi(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, WGE_LANDLOCK_VERSION_FLAG);
    /* A kernel without Landlock, or with it switched off at boot, has version 0. */
    return PyLong_FromLong(abi < 0 ? 0 : abi);
}

static int landlock_add_path(int ruleset, PyObject *entry)
{
    const char *path;
    unsigned long long allowed;
    if (!PyArg_ParseTuple(entry, "sK", &path, &allowed))
        return -1;
    int parent = open(path, O_PATH | O_CLOEXEC);
    if (parent < 0) {
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, path);
        return -1;
    }
    struct wge_landlock_path rule = {.allowed = allowed, .parent = parent};
    long result = syscall(SYS_landlock_add_rule, ruleset, WGE_LANDLOCK_RULE_PATH, &rule, 0);
    if (result != 0)
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, path);
    close(parent);
    return result == 0 ? 0 : -1;
}

static int landlock_add_port(int ruleset, PyObject *entry)
{
    const long port = PyLong_AsLong(entry);
    if (port == -1 && PyErr_Occurred())
        return -1;
    struct wge_landlock_port rule = {.allowed = WGE_LANDLOCK_CONNECT_TCP, .port = (uint64_t)port};
    if (syscall(SYS_landlock_add_rule, ruleset, WGE_LANDLOCK_RULE_PORT, &rule, 0) == 0)
        return 0;
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
}

static int landlock_add_all(int ruleset, PyObject *list, int (*add)(int, PyObject *))
{
    Py_ssize_t count = PySequence_Size(list);
    if (count < 0)
        return -1;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *entry = PySequence_GetItem(list, i);
        int added = entry == NULL ? -1 : add(ruleset, entry);
        Py_XDECREF(entry);
        if (added != 0)
            return -1;
    }
    return 0;
}

static PyObject *landlock_restrict(PyObject *module, PyObject *args)
{
    PyObject *paths, *ports;
    unsigned long long fs, net, scoped;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOKKK:landlock_restrict", &paths, &ports, &fs, &net, &scoped))
        return NULL;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, WGE_LANDLOCK_VERSION_FLAG);
    if (abi < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    /* Fields that this kernel does not know must not be passed, not even as zero beyond its size. */
    struct wge_landlock_ruleset rules = {.handled_fs = fs, .handled_net = net, .scoped = scoped};
    size_t size = abi >= 6 ? sizeof(rules) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (ruleset < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    PyObject *result = NULL;
    if (landlock_add_all(ruleset, paths, landlock_add_path) != 0 ||
        landlock_add_all(ruleset, ports, landlock_add_port) != 0)
        goto close_ruleset;
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        PyErr_SetFromErrno(PyExc_OSError);
    else
        result = PyLong_FromLong(abi);
close_ruleset:
    close(ruleset);
    return result;
}

static PyObject *from_prctl(int result)
{
    if (result != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

static PyObject *set_dumpable(PyObject *module, PyObject *args)
{
    int value;
    (void)module;
    if (!PyArg_ParseTuple(args, "p:set_dumpable", &value))
        return NULL;
    return from_prctl(prctl(PR_SET_DUMPABLE, value ? 1 : 0, 0, 0, 0));
}

static PyObject *set_no_new_privs(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return from_prctl(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static int parse_capabilities(PyObject *keep, uint64_t *mask)
{
    Py_ssize_t count = PySequence_Size(keep);
    if (count < 0)
        return -1;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(keep, i);
        long capability = item == NULL ? -1 : PyLong_AsLong(item);
        Py_XDECREF(item);
        if (PyErr_Occurred())
            return -1;
        if (capability < 0 || capability > CAP_LAST_CAP) {
            PyErr_SetString(PyExc_ValueError, "no such capability");
            return -1;
        }
        *mask |= UINT64_C(1) << capability;
    }
    return 0;
}

/* Needs CAP_SETPCAP only where the bounding set still holds something that has to go. */
static int shrink_bounding_set(uint64_t keep)
{
    for (int capability = 0; capability < 64; capability++) {
        int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        if (held < 0)
            return errno == EINVAL ? 0 : -1; /* past the kernel's last capability */
        if (held == 1 && (keep >> capability & 1) == 0 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            return -1;
    }
    return 0;
}

static PyObject *drop_capabilities(PyObject *module, PyObject *args)
{
    PyObject *list;
    uint64_t keep = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "O:drop_capabilities", &list) || parse_capabilities(list, &keep) != 0)
        return NULL;
    if (shrink_bounding_set(keep) != 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[WGE_CAPABILITY_WORDS] = {{0}};
    for (int word = 0; word < WGE_CAPABILITY_WORDS; word++)
        data[word].effective = data[word].permitted = (uint32_t)(keep >> (32 * word));
    if (syscall(SYS_capset, &header, data) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"seccomp_install", seccomp_install, METH_VARARGS, "Installs classic BPF on all threads."},
    {"seccomp_check", seccomp_check, METH_NOARGS, "Raises OSError where no filter can be installed."},
    {"landlock_abi", landlock_abi, METH_NOARGS, "Version of Landlock in this kernel, 0 without."},
    {"landlock_restrict", landlock_restrict, METH_VARARGS, "Restricts this thread to the given paths."},
    {"set_dumpable", set_dumpable, METH_VARARGS, "Whether others of this user may trace or dump this process."},
    {"set_no_new_privs", set_no_new_privs, METH_NOARGS, "No exec can ever gain privileges."},
    {"drop_capabilities", drop_capabilities, METH_VARARGS, "Leaves only the given capabilities in any set."},
    {NULL, NULL, 0, NULL},
};

int wge_ext_register_sandbox(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
