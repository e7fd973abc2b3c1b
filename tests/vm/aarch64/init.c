/* SPDX-License-Identifier: GPL-3.0-or-later */
/* init.c - the only program of a machine that boots to try filters of system calls on a real kernel of their
 * architecture. For each case of /cases a child brings itself under the filter, by the product's own loader, makes one
 * system call and ends with its error as its status; how it ended is compared with what the case expects. Says "wrong"
 * for each difference and at last how many there were, then powers the machine off. tests/vm/aarch64/filters.py writes
 * the cases. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp_filter.h"

#define FILTERS_MAX 16
#define PROGRAM_MAX 32768
/* A permitted call may wait. */
#define SECONDS 2u
/* How a child ends whose filter the kernel did not take. */
#define NOT_INSTALLED SIGUSR1

enum expected { ALLOWED = 0, KILLED = 1, REFUSED = 2 };

struct one_case {
    uint32_t filter;
    uint32_t number;
    uint64_t arguments[6];
    uint32_t expected;
    uint32_t error;
};

struct program {
    uint32_t length;
    uint8_t bytes[PROGRAM_MAX];
};

static struct program programs[FILTERS_MAX];

static void end(int status)
{
    printf("end status=%d\n", status);
    fflush(stdout);
    reboot(RB_POWER_OFF);
    _exit(status);
}

static void must(bool right, const char *what)
{
    if (right)
        return;
    printf("failed %s\n", what);
    end(1);
}

static void attempt(const struct one_case *c)
{
    const struct program *p = &programs[c->filter];
    const uint64_t *a = c->arguments;
    /* SIGALRM ends a call that waits; the filter knows nothing of signals. */
    alarm(SECONDS);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || wge_seccomp_install(p->bytes, p->length, false) != 0)
        raise(NOT_INSTALLED);
    long result = syscall((long)c->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    _exit(result == -1 ? errno : 0);
}

static bool as_expected(const struct one_case *c, int status)
{
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
    switch ((enum expected)c->expected) {
    case KILLED:
        return killed;
    case REFUSED:
        return WIFEXITED(status) && WEXITSTATUS(status) == (int)c->error;
    case ALLOWED:
        return !killed && !(WIFSIGNALED(status) && WTERMSIG(status) == NOT_INSTALLED);
    }
    return false;
}

int main(void)
{
    uint32_t filters = 0, cases = 0, wrong = 0;
    FILE *file = fopen("/cases", "rb");
    must(file != NULL, "no cases");
    must(fread(&filters, sizeof(filters), 1, file) == 1 && filters <= FILTERS_MAX, "number of filters");
    for (uint32_t i = 0; i < filters; i++) {
        struct program *p = &programs[i];
        must(fread(&p->length, sizeof(p->length), 1, file) == 1 && p->length <= PROGRAM_MAX, "length of a filter");
        must(fread(p->bytes, 1, p->length, file) == p->length, "a filter");
    }
    must(fread(&cases, sizeof(cases), 1, file) == 1, "number of cases");
    for (uint32_t i = 0; i < cases; i++) {
        struct one_case c;
        int status = 0;
        must(fread(&c, sizeof(c), 1, file) == 1 && c.filter < filters, "a case");
        fflush(stdout);
        pid_t pid = fork();
        must(pid >= 0, "fork");
        if (pid == 0)
            attempt(&c);
        must(waitpid(pid, &status, 0) == pid, "waitpid");
        if (as_expected(&c, status))
            continue;
        wrong++;
        printf("wrong filter=%u call=%u first=%llx second=%llx third=%llx expected=%u error=%u status=%x\n", c.filter,
               c.number, (unsigned long long)c.arguments[0], (unsigned long long)c.arguments[1],
               (unsigned long long)c.arguments[2], c.expected, c.error, (unsigned)status);
    }
    printf("cases=%u wrong=%u\n", cases, wrong);
    end(wrong == 0 ? 0 : 1);
}
