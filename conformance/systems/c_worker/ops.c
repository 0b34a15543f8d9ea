/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which ops there are, and how one is run.
 */

/* The ops --------------------------------------------------------------------------------------------------------- */

enum trait {
    RETRY = 1,      /* made again after a signal that does not end it */
    DATA = 2,       /* gives data, as much as it returns, in the scratch buffer */
    GATHER = 4,     /* gives data, in the vector that it was given */
    FD = 8,         /* returns a descriptor */
    MAPPING = 16,   /* returns the handle of a mapping */
    PROCESS = 32,   /* returns the number of a process */
    STILL = 64,     /* neither moves terminal data nor lets any move */
    TRANSFER = 128, /* moves terminal data only when its descriptor is a terminal */
    LETS_GO = 256,  /* can give up the last reference to a socket from outside a ring */
    NAMES = 512,    /* leaves something in the directory */
    NUMBERS = 1024, /* can reach the numbers 0 to 2 */
    APART = 2048,   /* changes its process for good */
    PTY = 4096,     /* makes an object whose data the kernel moves behind the program's back */
    RIGHTS = 8192,  /* can build a ring of sockets */
};

struct op {
    const char *name;                    /* as `fdconform list ops` has it */
    const char *takes;                   /* how its arguments are read: see `prepare` */
    long number;                         /* the call of the kernel, where there is no function */
    long (*act)(long *, struct value **);
    unsigned traits, command;            /* the command is that of fcntl and ioctl */
};

#define NAMED(name, number, takes, traits) {name, takes, number, NULL, traits, 0}
#define CALL(name, takes, traits) {#name, takes, SYS_##name, NULL, traits, 0}
#define OWN(name, takes, traits) {#name, takes, 0, op_##name, traits, 0}
#define FCNTL(command, takes, traits) {"fcntl(" #command ")", takes, SYS_fcntl, NULL, (traits) | STILL, command}
#define LOCK(command) {"fcntl(" #command ")", "fcx", 0, op_record_lock, STILL, command}
#define IOCTL(command, takes, traits) {"ioctl(" #command ")", takes, SYS_ioctl, NULL, (traits) | STILL, command}
#define IOCTL_OWN(command, takes, act) {"ioctl(" #command ")", takes, 0, op_##act, STILL, command}

