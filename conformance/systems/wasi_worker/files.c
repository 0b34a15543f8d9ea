/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The ops on files, each made of the call of WASI's libc that has its name.
 */

/* Numbers of Linux and of WASI ------------------------------------------------------------------------------------ */

/* Linux's number for each error of WASI that Linux knows by the same name. */
static const struct {
    int wasi, linux_number;
} errors[] = {
    {EPERM, 1},         {ENOENT, 2},        {EINTR, 4},      {EIO, 5},        {ENXIO, 6},     {EBADF, 9},
    {EAGAIN, 11},       {ENOMEM, 12},       {EACCES, 13},    {EFAULT, 14},    {EBUSY, 16},    {EEXIST, 17},
    {EXDEV, 18},        {ENODEV, 19},       {ENOTDIR, 20},   {EISDIR, 21},    {EINVAL, 22},   {ENFILE, 23},
    {EMFILE, 24},       {ENOTTY, 25},       {ETXTBSY, 26},   {EFBIG, 27},     {ENOSPC, 28},   {ESPIPE, 29},
    {EROFS, 30},        {EMLINK, 31},       {EPIPE, 32},     {ERANGE, 34},    {EDEADLK, 35},  {ENAMETOOLONG, 36},
    {ENOSYS, 38},       {ENOTEMPTY, 39},    {ELOOP, 40},     {EOVERFLOW, 75}, {EILSEQ, 84},   {EOPNOTSUPP, 95},
};

static const struct {
    unsigned linux_number;
    int wasi;
} open_flags[] = {
    {0100, O_CREAT},      {0200, O_EXCL},        {01000, O_TRUNC},   {02000, O_APPEND}, {04000, O_NONBLOCK},
    {010000, O_DSYNC},    {0200000, O_DIRECTORY}, {0400000, O_NOFOLLOW},
};
enum { ACCESS_MODE = 3, SYNC = 04000000, LARGE = 0100000, STATUS = 02000 | 04000 | 010000 };
static const unsigned IGNORED = 0400 | LARGE | 02000000; /* O_NOCTTY, O_LARGEFILE and O_CLOEXEC go without saying */
static const int ACCESS[] = {O_RDONLY, O_WRONLY, O_RDWR};
static const int WHENCE[] = {SEEK_SET, SEEK_CUR, SEEK_END};
static const int ADVICE[] = {POSIX_FADV_NORMAL,   POSIX_FADV_RANDOM,   POSIX_FADV_SEQUENTIAL,
                             POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE};
enum { WHENCES = sizeof WHENCE / sizeof *WHENCE, ADVICES = sizeof ADVICE / sizeof *ADVICE };

/* Flags as WASI has them. What is left of them has no counterpart there. */
static int wasi_flags(unsigned *flags) {
    int made = *flags & SYNC ? O_SYNC : 0;
    *flags &= ~SYNC;
    for (size_t i = 0; i < sizeof open_flags / sizeof *open_flags; i++)
        if (*flags & open_flags[i].linux_number) made |= open_flags[i].wasi, *flags &= ~open_flags[i].linux_number;
    *flags &= ~IGNORED;
    return made;
}

/* What F_GETFL gives, as Linux has it: files are large, whatever they were opened with. */
static long long linux_flags(int flags) {
    long long made = LARGE | ((flags & O_RDWR) == O_RDWR ? 2 : (flags & O_WRONLY) == O_WRONLY ? 1 : 0);
    if (flags & O_SYNC) made |= SYNC | 010000;
    if (flags & O_APPEND) made |= 02000;
    if (flags & O_NONBLOCK) made |= 04000;
    if (flags & O_DSYNC) made |= 010000;
    return made;
}

/* The ops --------------------------------------------------------------------------------------------------------- */

/* Why WASI cannot be asked an op, if it cannot; and whether an op has put its value itself. */
static const char *unasked;
static bool is_put;

static struct value *argument(struct value *arguments, int place) {
    struct value *found = arguments->first;
    while (found && place--) found = found->next;
    if (!found) die("was sent an op with too few arguments");
    return found;
}

/* The descriptors of WASI behind the numbers that programs are given; 0 where there is none. */
static int descriptors[PROGRAM_FDS];

static int fd_in(struct value *arguments, int place) {
    wide number = resolved(argument(arguments, place), 0);
    return number >= 0 && number < PROGRAM_FDS && descriptors[number] ? descriptors[number] : NOT_OPEN;
}

