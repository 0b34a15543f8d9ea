/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A tight loop over the calls of many programs: the floor that the campaign path is measured against.
 *
 * The input is a flat file made by throughput.py. Each op is a function of libc with at most six arguments.
 * An argument is a number, the descriptor in a slot, a place in the data blob, or scratch memory;
 * patches put descriptors and addresses into structures in the blob before a call.
 * Between programs every descriptor is closed and the directory emptied, as the worker does.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { NUMBER, SLOT, BLOB, SCRATCH };
enum { NOTHING, RETURNED, PAIR };
enum { DESCRIPTOR, ADDRESS };
enum { FUNCTIONS_MAX = 128, SLOTS_MAX = 4096, ARGUMENTS_MAX = 6, SCRATCH_BYTES = 4 << 20 };
enum { FIRST_FD = 3, DESCRIPTORS_MAX = 256, NEVER_OPENED = 1000, BLOCKED_AFTER_US = 4000 };

struct patch {
    int32_t kind, offset, value;
};

struct op {
    int32_t function, digest, result, slot[2], patches;
    int32_t kind[ARGUMENTS_MAX];
    int64_t value[ARGUMENTS_MAX];
};

typedef long (*call_t)(long, long, long, long, long, long);

static void quiet(int signal) { (void)signal; }

static uint64_t digest_of(const unsigned char *data, long length)
{
    uint64_t digest = 14695981039346656037u, word;
    for (; length >= 8; length -= 8, data += 8) {
        memcpy(&word, data, 8);
        digest = (digest ^ word) * 1099511628211u;
    }
    while (length-- > 0)
        digest = (digest ^ *data++) * 1099511628211u;
    return digest;
}

static void empty_directory(void)
{
    DIR *directory = opendir(".");
    struct dirent *entry;
    while (directory && (entry = readdir(directory)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            unlinkat(AT_FDCWD, entry->d_name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0);
    if (directory)
        closedir(directory);
}

int main(int count, char **arguments)
{
    if (count != 3) {
        fprintf(stderr, "usage: loop INPUT DIRECTORY\n");
        return 64;
    }
    int input = open(arguments[1], O_RDONLY);
    struct stat size;
    if (input < 0 || fstat(input, &size) || chdir(arguments[2])) {
        perror("loop");
        return 64;
    }
    char *image = mmap(NULL, size.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE, input, 0);
    int64_t *head = (int64_t *)image; /* names, programs, offset of the ops, offset of the blob */
    char *names = image + 4 * sizeof *head;
    call_t functions[FUNCTIONS_MAX];
    for (int64_t i = 0; i < head[0]; i++, names += strlen(names) + 1)
        if (!(functions[i] = (call_t)dlsym(RTLD_DEFAULT, names))) {
            fprintf(stderr, "loop: libc has no %s\n", names);
            return 64;
        }
    char *blob = image + head[3];
    char *scratch = mmap(NULL, SCRATCH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    static int64_t slots[SLOTS_MAX];
    for (int number = 1; number < NSIG; number++)
        if (number != SIGSEGV && number != SIGBUS && number != SIGABRT && number != SIGCHLD) {
            struct sigaction action = {.sa_handler = quiet};
            sigaction(number, &action, NULL);
        }
    int null = open("/dev/null", O_RDWR), report = dup(1);
    report = fcntl(report, F_DUPFD_CLOEXEC, 512);
    for (int fd = 0; fd < FIRST_FD; fd++)
        dup2(null, fd);
    close_range(FIRST_FD, DESCRIPTORS_MAX - 1, 0);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){DESCRIPTORS_MAX, DESCRIPTORS_MAX});
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 21, 1 << 21});
    /* A call that would sleep for ever is woken by a timer; the programs are chosen so that few do. */
    struct itimerval tick = {{0, BLOCKED_AFTER_US}, {0, BLOCKED_AFTER_US}};
    setitimer(ITIMER_REAL, &tick, NULL);

    uint64_t digest = 0;
    int64_t ops = 0;
    char *place = image + head[2];
    for (int64_t program = 0; program < head[1]; program++) {
        int64_t length = *(int64_t *)place;
        place += sizeof length;
        for (int slot = 0; slot < SLOTS_MAX && slot < 4 * length; slot++)
            slots[slot] = NEVER_OPENED;
        for (int64_t index = 0; index < length; index++) {
            struct op *op = (struct op *)place;
            struct patch *patch = (struct patch *)(op + 1);
            place = (char *)(patch + op->patches);
            for (int32_t i = 0; i < op->patches; i++, patch++)
                if (patch->kind == DESCRIPTOR)
                    *(int32_t *)(blob + patch->offset) = slots[patch->value];
                else
                    *(char **)(blob + patch->offset) = patch->value < 0 ? scratch : blob + patch->value;
            long a[ARGUMENTS_MAX];
            for (int i = 0; i < ARGUMENTS_MAX; i++)
                switch (op->kind[i]) {
                case NUMBER: a[i] = op->value[i]; break;
                case SLOT: a[i] = slots[op->value[i]]; break;
                case BLOB: a[i] = (long)(blob + op->value[i]); break;
                default: a[i] = (long)(scratch + op->value[i]);
                }
            long result = functions[op->function](a[0], a[1], a[2], a[3], a[4], a[5]);
            if ((int)result == -1) {
                digest = digest * 31 + errno;
            } else if (op->result == RETURNED) {
                slots[op->slot[0]] = result;
            } else if (op->result == PAIR) {
                slots[op->slot[0]] = ((int *)scratch)[0];
                slots[op->slot[1]] = ((int *)scratch)[1];
            }
            digest = digest * 31 + result;
            if (op->digest && result > 0)
                digest ^= digest_of((unsigned char *)scratch, result < SCRATCH_BYTES ? result : SCRATCH_BYTES);
        }
        ops += length;
        close_range(FIRST_FD, DESCRIPTORS_MAX - 1, 0);
        empty_directory();
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    dprintf(report, "%lld %.6f %llx\n", (long long)ops,
            used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
            (unsigned long long)digest);
    return 0;
}