static const struct op ops[] = {
    /* Descriptors */
    CALL(open, "pnn", FD | STILL | NAMES), OWN(reopen, "fn", FD), OWN(readlink_fd, "f", STILL),
    CALL(close, "f", LETS_GO), OWN(close_range, "NNn", LETS_GO | NUMBERS), CALL(dup, "f", FD | STILL),
    CALL(dup2, "fN", FD | LETS_GO | NUMBERS), CALL(dup3, "fNn", FD | LETS_GO | NUMBERS),
    FCNTL(F_DUPFD, "fcn", FD), FCNTL(F_DUPFD_CLOEXEC, "fcn", FD), FCNTL(F_GETFD, "fc", 0),
    FCNTL(F_SETFD, "fcn", 0), FCNTL(F_GETFL, "fc", 0), FCNTL(F_SETFL, "fcn", 0),
    IOCTL(FIONBIO, "fci", 0), IOCTL(FIOASYNC, "fci", 0),
    IOCTL_OWN(FIONREAD, "fc", gives_int), IOCTL_OWN(FIGETBSZ, "fc", gives_int),
    /* Data, position and extent */
    CALL(read, "fsn", RETRY | DATA | TRANSFER | LETS_GO), CALL(write, "fd", RETRY | TRANSFER),
    CALL(readv, "fv", RETRY | GATHER | TRANSFER | LETS_GO), CALL(writev, "fw", RETRY | TRANSFER),
    NAMED("pread", SYS_pread64, "fsnn", DATA | TRANSFER), NAMED("pwrite", SYS_pwrite64, "fdn", RETRY | TRANSFER),
    CALL(preadv2, "fvn0n", RETRY | GATHER | TRANSFER | LETS_GO), CALL(pwritev2, "fwn0n", RETRY | TRANSFER),
    CALL(lseek, "fnn", STILL), CALL(truncate, "pn", STILL), OWN(truncate_fd, "fn", STILL),
    CALL(ftruncate, "fn", STILL), CALL(fallocate, "fnnn", STILL), CALL(fsync, "f", STILL),
    CALL(fdatasync, "f", STILL), CALL(sync_file_range, "fnnn", STILL), CALL(syncfs, "f", STILL),
    NAMED("posix_fadvise", SYS_fadvise64, "fnnn", STILL), CALL(readahead, "fnn", STILL), OWN(setrlimit, "nn", STILL),
    /* Attributes and names */
    OWN(fstat, "f", STILL), OWN(statx, "fnn", STILL), OWN(fstatfs, "f", STILL), OWN(faccessat_fd, "fnn", STILL),
    OWN(fsetxattr, "fpdn", STILL), OWN(fgetxattr, "fpn", STILL), OWN(flistxattr, "fn", STILL),
    CALL(fremovexattr, "fp", STILL), OWN(fchmod, "fn", STILL), OWN(fchown, "fnn", STILL), OWN(futimens, "fxx", STILL),
    CALL(unlink, "p", STILL), CALL(link, "pp", STILL | NAMES), CALL(symlink, "pp", STILL | NAMES),
    CALL(mkdir, "pn", STILL | NAMES), OWN(mkfifo, "pn", STILL | NAMES), OWN(getdents, "fn", STILL),
    OWN(fchdir, "f", STILL), OWN(readlinkat, "fp", STILL),
    /* Memory */
    CALL(memfd_create, "pn", FD | STILL), FCNTL(F_ADD_SEALS, "fcn", 0), FCNTL(F_GET_SEALS, "fc", 0),
    OWN(mmap, "fnnnn", MAPPING | STILL), OWN(load, "Mnn", STILL), OWN(store, "Mnd", STILL), OWN(msync, "Mn", STILL),
    OWN(mapping_path, "M", STILL), OWN(munmap, "M", STILL),
    /* Pipes, and from one descriptor to another */
    OWN(pipe2, "n", STILL), FCNTL(F_SETPIPE_SZ, "fcn", 0), FCNTL(F_GETPIPE_SZ, "fc", 0),
    OWN(splice, "fnfnnn", 0), CALL(tee, "ffnn", 0), OWN(vmsplice, "fwn", 0), OWN(sendfile, "ffnn", 0),
    OWN(copy_file_range, "fnfnnn", 0),
    /* Sockets */
    OWN(socket, "nnn", FD), CALL(bind, "fa", NAMES), CALL(listen, "fn", 0), CALL(connect, "fa", LETS_GO),
    OWN(accept4, "fn", 0), OWN(getsockname, "f", 0), OWN(getpeername, "f", 0), CALL(sendto, "fdnA", 0),
    OWN(recvfrom, "fnn", LETS_GO), OWN(socketpair, "nnn", STILL), NAMED("send", SYS_sendto, "fdn00", STILL),
    OWN(recv, "fnn", STILL | LETS_GO), OWN(sendmsg, "fwln", STILL | RIGHTS), OWN(recvmsg, "fvnn", LETS_GO),
    CALL(shutdown, "fn", STILL), OWN(getsockopt, "fnnn", STILL), CALL(setsockopt, "fnnd", STILL),
    IOCTL_OWN(SIOCATMARK, "fc", gives_int),
    /* Terminals */
    OWN(posix_openpt, "n", FD | STILL | PTY), OWN(unlockpt, "f", STILL), OWN(open_slave, "fn", FD),
    IOCTL(TIOCGPTPEER, "fcn", FD), IOCTL(TIOCSPTLCK, "fci", 0), IOCTL_OWN(TIOCGPTLCK, "fc", gives_int),
    OWN(tcgetattr, "f", STILL), OWN(tcsetattr, "fnx", 0), OWN(tcflush, "fn", 0), OWN(tcflow, "fn", 0),
    OWN(tcsendbreak, "fn", 0), OWN(tcdrain, "f", STILL), IOCTL_OWN(TIOCGWINSZ, "fc", get_window),
    IOCTL_OWN(TIOCSWINSZ, "fcx", set_window), IOCTL(TIOCPKT, "fci", 0), IOCTL_OWN(TIOCGPKT, "fc", gives_int),
    IOCTL(TIOCEXCL, "fc", 0), IOCTL(TIOCNXCL, "fc", 0), IOCTL_OWN(TIOCGEXCL, "fc", gives_int),
    IOCTL_OWN(TCGETS2, "fc", modes_and_speeds), IOCTL(TCSBRK, "fcn", 0), IOCTL(TCSBRKP, "fcn", 0),
    IOCTL(TIOCSBRK, "fc", 0), IOCTL(TIOCCBRK, "fc", 0), IOCTL_OWN(TIOCGETD, "fc", gives_int),
    IOCTL(TIOCSETD, "fci", 0), IOCTL_OWN(TIOCGPTN, "fc", gives_int), IOCTL_OWN(TIOCGDEV, "fc", gives_int),
    IOCTL_OWN(TIOCMGET, "fc", gives_int), IOCTL(TIOCMSET, "fci", 0), IOCTL(TIOCMBIS, "fci", 0),
    IOCTL(TIOCMBIC, "fci", 0), IOCTL_OWN(TIOCGICOUNT, "fc", count_interrupts),
    IOCTL_OWN(TIOCVHANGUP, "fc", refused_on_terminals), IOCTL_OWN(TIOCCONS, "fc", refused_on_terminals),
    IOCTL_OWN(TIOCSTI, "fc", refused_on_terminals), IOCTL_OWN(TIOCOUTQ, "fc", gives_int),
    /* Processes, and the terminal that controls a session */
    OWN(spawn, "", PROCESS | STILL | APART), OWN(descend, "", PROCESS | STILL | APART),
    OWN(setsid, "", STILL | APART), OWN(getsid, "P", STILL | APART), OWN(getpgid, "P", STILL | APART),
    OWN(setpgid, "PP", STILL | APART), OWN(sigaction, "nn", STILL | APART), OWN(sigprocmask, "nl", STILL | APART),
    IOCTL(TIOCSCTTY, "fcn", 0), IOCTL(TIOCNOTTY, "fc", 0), IOCTL_OWN(TIOCGPGRP, "fc", asks_for_process),
    IOCTL_OWN(TIOCSPGRP, "fcP", set_foreground), IOCTL_OWN(TIOCGSID, "fc", asks_for_process),
    /* Readiness and locks */
    OWN(poll, "en", STILL), OWN(ppoll, "en", STILL), OWN(select, "llln", STILL), CALL(epoll_create1, "n", FD | STILL),
    OWN(epoll_ctl, "fnfnn", STILL), OWN(epoll_wait, "fnn", STILL), OWN(flock, "fn", STILL),
    LOCK(F_GETLK), LOCK(F_SETLK), LOCK(F_OFD_GETLK), LOCK(F_OFD_SETLK),
    /* Imports, saves and restores of a sandbox, on the kernel, which has none around it */
    NAMED("import_fd", SYS_dup, "f", FD | STILL), OWN(save, "", STILL), OWN(restore, "", STILL),
};
enum { OPS = sizeof ops / sizeof *ops };

