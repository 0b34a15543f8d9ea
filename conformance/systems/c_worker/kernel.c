/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What has to be known of the kernel around the calls: signals, work that it does later, numbers that it chooses.
 */

/* Signals ----------------------------------------------------------------------------------------------------- */

static const int RECORDED[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTSTP, SIGURG, SIGXFSZ,
                               SIGWINCH, SIGIO, SIGCONT, SIGTTIN, SIGTTOU};
static uint64_t raised; /* a bit for each signal since the last op */
static volatile sig_atomic_t stopped, given_up;

/* A call that a terminal stopped ends here: begun again, it would be stopped again. */
static void record(int number) {
    __atomic_or_fetch(&raised, 1UL << number, __ATOMIC_RELAXED);
    if (number == SIGTTIN || number == SIGTTOU) stopped = 1;
}

/* Being woken is all: a call returns what it has moved, or says that it was interrupted. */
static void wake(int number) {
    if (number == GIVE_UP) given_up = 1;
}

/* What was in force before is returned. No handler has a call made again (signal(7)). */
static int react(int number, void (*handler)(int)) {
    struct sigaction before, action = {.sa_handler = handler};
    sigaction(number, &action, &before);
    return before.sa_handler == SIG_IGN ? SIG_IGNORE : SIG_CATCH;
}

/* Rings of sockets that wait in each other's queues ------------------------------------------------------------ */

/* The kernel looks for such rings on a worker of its own, some time after a Unix socket of the machine was closed.
 * To know that it has looked, a small ring that holds the end of a pipe is built and abandoned:
 * when the pipe reports the end of its writers, every ring that was abandoned earlier has been found.
 * What was found together is closed by another worker in any order, ours perhaps before the others; but it closes
 * all of that before it turns to what is found later: so a second small ring is built when the first is gone.
 * Every socket that was sent through another may be in a ring; seeing too many costs time and nothing else. */
enum { TRAVELLERS_MAX = 256, LOOKS_MAX = 2000, LOOKS_WITHOUT_SIGN = 30 };
static ino_t travellers[TRAVELLERS_MAX];
static int travellers_count;
static bool received; /* since the last look */
static uint64_t looked_at;

static void sent_through(const int *rights, int count) {
    struct stat found;
    for (int i = 0; i < count && travellers_count < TRAVELLERS_MAX; i++)
        if (!fstat(rights[i], &found) && S_ISSOCK(found.st_mode)) travellers[travellers_count++] = found.st_ino;
}

/* Whether a ring may have been abandoned since the last look: something was closed, or a message received. */
static bool abandoned_ring(void) {
    uint64_t open_now = 0;
    bool open[TRAVELLERS_MAX] = {false}, all = true, before = received;
    struct stat found;
    for (int fd = 0; travellers_count && fd < PROGRAM_FDS; fd++) {
        if (fstat(fd, &found)) continue;
        open_now += (found.st_ino + 1) * 0x9E3779B97F4A7C15u;
        for (int i = 0; i < travellers_count; i++) open[i] |= travellers[i] == found.st_ino;
    }
    for (int i = 0; i < travellers_count; i++) all &= open[i];
    bool changed = before || open_now != looked_at;
    looked_at = open_now;
    received = false;
    return !all && changed;
}

static bool send_two(int through, int one, int other) {
    struct iovec segment = {"x", 1};
    struct { struct cmsghdr head; int rights[2]; } control = {{CMSG_LEN(8), SOL_SOCKET, SCM_RIGHTS}, {one, other}};
    struct msghdr message = {NULL, 0, &segment, 1, &control, sizeof control, 0};
    return sendmsg(through, &message, 0) >= 0;
}

/* Returns when the kernel has closed a small ring; false when it never does.
 * Each look is short, so that the process is not taken for one that sleeps for good. */
static bool abandon_and_wait(int looks) {
    int ends[2], pair[2];
    bool gone = false;
    if (pipe2(ends, O_CLOEXEC)) return false;
    bool paired = !socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    /* A program may have as many descriptors in flight as its user may: then there is nothing to wait for but time. */
    bool sent = paired && send_two(pair[1], pair[0], ends[1]);
    if (sent) close(ends[1]);
    if (paired) close(pair[0]), close(pair[1]);
    struct pollfd writers = {ends[0], 0, 0};
    for (looks = sent ? looks : paired ? LOOKS_WITHOUT_SIGN : 0; looks-- > 0 && !gone;) gone = poll(&writers, 1, 1) > 0;
    close(ends[0]);
    if (!sent) close(ends[1]);
    return gone;
}

/* Returns when the kernel has closed every ring that is abandoned now. */
static void collect_rings(void) {
    if (abandon_and_wait(LOOKS_MAX)) abandon_and_wait(LOOKS_MAX);
}

