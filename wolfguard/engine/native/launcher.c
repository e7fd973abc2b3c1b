/* SPDX-License-Identifier: GPL-3.0-or-later */
/* launcher.c - turns root into one process of the gateway and executes it: `wolfguard-<process> PYTHON [SLOT] [log]`.
 * Installed as one file a process, so that each can have its own SELinux entry type; which process it is, it takes from
 * its own file's name. Everything that cannot be applied ends it with one line: there is no weaker start.
 * Descriptors 0 to 3 pass through: nothing, the log twice, the control channel. SLOT is given to processes of which there
 * is one for each slot. "log" is for a developer who learns what a filter needs: the process then runs with a filter that
 * logs instead of killing, and says so. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NAME_PREFIX "wolfguard-"
#define FIRST_FOREIGN_DESCRIPTOR 4u
#define LIMITS_MAX 6
#define CAPABILITY_WORDS 2
#define SLOTS_MAX 1024ul /* categories of an MCS policy */
#define CONTEXT_MAX 512
#define LAUNCHER_TYPE "_launch_t" /* domains of launchers end so, where the process's own ends in "_t" */
#define STATUS_CANNOT_START 78    /* EX_CONFIG of sysexits.h */

struct limit {
    int resource;
    rlim_t value;
};

struct launch {
    const char *process;
    const char *user;
    uint64_t capabilities;
    struct limit limits[LIMITS_MAX];
    size_t limit_count;
    bool per_slot;
};

#include "launcher_table.h"

_Noreturn __attribute__((format(printf, 1, 2))) static void die(const char *format, ...)
{
    int reason = errno;
    va_list arguments;
    va_start(arguments, format);
    fputs("error launcher cannot start: ", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, reason != 0 ? ": %s\n" : "\n", strerror(reason));
    exit(STATUS_CANNOT_START);
}

static const struct launch *find_launch(void)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (length < 0)
        die("/proc/self/exe");
    path[length] = '\0';
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    errno = 0;
    if (strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)) != 0)
        die("%s is not named " NAME_PREFIX "<process>", path);
    for (size_t i = 0; i < sizeof(launches) / sizeof(launches[0]); i++)
        if (strcmp(name + strlen(NAME_PREFIX), launches[i].process) == 0)
            return &launches[i];
    die("%s names no process of the manifest", path);
}

static void close_foreign_descriptors(void)
{
    if (syscall(SYS_close_range, FIRST_FOREIGN_DESCRIPTOR, ~0u, 0u) != 0)
        die("close_range");
}

static void set_limits(const struct launch *launch)
{
    for (size_t i = 0; i < launch->limit_count; i++) {
        struct rlimit now;
        if (getrlimit((__rlimit_resource_t)launch->limits[i].resource, &now) != 0)
            die("getrlimit");
        /* Root in a container may not raise a hard limit: the machine's lower one then stands. */
        rlim_t value = launch->limits[i].value < now.rlim_max ? launch->limits[i].value : now.rlim_max;
        struct rlimit wanted = {.rlim_cur = value, .rlim_max = value};
        if (setrlimit((__rlimit_resource_t)launch->limits[i].resource, &wanted) != 0)
            die("setrlimit");
    }
}

static void set_capabilities(uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[CAPABILITY_WORDS] = {{0}};
    for (int word = 0; word < CAPABILITY_WORDS; word++) {
        data[word].effective = data[word].permitted = (uint32_t)(permitted >> (32 * word));
        data[word].inheritable = (uint32_t)(inheritable >> (32 * word));
    }
    if (syscall(SYS_capset, &header, data) != 0)
        die("capset");
}

static void empty_bounding_set(void)
{
    for (unsigned long capability = 0; capability < 64; capability++) {
        if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0)
            break; /* past the kernel's last capability */
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            die("dropping capability %lu from the bounding set", capability);
    }
    errno = 0;
}

static void become(const struct launch *launch)
{
    errno = 0;
    const struct passwd *account = getpwnam(launch->user);
    if (account == NULL)
        die("there is no account %s; create it, or run bootstrap again", launch->user);
    /* Root only by the manifest's own word, never by an account of another name. */
    bool root = strcmp(launch->user, "root") == 0;
    if ((account->pw_uid == 0 || account->pw_gid == 0) && !root)
        die("account %s must not be root", launch->user);
    const uint64_t setpcap = UINT64_C(1) << CAP_SETPCAP;
    if (setgroups(0, NULL) != 0)
        die("clearing supplementary groups");
    if (setresgid(account->pw_gid, account->pw_gid, account->pw_gid) != 0)
        die("changing to the group of %s", launch->user);
    /* Without KEEPCAPS the change of user would take the capabilities that are to stay, and SETPCAP, needed below. */
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        die("keeping capabilities");
    if (setresuid(account->pw_uid, account->pw_uid, account->pw_uid) != 0)
        die("changing to %s", launch->user);
    set_capabilities(launch->capabilities | setpcap, launch->capabilities);
    empty_bounding_set();
    for (unsigned long capability = 0; capability < 64; capability++)
        if ((launch->capabilities >> capability & 1) != 0 &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0)
            die("keeping capability %lu", capability);
    set_capabilities(launch->capabilities, launch->capabilities);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        die("no_new_privs");
}

