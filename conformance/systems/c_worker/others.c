/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ops on terminals, on readiness, on locks, between descriptors, and on processes.
 */

/* Terminals: no process of the worker leads a session, so only a program that made itself a leader gets one */

static int put_modes(const struct termios2 *modes) {
    put("{'iflag':%u,'oflag':%u,'cflag':%u,", modes->c_iflag, modes->c_oflag, modes->c_cflag);
    put("'lflag':%u,'cc':", modes->c_lflag);
    put_data(modes->c_cc, NCCS);
    return put("}");
}

OP(posix_openpt) { return opened(posix_openpt(a[0])); }

OP(unlockpt) { return unlockpt(a[0]); }

OP(open_slave) {
    int number;
    char path[32];
    if (ioctl(a[0], TIOCGPTN, &number)) return -1;
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    return open(path, a[1], 0);
}

OP(tcgetattr) {
    struct termios2 modes;
    return ioctl(a[0], TCGETS, &modes) ? -1 : put_modes(&modes);
}

OP(modes_and_speeds) {
    struct termios2 modes;
    if (ioctl(a[0], TCGETS2, &modes)) return -1;
    put("[");
    put_modes(&modes);
    return put(",{'input':%u,'output':%u}]", modes.c_ispeed, modes.c_ospeed);
}

OP(tcsetattr) {
    struct termios modes = {.c_iflag = part(v[2], "iflag", 0)->number, .c_oflag = part(v[2], "oflag", 1)->number,
                            .c_cflag = part(v[2], "cflag", 2)->number, .c_lflag = part(v[2], "lflag", 3)->number};
    struct iovec cc = payload(part(v[2], "cc", 4));
    if (a[1] < 0 || a[1] > 2) return fail(EINVAL);
    memcpy(modes.c_cc, cc.iov_base, cc.iov_len < NCCS ? cc.iov_len : NCCS);
    return ioctl(a[0], TCSETS + a[1], &modes);
}

OP(tcflush) { return ioctl(a[0], TCFLSH, (int)a[1]); }

OP(tcflow) { return ioctl(a[0], TCXONC, (int)a[1]); }

/* As tcsendbreak(3) of the GNU C library: durations are in milliseconds, and the kernel counts tenths of a second. */
OP(tcsendbreak) { return (int)a[1] <= 0 ? ioctl(a[0], TCSBRK, 0) : ioctl(a[0], TCSBRKP, ((int)a[1] + 99) / 100); }

OP(tcdrain) { return ioctl(a[0], TCSBRK, 1); }

OP(get_window) {
    struct winsize size;
    if (ioctl(a[0], TIOCGWINSZ, &size)) return -1;
    put("{'rows':%u,'cols':%u,", size.ws_row, size.ws_col);
    return put("'xpixel':%u,'ypixel':%u}", size.ws_xpixel, size.ws_ypixel);
}

OP(set_window) {
    struct winsize size = {part(v[2], "rows", 0)->number, part(v[2], "cols", 1)->number,
                           part(v[2], "xpixel", 2)->number, part(v[2], "ypixel", 3)->number};
    return ioctl(a[0], TIOCSWINSZ, &size);
}

OP(count_interrupts) { return ioctl(a[0], TIOCGICOUNT, (char[128]){0}); }

/* A request of root that reaches further than the program: a terminal is not asked. */
OP(refused_on_terminals) { return isatty(a[0]) ? fail(EPERM) : ioctl(a[0], a[1], &(int){0}); }

/* Readiness */

static int put_ready(const struct pollfd *fds, long count, int result) {
    if (result < 0) return -1;
    put("[");
    for (long i = 0; i < count; i++) put("%s%u", i ? "," : "", (unsigned short)fds[i].revents);
    return put("]");
}

/* Milliseconds as seconds and a rest, rounded down. */
static struct timespec fractional(long timeout, long in_ms) {
    long rest = (timeout % 1000 + 1000) % 1000;
    return (struct timespec){(timeout - rest) / 1000, rest * in_ms};
}

OP(poll) { return put_ready((struct pollfd *)a[0], a[1], syscall(SYS_poll, a[0], a[1], a[2])); }

OP(ppoll) {
    struct timespec timeout = fractional(a[2], 1000000);
    return put_ready((struct pollfd *)a[0], a[1], ppoll((void *)a[0], a[1], a[2] == -1 ? NULL : &timeout, NULL));
}

enum { SET_BITS = 1024 };
struct set { uint64_t words[SET_BITS / 64]; };