static bool is_named(const struct op *op, const char *call, size_t length, unsigned command) {
    if (strncmp(op->name, call, length)) return false;
    return !op->name[length] || (op->name[length] == '(' && op->command == command);
}

/* The op of a call, and for fcntl and ioctl of a command. What was found once lies where it is looked for first. */
static const struct op *op_of(struct value *given) {
    static const struct op *found[1024];
    struct value *call = part(given, "call", 0), *first = part(given, "arguments", 1)->first;
    unsigned command = first && first->next ? first->next->number : 0, mark = 0;
    if (!call->length) return NULL;
    for (size_t i = 0; i < call->length; i++) mark = mark * 31 + (unsigned char)call->text[i];
    if (*call->text == 'f' || *call->text == 'i') mark += command * 7;
    const struct op **place = &found[mark % 1024];
    if (*place && is_named(*place, call->text, call->length, command)) return *place;
    for (int i = 0; i < OPS; i++)
        if (is_named(&ops[i], call->text, call->length, command)) return *place = &ops[i];
    return NULL;
}

/* Arguments ------------------------------------------------------------------------------------------------------- */

static bool vector_fits; /* in the scratch buffer: Python makes no call again whose vector does not */

/* Room for data to be received: on the desk, or for more than anyone would allocate in the scratch buffer. */
static struct iovec room_vector(struct value *lengths) {
    struct iovec *vector = keep(lengths->count * sizeof *vector), *to = vector;
    wide sum = 0;
    size_t position = 0;
    for (struct value *length = lengths->first; length; length = length->next) {
        vector_fits &= length->number >= 0;
        sum += length->number;
    }
    vector_fits &= sum <= (wide)SCRATCH_BYTES;
    for (struct value *length = lengths->first; length; length = length->next, to++) {
        *to = (struct iovec){vector_fits ? place(length->number) : scratch + position, length->number};
        wide end = position + (length->number > 0 ? length->number : 0);
        position = end < (wide)SCRATCH_BYTES ? end : (wide)SCRATCH_BYTES;
    }
    return (struct iovec){vector, lengths->count};
}

static struct iovec data_vector(struct value *payloads) {
    struct iovec *vector = keep(payloads->count * sizeof *vector), *to = vector;
    for (struct value *given = payloads->first; given; given = given->next) *to++ = payload(given);
    return (struct iovec){vector, payloads->count};
}

static struct iovec number_list(struct value *numbers) {
    int *list = keep(numbers->count * sizeof *list), *to = list;
    for (struct value *given = numbers->first; given; given = given->next) *to++ = resolved(given, 0);
    return (struct iovec){list, numbers->count};
}

static struct iovec poll_list(struct value *entries) {
    struct pollfd *list = keep(entries->count * sizeof *list), *to = list;
    for (struct value *entry = entries->first; entry; entry = entry->next)
        *to++ = (struct pollfd){resolved(entry->first, 0), entry->first->next->number, 0};
    return (struct iovec){list, entries->count};
}