/* Waiting for the kernel's own workers -------------------------------------------------------------------------- */

/* Terminal data crosses the line discipline on a kernel worker, some microseconds after the write returned.
 * A worker is woken before the write returns, and is not idle until its work is done:
 * so when every worker is idle, and is so at a second look, no work is under way.
 * Workers come and go: a new thread is the newest process, and then they are listed again.
 * Where the workers cannot be seen (a process namespace of its own), time is all that can be given. */
enum { THREADS_MAX = 4096, UNSEEN_WAIT_NS = 2000000, STAT_BYTES = 64 };
static struct {
    int pid, state; /* a descriptor of /proc/PID/stat, -1 for a thread that is no such worker */
    bool running;
} threads[THREADS_MAX];
static int threads_count, load_fd = -2, children_fd;
static char newest[STAT_BYTES + 1]; /* the number of the newest process, at the end of /proc/loadavg */

static bool read_start(int fd, char *text) {
    ssize_t length = pread(fd, text, STAT_BYTES, 0);
    text[length > 0 ? length : 0] = 0;
    return length >= 0;
}

static void look_at_thread(int pid) {
    char path[32], text[STAT_BYTES + 1];
    for (int i = 0; i < threads_count; i++)
        if (threads[i].pid == pid) {
            threads[i].running = true;
            return;
        }
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int state = private_file(path);
    /* It ended, or the program uses up every descriptor: it is looked at when the list changes next. */
    if (state < 0 || threads_count == THREADS_MAX) return;
    bool worker = read_start(state, text) && strstr(text, "(kworker/u");
    if (!worker) close(state);
    threads[threads_count].pid = pid;
    threads[threads_count].state = worker ? state : -1;
    threads[threads_count++].running = true;
}