static unsigned long read_slot(const struct launch *launch, const char *text)
{
    char *end;
    unsigned long slot = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || slot >= SLOTS_MAX)
        die("%s is no slot of %s", text, launch->process);
    return slot;
}

/* Files of a process about its labels: written whole, in one call. */
static bool exchange(const char *path, int flags, char *text, size_t size)
{
    int file = open(path, flags | O_CLOEXEC);
    ssize_t length = -1;
    if (file >= 0) {
        length = flags == O_RDONLY ? read(file, text, size - 1) : write(file, text, strlen(text) + 1);
        int reason = errno;
        close(file);
        errno = reason;
    }
    if (length >= 0 && flags == O_RDONLY)
        text[length] = '\0';
    return length >= 0;
}

/* Where SELinux runs, what is executed next gets the category of its slot: other slots' sockets and processes are then
 * out of its reach. From user:role:wolfguard_gateway_worker_launch_t:s0 to user:role:wolfguard_gateway_worker_t:s0:c3;
 * without the policy's domains, in a terminal, the type stays. */
static void set_category(const struct launch *launch, unsigned long slot)
{
    struct statfs mounted;
    if (statfs("/sys/fs/selinux", &mounted) != 0 || mounted.f_type != SELINUX_MAGIC) {
        errno = 0;
        return;
    }
    char context[CONTEXT_MAX], next[CONTEXT_MAX];
    if (!exchange("/proc/thread-self/attr/current", O_RDONLY, context, sizeof(context)))
        die("this process's SELinux context");
    char *role = strchr(context, ':'), *type = role != NULL ? strchr(role + 1, ':') : NULL;
    char *level = type != NULL ? strchr(type + 1, ':') : NULL;
    errno = 0;
    if (level == NULL)
        die("the SELinux context %s has no level; workers need a policy with categories (MCS)", context);
    size_t type_end = (size_t)(level - context), suffix = strlen(LAUNCHER_TYPE);
    bool launching = type_end > suffix && strncmp(level - suffix, LAUNCHER_TYPE, suffix) == 0;
    int kept = (int)(launching ? type_end - suffix : type_end);
    int sensitivity = (int)strcspn(level + 1, ":-\n");
    int length = snprintf(next, sizeof(next), "%.*s%s:%.*s:c%lu", kept, context, launching ? "_t" : "", sensitivity,
                          level + 1, slot);
    if (length < 0 || (size_t)length >= sizeof(next) || !exchange("/proc/thread-self/attr/exec", O_WRONLY, next, 0))
        die("SELinux refuses %s the context %s; load the policy module wolfguard_gateway", launch->process, next);
}

/* After the change of user, which clears it. A parent that died before shows as the end of the control channel. */
static void die_with_parent(void)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        die("parent death signal");
}

int main(int argc, char **argv)
{
    errno = 0;
    const struct launch *launch = find_launch();
    const int given = launch->per_slot ? 3 : 2;
    const bool learn = argc == given + 1;
    if (argc < given || argc > given + 1 || argv[1][0] != '/' || (learn && strcmp(argv[given], "log") != 0))
        die("usage: " NAME_PREFIX "%s /path/of/python%s [log]", launch->process, launch->per_slot ? " SLOT" : "");
    close_foreign_descriptors();
    set_limits(launch);
    umask(077);
    if (chdir("/") != 0)
        die("chdir /");
    if (launch->per_slot)
        set_category(launch, read_slot(launch, argv[2]));
    become(launch);
    die_with_parent();

    char module[64], process[64];
    snprintf(module, sizeof(module), "wolfguard.procs.%s", launch->process);
    snprintf(process, sizeof(process), "WOLFGUARD_PROCESS=%s", launch->process);
    char *const arguments[] = {argv[1], "-I", "-B", "-m", module, NULL};
    char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", process,
                                 learn ? "WOLFGUARD_FILTER=log" : NULL, NULL};
    execve(argv[1], arguments, environment);
    die("%s", argv[1]);
}
