/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first process of user-mode Linux, made and started by conformance.systems.uml: it mounts what programs need,
 * starts the worker, and hands it the messages that the console names the files of, up to an empty name.
 * When the worker has ended, it turns the machine off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Nothing can be done here, and whoever waits for a hello is told by standard error. */
static void check(int failed, const char *what) {
    if (!failed) return;
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    sync();
    reboot(RB_POWER_OFF);
}

static const char *told(const char *name) {
    const char *value = getenv(name);
    check(!value, name);
    return value;
}

static void prepare(void) {
    struct termios console;
    int errors = open(told("FDCONFORM_ERRORS"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    int tty = open("/dev/tty1", O_RDWR | O_NOCTTY);
    dup2(errors, 2);
    check(tty < 0 || dup2(tty, 0) || dup2(tty, 1) != 1 || tcgetattr(0, &console), "/dev/tty1");
    cfmakeraw(&console);
    check(tcsetattr(0, TCSANOW, &console), "the console");
    for (int fd = 3; fd <= tty || fd <= errors; fd++) close(fd);
    check(mkdir("/dev/pts", 0755) && errno != EEXIST, "/dev/pts");
    check(mount("proc", "/proc", "proc", 0, NULL), "/proc");
    check(mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666"), "/dev/pts");
    if (!strcmp(told("FDCONFORM_FILESYSTEM"), "tmpfs"))
        check(mount("tmpfs", told("FDCONFORM_DIRECTORY"), "tmpfs", 0, NULL), "the directory of programs");
}

static void hand_on(const char *name, FILE *worker) {
    char part[1 << 16];
    size_t length;
    FILE *message = fopen(name, "r");
    check(!message, name);
    while ((length = fread(part, 1, sizeof part, message))) fwrite(part, 1, length, worker);
    fflush(worker);
    fclose(message);
    unlink(name);
}

static void pump(FILE *worker) {
    char *name = NULL;
    size_t room = 0;
    for (ssize_t length; (length = getline(&name, &room, stdin)) > 1;) {
        name[length - 1] = 0;
        hand_on(name, worker);
    }
    _exit(0);
}

/* A session of its own: what leads another cannot be named from within. */
static void work(int messages) {
    setsid();
    dup2(messages, 0);
    execl(told("FDCONFORM_WORKER"), "worker", (char *)NULL);
    check(1, "the worker");
}

int main(void) {
    int ends[2];
    prepare();
    check(pipe2(ends, O_CLOEXEC), "a pipe");
    pid_t worker = fork();
    if (worker == 0) work(ends[0]);
    close(ends[0]);
    if (fork() == 0) pump(fdopen(ends[1], "w"));
    close(ends[1]);
    while (wait(NULL) != worker) continue;
    reboot(RB_POWER_OFF);
}