/* A handle of a mapping lies beyond what a set can hold, and is as little a descriptor as the number that none has. */
static void fill_set(struct set *set, const int *fds, long count, int *limit) {
    for (long i = 0; i < count; i++) {
        int fd = fds[i] < NEVER_OPENED ? fds[i] : NEVER_OPENED;
        set->words[fd / 64] |= 1UL << fd % 64;
        if (fd >= *limit) *limit = fd + 1;
    }
}

static void put_set(const uint64_t *words, int bits) {
    const char *before = "";
    put("[");
    for (int bit = 0; bit < bits; bit++) {
        if (!(words[bit / 64] >> bit % 64 & 1)) continue;
        put("%s%d", before, bit);
        before = ",";
    }
    put("]");
}

OP(select) {
    struct set sets[3] = {0};
    int limit = 0;
    for (int i = 0; i < 3; i++) fill_set(&sets[i], (int *)a[2 * i], a[2 * i + 1], &limit);
    struct timespec rest = fractional(a[6], 1000);
    struct timeval timeout = {rest.tv_sec, rest.tv_nsec};
    fd_set *read = (fd_set *)&sets[0], *write = (fd_set *)&sets[1], *urgent = (fd_set *)&sets[2];
    if (select(limit, read, write, urgent, a[6] == -1 ? NULL : &timeout) < 0) return -1;
    for (int i = 0; i < 3; i++) put(i ? "," : "["), put_set(sets[i].words, SET_BITS);
    return put("]");
}

OP(epoll_ctl) { return epoll_ctl(a[0], a[1], a[2], &(struct epoll_event){.events = a[3], .data.u64 = a[4]}); }

OP(epoll_wait) {
    struct epoll_event *events = (struct epoll_event *)scratch;
    int count = epoll_wait(a[0], events, a[1], a[2]);
    if (count < 0) return -1;
    for (int i = 0; i < count; i++)
        put("%s[%u,%lu]", i ? "," : "[", events[i].events, (unsigned long)events[i].data.u64);
    return put(count ? "]" : "[]");
}

/* Locks: inodes that belong to the machine are not locked, for other programs that run at the same time lock them */

static bool is_shared(int fd) {
    struct stat found;
    if (fstat(fd, &found)) return false;
    int number = major(found.st_rdev);
    return !(found.st_mode & S_IFMT) || (S_ISCHR(found.st_mode) && (number == 1 || number == 5));
}

OP(flock) {
    long wanted = a[1] & ~LOCK_NB;
    if ((wanted == LOCK_SH || wanted == LOCK_EX) && is_shared(a[0])) return flock(a[0], LOCK_UN) ? -1 : fail(ENOLCK);
    return flock(a[0], a[1]);
}

/* How large a directory is, is its file system's own business: no range is counted from its end. */
OP(record_lock) {
    bool asks = a[1] == F_GETLK || a[1] == F_OFD_GETLK;
    int setting = a[1] == F_GETLK ? F_SETLK : a[1] == F_OFD_GETLK ? F_OFD_SETLK : a[1];
    struct flock lock = {part(v[2], "type", 0)->number, part(v[2], "whence", 1)->number,
                         part(v[2], "start", 2)->number, part(v[2], "len", 3)->number, part(v[2], "pid", 4)->number};
    struct stat found;
    if (lock.l_whence == SEEK_END && !fstat(a[0], &found) && S_ISDIR(found.st_mode)) {
        struct flock probe = {a[1] == F_GETLK ? lock.l_type : F_RDLCK, SEEK_SET, 0, 0, 0};
        return fcntl(a[0], F_GETLK, &probe) ? -1 : fail(ENOLCK);
    }
    if ((lock.l_type == F_RDLCK || lock.l_type == F_WRLCK) && is_shared(a[0])) {
        lock.l_type = F_UNLCK;
        return fcntl(a[0], setting, &lock) ? -1 : fail(ENOLCK);
    }
    long result = fcntl(a[0], a[1], &lock);
    if (result < 0 || !asks) return result;
    int number = process_number(lock.l_pid);
    put("{'type':%d,'whence':%d,'start':%ld,", lock.l_type, lock.l_whence, (long)lock.l_start);
    return put("'len':%ld,'pid':%d}", (long)lock.l_len, number ? number : lock.l_pid);
}

/* Between two descriptors: offset -1 stands for no offset */

