/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A tight loop over the calls of many programs: the floor that the campaign path is measured against.
 *
 * The input is a flat file made by throughput.py. Each op is a function of libc with at most six arguments.
 * An argument is a number, the descriptor in a slot, a place in the data blob, or scratch memory;
 * patches put descriptors and addresses into structures in the blob before a call.
 * Between programs every descriptor is closed and the directory emptied, as the worker does,
 * and a program that changes its process for good runs in a fork, as it does there.
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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NUMBER, SLOT, BLOB, SCRATCH };
enum { NOTHING, RETURNED, PAIR };
enum { DESCRIPTOR, ADDRESS };
enum { FUNCTIONS_MAX = 128, SLOTS_MAX = 4096, ARGUMENTS_MAX = 6, SCRATCH_BYTES = 4 << 20 };
enum { FIRST_FD = 3, DESCRIPTORS_MAX = 256, PRIVATE_FD = 512, NEVER_OPENED = 1000, BLOCKED_AFTER_US = 4000 };
enum { FILE_BYTES_MAX = 1 << 21, WINDOW_BYTES = 1 << 26, PROCESSES_MAX = 64, MAPPINGS_MAX = 256 };

#define SCRATCH_RESERVED (1L << 33)

struct patch {
    int32_t kind, offset, value;
};

struct op {
    int32_t function, digest, result, slot[2], patches;
    int32_t kind[ARGUMENTS_MAX];
    int64_t value[ARGUMENTS_MAX];
};

typedef long (*call_t)(long, long, long, long, long, long);

/* Shared with the forks of programs: the digest, and the processes of the program that runs. */
struct shared {
    uint64_t digest;
    int32_t processes;
    pid_t process[PROCESSES_MAX];
};

static struct shared *shared;
static char *scratch;
static int home;
static struct {
    char *address;
    size_t length;
} mappings[MAPPINGS_MAX];
static int mapped;

static void quiet(int signal) { (void)signal; }

/* A call that would sleep for ever is woken by a timer; the programs are chosen so that few do. */
static void start_timer(void)
{
    struct itimerval tick = {{0, BLOCKED_AFTER_US}, {0, BLOCKED_AFTER_US}};
    setitimer(ITIMER_REAL, &tick, NULL);
}

static void note_process(pid_t pid)
{
    if (shared->processes < PROCESSES_MAX)
        shared->process[shared->processes++] = pid;
}

static void wait_for_the_end(void)
{
    close_range(0, PRIVATE_FD * 2 - 1, 0);
    for (;;)
        pause();
}

/* What the vocabulary has calls for and libc has not, found by name beside the functions of libc. */

long op_reopen(long fd, long flags)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", (int)fd);
    return open(path, flags, 0600);
}

long op_readlink(long fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", (int)fd);
    return readlink(path, scratch, 4096);
}

long op_truncate_fd(long fd, long length)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", (int)fd);
    return truncate(path, length);
}

long op_setrlimit(long resource, long soft)
{
    struct rlimit limit;
    getrlimit(resource, &limit);
    limit.rlim_cur = soft;
    return setrlimit(resource, &limit);
}

/* Nothing else lies near a mapping, as nothing does in the worker: some stores miss what they are meant for. */
long op_mmap(long fd, long length, long protection, long flags, long offset)
{
    if (mapped == MAPPINGS_MAX || length < 0 || length > WINDOW_BYTES / 2)
        return (long)mmap(NULL, length, protection, flags, -1, offset);
    char *window = mmap(NULL, WINDOW_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *address = mmap(window + WINDOW_BYTES / 4, length, protection, flags | MAP_FIXED, fd, offset);
    if (address == MAP_FAILED) {
        munmap(window, WINDOW_BYTES);
        return -1;
    }
    mappings[mapped].address = address;
    mappings[mapped++].length = length;
    return (long)address;
}

static void unmap(int mapping)
{
    munmap(mappings[mapping].address - WINDOW_BYTES / 4, WINDOW_BYTES);
    mappings[mapping].length = 0;
}

long op_munmap(long address)
{
    for (int i = 0; i < mapped; i++)
        if (mappings[i].address == (char *)address && mappings[i].length) {
            unmap(i);
            return 0;
        }
    errno = EINVAL;
    return -1;
}

long op_msync(long address, long flags)
{
    for (int i = 0; i < mapped; i++)
        if (mappings[i].address == (char *)address && mappings[i].length)
            return msync(mappings[i].address, mappings[i].length, flags);
    errno = ENOMEM;
    return -1;
}

long op_load(long address, long offset, long count)
{
    struct iovec local = {scratch, count}, remote = {(char *)address + offset, count};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
}

long op_store(long address, long offset, long data, long count)
{
    struct iovec local = {(char *)data, count}, remote = {(char *)address + offset, count};
    return process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
}

/* The list of mappings is read up to the one that is asked for. */
long op_mapping_path(long address)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char *line = NULL;
    size_t room = 0;
    long length = -1;
    while (maps && getline(&line, &room, maps) > 0)
        if (strtoul(line, NULL, 16) == (unsigned long)address) {
            length = strlen(line);
            break;
        }
    free(line);
    if (maps)
        fclose(maps);
    if (length < 0)
        errno = ENOENT;
    return length;
}

