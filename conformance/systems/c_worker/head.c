/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The C worker of fdconform: runs programs on the kernel it stands on, and speaks the wire protocol.
 *
 *     gcc -O2 worker.c -o worker            or, for a system without a C library:  gcc -O2 -static worker.c -o worker
 *     fdconform run --on "process:./worker"
 *
 * Three kinds of processes:
 *
 * - the *watcher*, which is started first. It starts the runner, and watches it: a call that sleeps, and that nobody
 *   can wake, is interrupted, and a program that takes longer than it may is killed. A shared page tells it
 *   which op of which program runs, and in which process.
 * - the *runner*, which reads messages, runs the programs of each, one after the other, and writes the answers.
 *   When it dies, so does the watcher: that is how the harness learns of a program that kills who runs it.
 * - a fork of the runner for each program that is to run alone, or that changes its process for good.
 *
 * Whoever runs programs keeps its own descriptors above the limit that programs see,
 * so programs are handed the numbers from 3 on and cannot reach them.
 *
 * What each op takes and does is in the table `ops`; how its arguments are read, in `prepare`.
 * Python's worker is the measure of this one: where it makes a call again after a signal, so does this.
 */
#define _GNU_SOURCE
#include <asm/termbits.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the numbers of flags, calls and errors on the wire are those of x86-64"
#endif

typedef __int128 wide; /* nanoseconds of a time whose seconds fill 64 bits */

enum { PROTOCOL = 1, FIRST_FD = 3, PRIVATE_FD_MIN = 512, PRIVATE_FD_MAX = 1023, PROGRAM_FDS = 256 };
enum { NEVER_OPENED = 1000, MAPPINGS_FROM = 4096, PROCESSES_FROM = 8192 }; /* see conformance/domains/ */
enum { PAGE = 4096, PATTERN_PERIOD = 251, ARGUMENTS_MAX = 10, MADE_MAX = 300, SLOTS_MAX = 4096 };
enum { NUDGE = SIGUSR1, GIVE_UP = SIGUSR2, LOOK_INTERVAL_MS = 2, PROCESSES_MAX = 1000, PID_LIMIT = 1 << 22 };
enum { SIG_IGNORE = 1, SIG_CATCH = 2 }; /* of the vocabulary */
static const long NS = 1000000000;

/* Shared by the watcher and all that run programs. `pid` is 0 while it changes who runs one. */
static volatile struct {
    unsigned op, program, pid, cpu_us, deadline_ms; /* up to cpu_us the harness on the same machine reads them as well */
    int waiting, processes; /* how many processes of the program wait, how many it has */
    pid_t process[PROCESSES_MAX];
} *shared;

static int answers = 1, null_fd = -1, home_fd = -1;
static char home[PATH_MAX];
static rlim_t descriptors_max = PROGRAM_FDS;

static void complain(const char *why);

/* Ends this process, and with it everything: the harness shows the reason. */
static void die(const char *format, ...) {
    char why[PATH_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(why, sizeof why, format, list);
    complain(why);
    _exit(1);
}

static void limit(int resource, rlim_t soft, rlim_t hard) { setrlimit(resource, &(struct rlimit){soft, hard}); }

/* A copy of a descriptor above the limit of programs, or -1; the original is closed. */
static int private(int fd) {
    struct rlimit before;
    if (fd < 0) return -1;
    getrlimit(RLIMIT_NOFILE, &before);
    limit(RLIMIT_NOFILE, PRIVATE_FD_MAX + 1, before.rlim_max);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, PRIVATE_FD_MIN);
    close(fd);
    setrlimit(RLIMIT_NOFILE, &before);
    return copy;
}

static size_t whole_pages(size_t length) { return (length + PAGE - 1) / PAGE * PAGE; }

static int private_file(const char *path) { return private(open(path, O_RDONLY | O_CLOEXEC)); }

static long long clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * NS + now.tv_nsec;
}