static long between(int call, long *a) {
    loff_t in = a[1], to = a[3];
    long moved = syscall(call, a[0], in == -1 ? NULL : &in, a[2], to == -1 ? NULL : &to, a[4], a[5]);
    return moved < 0 ? -1 : put("[%ld,%ld,%ld]", moved, (long)in, (long)to);
}

OP(splice) { return between(SYS_splice, a); }

OP(copy_file_range) { return between(SYS_copy_file_range, a); }

OP(sendfile) {
    off_t offset = a[2];
    ssize_t moved = sendfile(a[0], a[1], offset == -1 ? NULL : &offset, a[3]);
    return moved < 0 ? -1 : put("[%zd,%ld]", moved, (long)offset);
}

/* A pipe holds the very memory that it is given: each call gives fresh pages, and lets go of them. */
OP(vmsplice) {
    struct iovec *vector = (struct iovec *)a[1];
    size_t all = PAGE, at = 0;
    for (long i = 0; i < a[2]; i++) all += whole_pages(vector[i].iov_len);
    char *memory = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) die("no memory for a pipe");
    for (long i = 0; i < a[2]; at += whole_pages(vector[i++].iov_len))
        vector[i].iov_base = memcpy(memory + at, vector[i].iov_base, vector[i].iov_len);
    long moved = syscall(SYS_vmsplice, a[0], vector, a[2], a[3]);
    int number = errno;
    munmap(memory, all);
    errno = number;
    return moved;
}

OP(save) { return 0; }

OP(restore) { return 0; }

/* Processes: ids are given to programs as the numbers in which they were made */

/* The kernel kills this process when its parent dies, which may have happened already. */
static void die_with(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
}

static void note_process(pid_t pid) {
    if (shared->processes == PROCESSES_MAX) die("was sent a program with more than %d processes", PROCESSES_MAX);
    shared->process[shared->processes++] = pid;
}

/* Holds nothing, hears nothing, and waits to be killed. */
static void wait_for_the_end(pid_t parent) {
    sigset_t all;
    die_with(parent);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    unmap_all();
    syscall(SYS_close_range, 0, PRIVATE_FD_MAX, 0);
    __atomic_add_fetch(&shared->waiting, 1, __ATOMIC_SEQ_CST);
    for (;;) pause();
}

/* Notes a process; its number, when all but the caller wait. Does not sleep meanwhile: the watcher looks for that. */
static int note_beside_waiting(pid_t pid) {
    note_process(pid);
    while (shared->waiting < shared->processes - 1) sched_yield();
    return shared->processes;
}

OP(spawn) {
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) wait_for_the_end(parent);
    return pid < 0 ? -1 : note_beside_waiting(pid);
}

/* The child goes on with the program. */
OP(descend) {
    pid_t grandparent = getppid(), parent = getpid();
    shared->pid = 0;
    pid_t pid = fork();
    if (pid > 0) wait_for_the_end(grandparent);
    if (pid == 0) die_with(parent);
    int number = pid < 0 ? -1 : note_beside_waiting(getpid());
    shared->pid = getpid();
    return number;
}

/* The id of a number; one that no process has for a positive number that no process of the program has. */
static pid_t pid_of(int number) {
    if (number > 0 && number <= shared->processes) return shared->process[number - 1];
    return number > 0 && number <= PID_LIMIT ? number + PID_LIMIT : number;
}

static long numbered(pid_t pid) { return pid < 0 ? -1 : process_number(pid); }

OP(setsid) { return numbered(setsid()); }

OP(getsid) { return numbered(getsid(pid_of(a[0]))); }

OP(getpgid) { return numbered(getpgid(pid_of(a[0]))); }

OP(setpgid) { return setpgid(pid_of(a[0]), pid_of(a[1])); }

OP(sigaction) { return react(a[0], a[1] == SIG_IGNORE ? SIG_IGN : record); }

OP(sigprocmask) {
    uint64_t set = 0, before = 0; /* a bit for each signal, counted from 1 in the kernel */
    for (long i = 0; i < a[2]; i++) set |= 1UL << (((int *)a[1])[i] - 1);
    if (syscall(SYS_rt_sigprocmask, a[0], &set, &before, sizeof set)) return -1;
    before <<= 1;
    return put_set(&before, NSIG - 1), 0;
}

OP(set_foreground) { return ioctl(a[0], TIOCSPGRP, &(pid_t){pid_of(a[2])}); }

OP(asks_for_process) {
    pid_t pid = 0;
    return ioctl(a[0], a[1], &pid) ? -1 : process_number(pid);
}