static void list_workers(void) {
    static char text[1 << 16];
    ssize_t length = pread(children_fd, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = 0;
    for (int i = 0; i < threads_count; i++) threads[i].running = false;
    for (char *at = text, *end; strtol(at, &end, 10); at = end) look_at_thread(strtol(at, NULL, 10));
    for (int i = threads_count; i-- > 0;) {
        if (threads[i].running) continue;
        if (threads[i].state >= 0) close(threads[i].state);
        threads[i] = threads[--threads_count];
    }
}

/* Whether all processes that were made since the one of a number, up to that of another, are the program's own. */
static bool made_by_program(int before, int last) {
    int left = last - before;
    for (int i = 0; i < shared->processes; i++) left -= shared->process[i] > before && shared->process[i] <= last;
    return last > before && !left;
}

static bool all_idle(void) {
    char text[STAT_BYTES + 1], *last;
    if (read_start(load_fd, text) && (last = strrchr(text, ' ')) && strcmp(last, newest)) {
        bool known = made_by_program(atoi(newest), atoi(last));
        strcpy(newest, last);
        if (!known) return list_workers(), false;
    }
    for (int i = 0; i < threads_count; i++) {
        if (threads[i].state < 0) continue;
        if (!read_start(threads[i].state, text)) *newest = 0; /* It ended: it is looked for in the list again. */
        if (!strstr(text, ") I ")) return false;
    }
    return true;
}

/* Gives up the processor and never sleeps: a process that sleeps is what the watcher looks for. */
static void wait_for_workers(void) {
    if (load_fd == -2) {
        children_fd = private_file("/proc/2/task/2/children");
        load_fd = children_fd < 0 ? -1 : private_file("/proc/loadavg");
    }
    long long until = clock_ns(CLOCK_MONOTONIC) + UNSEEN_WAIT_NS;
    while (load_fd < 0 && clock_ns(CLOCK_MONOTONIC) < until) sched_yield();
    for (int agreeing = 0; load_fd >= 0 && agreeing < 2;) {
        agreeing = all_idle() ? agreeing + 1 : 0;
        if (!agreeing) sched_yield();
    }
}

/* What names an inode, as numbers that another run gives too ------------------------------------------------------ */

/* A file system may give the number of an inode that is gone to the next one: its handle holds a generation besides.
 * /dev/pts does so with its numbers: the masters that were opened are counted. */
enum { KNOWN_MAX = 2048, PTYS = 4096, HANDLE_FID = 0x200, HANDLE_BYTES = 128, PTY_SLAVE_MAJOR = 136 };

struct identity {
    dev_t device;
    ino_t inode;
    unsigned masters, handle_bytes;
    unsigned char handle[HANDLE_BYTES];
};

/* Things by the order in which they were first asked for. */
static struct known {
    int count;
    struct identity things[KNOWN_MAX];
} inodes, devices, terminals;
static unsigned masters[PTYS];
static bool terminals_opened;
static long long started_ns;

static int place_of(struct known *known, const struct identity *asked) {
    int i = 0;
    while (i < known->count && memcmp(&known->things[i], asked, sizeof *asked)) i++;
    if (i == KNOWN_MAX) die("was sent a program that sees more than %d inodes", KNOWN_MAX);
    if (i == known->count) known->things[known->count++] = *asked;
    return i;
}

static bool is_slave(mode_t mode, dev_t node) {
    return S_ISCHR(mode) && major(node) >= PTY_SLAVE_MAJOR && major(node) < PTY_SLAVE_MAJOR + 8;
}

/* Takes note of a descriptor if it is the master of a new pseudoterminal. */
static int opened(int fd) {
    unsigned number;
    if (fd >= 0 && !ioctl(fd, TIOCGPTN, &number)) terminals_opened = ++masters[number % PTYS];
    return fd;
}

static struct identity identity_of(int fd, dev_t device, ino_t inode, mode_t mode, dev_t node) {
    struct identity made = {.device = device, .inode = inode};
    struct { struct file_handle head; unsigned char bytes[HANDLE_BYTES]; } found = {.head.handle_bytes = HANDLE_BYTES};
    int mount;
    if (is_slave(mode, node)) {
        made.masters = masters[minor(node) % PTYS];
    } else if (!name_to_handle_at(fd, "", &found.head, &mount, AT_EMPTY_PATH | HANDLE_FID)) {
        made.handle_bytes = found.head.handle_bytes;
        memcpy(made.handle, found.head.f_handle, made.handle_bytes);
    }
    return made;
}

/* The place of an inode among those that the program was shown, from 1 on. */
static int inode_number(const struct identity *asked) { return 1 + place_of(&inodes, asked); }

/* The place of a file system; 0 for one that holds a device node of the machine. */
static int device_number(dev_t device, mode_t mode, dev_t node) {
    return S_ISCHR(mode) && !is_slave(mode, node) ? 0 : 1 + place_of(&devices, &(struct identity){.device = device});
}

/* The place of a pseudoterminal, from 0 on. */
static int terminal_number(unsigned number) {
    return place_of(&terminals, &(struct identity){.inode = number, .masters = masters[number % PTYS]});
}

/* The number of a process of the program, the first being 1; 0 for any other. */
static int process_number(pid_t pid) {
    for (int i = 0; i < shared->processes; i++)
        if (shared->process[i] == pid) return i + 1;
    return !shared->processes && pid == getpid();
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

/* Puts a number where a text has other digits. */
static void renumber(char *digits, int number) {
    char rest[PATH_MAX];
    snprintf(rest, sizeof rest, "%s", digits + strspn(digits, "0123456789"));
    sprintf(digits, "%d%s", number, rest);
}

/* A path below the program's directory is made what it is from there. */
static bool made_own(char *text) {
    size_t length = strlen(home);
    if (strncmp(text, home, length) || (text[length] && text[length] != '/')) return false;
    *text = '.';
    memmove(text + 1, text + length, strlen(text + length) + 1);
    return true;
}

/* Puts the place of an inode for its number where a text names it: pipe:[8], /tmp/#8 (deleted). */
static void renumber_inode(char *text, const struct identity *inode) {
    char form[48];
    static const char *const forms[] = {"pipe:[%lu]", "socket:[%lu]", "/#%lu (deleted)"};
    for (int i = 0; i < 3; i++) {
        snprintf(form, sizeof form, forms[i], (unsigned long)inode->inode);
        if (i < 2 ? strcmp(text, form) : !ends_with(text, form)) continue;
        renumber(strrchr(text, i < 2 ? '[' : '#') + 1, inode_number(inode));
        return;
    }
}

/* The text of a link that leads to a descriptor, with all that depends on the run made as in another. */
static int put_link(int fd, char *text) {
    static const char pts[] = "/dev/pts/", proc[] = "/proc/", self[] = "/proc/self";
    struct stat found;
    if (fstat(fd, &found)) return -1;
    if (is_slave(found.st_mode, found.st_rdev)) {
        char *path = strstr(text, pts);
        if (path) renumber(path + strlen(pts), terminal_number(minor(found.st_rdev)));
        return put_text(text);
    }
    struct identity inode = identity_of(fd, found.st_dev, found.st_ino, found.st_mode, found.st_rdev);
    renumber_inode(text, &inode);
    if (made_own(text)) return put_text(text);
    if (ends_with(text, "/dev/pts/ptmx")) strcpy(text + strlen(text) - strlen("pts/ptmx"), "ptmx");
    size_t digits = strncmp(text, proc, strlen(proc)) ? 0 : strspn(text + strlen(proc), "0123456789");
    char *rest = text + strlen(proc) + digits;
    if (digits && !strncmp(rest, "/fd/", strlen("/fd/"))) {
        memmove(text + strlen(self), rest, strlen(rest) + 1);
        memcpy(text, self, strlen(self));
    }
    return put_text(text);
}