static long long numbered(int fd) {
    int number = FIRST_FD;
    while (number < PROGRAM_FDS && descriptors[number]) number++;
    if (number == PROGRAM_FDS) die("was sent a program with more than %d descriptors", PROGRAM_FDS);
    descriptors[number] = fd;
    return number;
}

static wide number_at(struct value *arguments, int place) { return argument(arguments, place)->number; }

static const char *path_at(struct value *arguments, int place) {
    const char *path = argument(arguments, place)->text;
    if (!path) die("was sent no path");
    if (*path == '/') unasked = "there is nothing but the directory of programs";
    return path;
}

static long long ask_nothing(const char *why) {
    unasked = why;
    return 0;
}

static long long moved(ssize_t count) {
    if (count >= 0) is_put = true, put_data(scratch, count);
    return count;
}

static size_t room(wide count) {
    if (count < 0 || count > SCRATCH_BYTES) unasked = "there are no buffers of that size";
    return unasked ? 0 : count;
}

static long long do_open(struct value *arguments) {
    unsigned flags = number_at(arguments, 1), mode = flags & ACCESS_MODE;
    const char *path = path_at(arguments, 0);
    flags &= ~ACCESS_MODE;
    int given = wasi_flags(&flags);
    if (flags || mode == ACCESS_MODE) return ask_nothing("WASI has no such flags");
    int fd = unasked ? -1 : open(path, given | ACCESS[mode], 0);
    if (fd < 0 && errno == ENOTSUP && given & (O_SYNC | O_DSYNC)) return ask_nothing("the runtime has no synchronized files");
    return fd < 0 ? fd : numbered(fd);
}

static long long do_close(struct value *arguments) {
    int fd = fd_in(arguments, 0), result = close(fd);
    for (int number = FIRST_FD; !result && number < PROGRAM_FDS; number++)
        if (descriptors[number] == fd) descriptors[number] = 0;
    return result;
}

static long long do_fcntl(struct value *arguments) {
    if (number_at(arguments, 1) == F_GETFL) {
        int flags = fcntl(fd_in(arguments, 0), F_GETFL);
        return flags == -1 ? -1 : linux_flags(flags);
    }
    unsigned flags = number_at(arguments, 2), changed = flags & STATUS & ~010000u;
    if (flags & ~(STATUS | ACCESS_MODE | LARGE)) return ask_nothing("WASI has no such flags");
    return fcntl(fd_in(arguments, 0), F_SETFL, wasi_flags(&changed));
}

static long long do_read(struct value *arguments) {
    size_t count = room(number_at(arguments, 1));
    return unasked ? 0 : moved(read(fd_in(arguments, 0), scratch, count));
}

static long long do_pread(struct value *arguments) {
    size_t count = room(number_at(arguments, 1));
    return unasked ? 0 : moved(pread(fd_in(arguments, 0), scratch, count, number_at(arguments, 2)));
}

static long long do_write(struct value *arguments) {
    struct iovec data = payload(argument(arguments, 1));
    return write(fd_in(arguments, 0), data.iov_base, data.iov_len);
}

static long long do_pwrite(struct value *arguments) {
    struct iovec data = payload(argument(arguments, 1));
    return pwrite(fd_in(arguments, 0), data.iov_base, data.iov_len, number_at(arguments, 2));
}

static long long do_readv(struct value *arguments) {
    struct value *lengths = argument(arguments, 1);
    struct iovec *pieces = keep((lengths->count + 1) * sizeof *pieces), *to = pieces;
    wide sum = 0;
    for (struct value *length = lengths->first; length && !unasked; length = length->next) {
        size_t size = room(length->number);
        room(sum + size);
        *to++ = (struct iovec){scratch + (size_t)sum, size};
        sum += size;
    }
    return unasked ? 0 : moved(readv(fd_in(arguments, 0), pieces, lengths->count));
}

static long long do_writev(struct value *arguments) {
    struct value *payloads = argument(arguments, 1);
    struct iovec *pieces = keep((payloads->count + 1) * sizeof *pieces), *to = pieces;
    for (struct value *given = payloads->first; given; given = given->next) *to++ = payload(given);
    return writev(fd_in(arguments, 0), pieces, payloads->count);
}

static long long do_lseek(struct value *arguments) {
    wide whence = number_at(arguments, 2);
    if (whence < 0 || whence >= WHENCES) return ask_nothing("WASI seeks from the start, the position or the end");
    return lseek(fd_in(arguments, 0), number_at(arguments, 1), WHENCE[(int)whence]);
}