/* What takes two arguments: an address, and how much lies there. */
static struct iovec pair_of(char letter, struct value *given) {
    switch (letter) {
    case 'd': return payload(given);
    case 'a': return address_of(given);
    case 'A': return given->kind == STRING ? address_of(given) : (struct iovec){NULL, 0};
    case 'v': return room_vector(given);
    case 'w': return data_vector(given);
    case 'l': return number_list(given);
    default: return poll_list(given);
    }
}

/* Reads arguments as the letters of an op say: into `a` as its call is given them, into `v` as they are.
 *
 *   f N    a descriptor, or a number that may be named    n c  a number; the command, which is one
 *   M P    a mapping; a process
 *   i      a number, by its address                       p    a text
 *   d      data, and its length                           a A  an address of a socket, and its length; A: or none
 *   v w    room for data; data: a vector, and its length  l e  a list of numbers; of what to poll, and its length
 *   x      a structure, read by the call                  s 0  nothing is read: the scratch buffer; zero
 */
static void prepare(const char *takes, struct value *arguments, long *a, struct value **v) {
    static int by_address;
    struct value *given = arguments->first;
    struct iovec pair;
    desk_used = 0;
    vector_fits = true;
    for (; *takes; takes++) {
        if (*takes == 's' || *takes == '0') {
            *a++ = *takes == 's' ? (long)scratch : 0;
            continue;
        }
        if (!given) die("was sent an op with too few arguments");
        *v++ = given;
        switch (*takes) {
        case 'i': by_address = given->number; *a++ = (long)&by_address; break;
        case 'p': *a++ = (long)(given->text ? given->text : ""); break;
        case 'x': *a++ = 0; break;
        case 'f': case 'N': *a++ = resolved(given, 0); break;
        case 'M': *a++ = resolved(given, MAPPINGS_FROM); break;
        case 'P': *a++ = resolved(given, PROCESSES_FROM); break;
        case 'n': case 'c': *a++ = given->number; break;
        default:
            pair = pair_of(*takes, given);
            *a++ = (long)pair.iov_base;
            *a++ = pair.iov_len;
        }
        given = given->next;
    }
}

/* One op ---------------------------------------------------------------------------------------------------------- */

/* Waits until what a call set in motion has come to rest, in programs whose data the kernel moves behind their back. */
static void settle(const struct op *op, long fd, unsigned traits) {
    if ((op->traits & LETS_GO) && (traits & RIGHTS) && abandoned_ring()) collect_rings();
    if (!(traits & PTY) || (op->traits & STILL) || ((op->traits & TRANSFER) && !isatty(fd))) return;
    wait_for_workers();
}

/* What a call returned that did not fail, unless the call has put its value itself. */
static void put_result(const struct op *op, long *a, long result, bool is_put) {
    int above = op->traits & MAPPING ? MAPPINGS_FROM : op->traits & PROCESS ? PROCESSES_FROM : 0;
    if (op->traits & DATA) put_moved(result, a[2]);
    else if (op->traits & GATHER) put_gathered((struct iovec *)a[1], a[2], result);
    else if (!is_put) put_number(result);
    if (op->traits & (FD | MAPPING | PROCESS)) made[0] = result + above, made_count = 1;
}

/* Makes the call, and puts what it gives; the descriptors that it makes are in `made`. */
static void call(const struct op *op, long *a, struct value **v) {
    size_t start = out_length;
    put("'value':");
    size_t value = out_length;
    bool again = (op->traits & RETRY) && vector_fits;
    long result;
    made_count = stopped = given_up = 0;
    broken = NULL;
    do result = op->act ? op->act(a, v) : syscall(op->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    while (result == -1 && errno == EINTR && again && !stopped && !given_up);
    int number = result == -1 ? errno : 0;
    if (!number && !broken && !stopped) {
        put_result(op, a, result, out_length > value);
        return;
    }
    out_length = start;
    made_count = 0;
    if (stopped || number == EINTR) put("'blocked':true");
    else if (number) put("'errno':"), put_number(number);
    else put("'broken':'%s'", broken);
}

static void observe_op(struct value *given, unsigned traits) {
    const struct op *op = op_of(given);
    long a[ARGUMENTS_MAX] = {0};
    struct value *v[ARGUMENTS_MAX] = {NULL}, *name = part(given, "out", 2)->first;
    put("{");
    if (!op) {
        put("'unsupported':'this worker has no such op'}");
        return;
    }
    prepare(op->takes, part(given, "arguments", 1), a, v);
    call(op, a, v);
    for (int i = 0; i < made_count && name; i++, name = name->next) set_slot(name->text, made[i]);
    settle(op, a[0], traits);
    uint64_t signals = __atomic_exchange_n(&raised, 0, __ATOMIC_RELAXED);
    if (signals) put(",'signals':"), put_set(&signals, NSIG - 1);
    put("}");
}