long op_spawn(void)
{
    pid_t pid = fork();
    if (pid == 0)
        wait_for_the_end();
    note_process(pid);
    return pid;
}

long op_descend(void)
{
    if (fork())
        wait_for_the_end();
    start_timer();
    note_process(getpid());
    return getpid();
}

long op_sigaction(long number, long ignored)
{
    struct sigaction action = {.sa_handler = ignored ? SIG_IGN : quiet};
    return sigaction(number, &action, NULL);
}

long op_sigprocmask(long how, long bits)
{
    sigset_t set;
    sigemptyset(&set);
    for (int number = 1; number < 64; number++)
        if (bits >> number & 1)
            sigaddset(&set, number);
    return sigprocmask(how, &set, NULL);
}

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

static void limit_descriptors(rlim_t limit)
{
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){limit, 2 * PRIVATE_FD});
}

static void tidy_up(void)
{
    close_range(FIRST_FD, DESCRIPTORS_MAX - 1, 0);
    for (; mapped; mapped--)
        if (mappings[mapped - 1].length)
            unmap(mapped - 1);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){FILE_BYTES_MAX, FILE_BYTES_MAX});
    fchdir(home);
    empty_directory();
}

static void run(char *place, int64_t length, call_t *functions, char *blob)
{
    static int64_t slots[SLOTS_MAX];
    uint64_t digest = shared->digest;
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
    shared->digest = digest;
}

/* A program in a fork of its own; its processes are killed and reaped behind it. */
static void run_apart(char *place, int64_t length, call_t *functions, char *blob)
{
    int ends[2];
    char end;
    pipe2(ends, O_CLOEXEC);
    limit_descriptors(2 * PRIVATE_FD);
    int outcome = fcntl(ends[0], F_DUPFD_CLOEXEC, PRIVATE_FD), answer = fcntl(ends[1], F_DUPFD_CLOEXEC, PRIVATE_FD);
    limit_descriptors(DESCRIPTORS_MAX);
    close(ends[0]);
    close(ends[1]);
    shared->processes = 0;
    if (fork() == 0) {
        close(outcome);
        start_timer();
        note_process(getpid());
        run(place, length, functions, blob);
        write(answer, "", 1);
        _exit(0);
    }
    close(answer);
    while (read(outcome, &end, 1) < 0 && errno == EINTR)
        continue;
    close(outcome);
    for (int32_t i = 0; i < shared->processes; i++)
        kill(shared->process[i], SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        continue;
}

static double seconds_of(int who)
{
    struct rusage used;
    getrusage(who, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
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
    /* Nothing else lies behind it: some reads ask for more than there is room. */
    scratch = mmap(NULL, SCRATCH_RESERVED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    mprotect(scratch, SCRATCH_BYTES, PROT_READ | PROT_WRITE);
    memset(scratch, 0, SCRATCH_BYTES);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int number = 1; number < NSIG; number++)
        if (number != SIGSEGV && number != SIGBUS && number != SIGABRT && number != SIGCHLD) {
            struct sigaction action = {.sa_handler = quiet};
            sigaction(number, &action, NULL);
        }
    int null = open("/dev/null", O_RDWR), report = fcntl(1, F_DUPFD_CLOEXEC, PRIVATE_FD);
    home = fcntl(open(".", O_RDONLY | O_DIRECTORY), F_DUPFD_CLOEXEC, PRIVATE_FD);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int fd = 0; fd < FIRST_FD; fd++)
        dup2(null, fd);
    close_range(FIRST_FD, DESCRIPTORS_MAX - 1, 0);
    limit_descriptors(DESCRIPTORS_MAX);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){FILE_BYTES_MAX, FILE_BYTES_MAX});
    start_timer();

    int64_t ops = 0;
    char *place = image + head[2];
    for (int64_t program = 0; program < head[1]; program++) {
        int64_t *about = (int64_t *)place; /* how many ops, how many bytes they take, whether they run apart */
        place = (char *)(about + 3);
        if (about[2])
            run_apart(place, about[0], functions, blob);
        else
            run(place, about[0], functions, blob);
        place += about[1];
        ops += about[0];
        tidy_up();
    }
    dprintf(report, "%lld %.6f %llx\n", (long long)ops, seconds_of(RUSAGE_SELF) + seconds_of(RUSAGE_CHILDREN),
            (unsigned long long)shared->digest);
    return 0;
}