static long long do_ftruncate(struct value *arguments) {
    return ftruncate(fd_in(arguments, 0), number_at(arguments, 1));
}

static long long do_fsync(struct value *arguments) { return fsync(fd_in(arguments, 0)); }

static long long do_fdatasync(struct value *arguments) { return fdatasync(fd_in(arguments, 0)); }

static long long do_fadvise(struct value *arguments) {
    wide advice = number_at(arguments, 3);
    if (advice < 0 || advice >= ADVICES) return ask_nothing("WASI has no such advice");
    int number = posix_fadvise(fd_in(arguments, 0), number_at(arguments, 1), number_at(arguments, 2), ADVICE[(int)advice]);
    errno = number;
    return number ? -1 : 0;
}

static long long do_unlink(struct value *arguments) {
    const char *path = path_at(arguments, 0);
    return unasked ? 0 : unlink(path);
}

static long long do_link(struct value *arguments) {
    const char *path = path_at(arguments, 0), *made = path_at(arguments, 1);
    return unasked ? 0 : link(path, made);
}

static long long do_symlink(struct value *arguments) {
    const char *target = path_at(arguments, 0), *path = path_at(arguments, 1);
    return unasked ? 0 : symlink(target, path);
}

static long long do_mkdir(struct value *arguments) {
    const char *path = path_at(arguments, 0);
    return unasked ? 0 : mkdir(path, number_at(arguments, 1));
}

static long long do_readlinkat(struct value *arguments) {
    const char *path = path_at(arguments, 1);
    ssize_t length = unasked ? 0 : readlinkat(fd_in(arguments, 0), path, scratch, TARGET_MAX);
    if (length >= 0 && !unasked) is_put = true, put_string(scratch, length);
    return length;
}

static const struct op {
    const char *name, *call;
    int command; /* of fcntl */
    bool makes;  /* a descriptor */
    long long (*act)(struct value *arguments);
} ops[] = {
    {"open", "open", 0, true, do_open},
    {"close", "close", 0, false, do_close},
    {"fcntl(F_GETFL)", "fcntl", F_GETFL, false, do_fcntl},
    {"fcntl(F_SETFL)", "fcntl", F_SETFL, false, do_fcntl},
    {"read", "read", 0, false, do_read},
    {"write", "write", 0, false, do_write},
    {"readv", "readv", 0, false, do_readv},
    {"writev", "writev", 0, false, do_writev},
    {"pread", "pread", 0, false, do_pread},
    {"pwrite", "pwrite", 0, false, do_pwrite},
    {"lseek", "lseek", 0, false, do_lseek},
    {"ftruncate", "ftruncate", 0, false, do_ftruncate},
    {"fsync", "fsync", 0, false, do_fsync},
    {"fdatasync", "fdatasync", 0, false, do_fdatasync},
    {"posix_fadvise", "posix_fadvise", 0, false, do_fadvise},
    {"unlink", "unlink", 0, false, do_unlink},
    {"link", "link", 0, false, do_link},
    {"symlink", "symlink", 0, false, do_symlink},
    {"mkdir", "mkdir", 0, false, do_mkdir},
    {"readlinkat", "readlinkat", 0, false, do_readlinkat},
};
enum { OPS = sizeof ops / sizeof *ops };

static const struct op *op_of(struct value *given) {
    const char *call = member(given, "call")->text;
    struct value *arguments = member(given, "arguments");
    for (int i = 0; call && i < OPS; i++)
        if (!strcmp(ops[i].call, call) && (!ops[i].command || number_at(arguments, 1) == ops[i].command)) return &ops[i];
    return NULL;
}

static void put_error(int number) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].wasi == number) {
            put("'errno':%d", errors[i].linux_number);
            return;
        }
    put("'broken':'%s'", strerror(number));
}

/* Makes the call of an op, and puts what it gives. */
static void observe_op(struct value *given) {
    const struct op *op = op_of(given);
    struct value *name = member(given, "out")->first;
    size_t start = out_length;
    unasked = op ? NULL : "this worker has no such op";
    is_put = false;
    desk_used = 0;
    put("{'value':");
    long long result = op ? op->act(member(given, "arguments")) : 0;
    if (!unasked && result != -1) {
        if (!is_put) put_number(result);
        if (op->makes && name) set_slot(name->text, result);
        put("}");
        return;
    }
    int number = errno;
    out_length = start;
    put("{");
    if (unasked) put("'unsupported':'%s'", unasked);
    else put_error(number);
    put("}");
}
