/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ext_allocator.c - from its call on, memory that Python gives back is wiped first, so that no copy of a password or a
 * cookie outlives the object that held it: str, bytes, and everything that parsers make of them on the way.
 *
 * Works as CPython's own debug allocator does: each block gets a head before it, with its size and a tag that only a
 * block of ours can have. Blocks from before the call have none and go back unwiped. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

int wge_ext_register_allocator(PyObject *module);

/* Not in the stable ABI, hence not in its headers, but the same in every CPython since 3.5 (PEP 445, bpo-24034). */
enum domain { DOMAIN_RAW, DOMAIN_MEM, DOMAIN_OBJ, DOMAINS };

struct allocator {
    void *context;
    void *(*malloc)(void *context, size_t size);
    void *(*calloc)(void *context, size_t count, size_t size);
    void *(*realloc)(void *context, void *block, size_t size);
    void (*free)(void *context, void *block);
};

PyAPI_FUNC(void) PyMem_GetAllocator(enum domain domain, struct allocator *allocator);
PyAPI_FUNC(void) PyMem_SetAllocator(enum domain domain, struct allocator *allocator);

struct head {
    size_t size;
    uint64_t tag;
};

_Static_assert(sizeof(struct head) % 16 == 0, "blocks keep the alignment of those behind them");

static struct allocator behind[DOMAINS];
static uint64_t secret; /* 0: not installed */

static uint64_t tag_of(const struct head *head)
{
    return secret ^ (uint64_t)(uintptr_t)head ^ (uint64_t)head->size * UINT64_C(0x9e3779b97f4a7c15);
}

static void *make_block(struct head *head, size_t size)
{
    if (head == NULL)
        return NULL;
    head->size = size;
    head->tag = tag_of(head);
    return head + 1;
}

/* NULL for a block from before. What lies before such a block is memory of its allocator, which may be read. */
static struct head *head_of(void *block)
{
    struct head *head = (struct head *)block - 1;
    return head->tag == tag_of(head) ? head : NULL;
}

static void *wiping_malloc(void *context, size_t size)
{
    const struct allocator *own = context;
    if (size > (size_t)PTRDIFF_MAX - sizeof(struct head))
        return NULL;
    return make_block(own->malloc(own->context, sizeof(struct head) + size), size);
}

static void *wiping_calloc(void *context, size_t count, size_t size)
{
    const struct allocator *own = context;
    size_t whole;
    if (__builtin_mul_overflow(count, size, &whole) || whole > (size_t)PTRDIFF_MAX - sizeof(struct head))
        return NULL;
    return make_block(own->calloc(own->context, 1, sizeof(struct head) + whole), whole);
}

static void wiping_free(void *context, void *block)
{
    const struct allocator *own = context;
    struct head *head = block == NULL ? NULL : head_of(block);
    if (head != NULL) {
        explicit_bzero(head, sizeof *head + head->size);
        block = head;
    }
    own->free(own->context, block);
}

/* Always a new block: one that moves by itself would leave its content behind. */
static void *wiping_realloc(void *context, void *block, size_t size)
{
    const struct allocator *own = context;
    if (block == NULL)
        return wiping_malloc(context, size);
    const struct head *head = head_of(block);
    if (head == NULL)
        return own->realloc(own->context, block, size);
    void *grown = wiping_malloc(context, size);
    if (grown == NULL)
        return NULL;
    memcpy(grown, block, head->size < size ? head->size : size);
    wiping_free(context, block);
    return grown;
}

static PyObject *wipe_freed_memory(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (secret != 0)
        Py_RETURN_NONE;
    while (secret == 0)
        if (getrandom(&secret, sizeof secret, 0) != (ssize_t)sizeof secret)
            return PyErr_SetFromErrno(PyExc_OSError);
    for (enum domain domain = DOMAIN_RAW; domain < DOMAINS; domain++) {
        PyMem_GetAllocator(domain, &behind[domain]);
        struct allocator wiping = {&behind[domain], wiping_malloc, wiping_calloc, wiping_realloc, wiping_free};
        PyMem_SetAllocator(domain, &wiping);
    }
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"wipe_freed_memory", wipe_freed_memory, METH_NOARGS, "From now on Python's memory is wiped when it is freed."},
    {NULL, NULL, 0, NULL},
};

int wge_ext_register_allocator(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
