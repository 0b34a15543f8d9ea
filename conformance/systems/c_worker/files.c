/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ops on descriptors, attributes, names and mappings.
 */

/* Calls that the kernel has not as the vocabulary has them -------------------------------------------------------- */

/* Each is given its arguments in `a` as `prepare` read them, and in `v` what they were read from.
 * -1 is failure, with the number in errno. What a call writes with put is its value; else the number it returns is. */
#define OP(name) static long op_##name(long *a, struct value **v)

enum { LINK_ROOM = PATH_MAX + 64 };
static int made[MADE_MAX], made_count; /* the descriptors that a call made */
static const char *broken;             /* why what the kernel gave cannot be told */
static struct stat directory_before;   /* how the program's directory was, once a program touched a directory */
static bool directory_touched, directory_has_attributes, away, limited;

static int fail(int number) { return errno = number, -1; }

static char *link_of(int fd) {
    static char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

static bool read_link(int fd, const char *path, char *text) {
    ssize_t length = readlinkat(fd, path, text, PATH_MAX);
    text[length > 0 ? length : 0] = 0;
    return length >= 0;
}

/* Descriptors */

OP(reopen) { return opened(open(link_of(a[0]), a[1], 0600)); }

OP(readlink_fd) {
    char text[LINK_ROOM];
    return read_link(AT_FDCWD, link_of(a[0]), text) ? put_link(a[0], text) : -1;
}

/* A link of /proc/self/fd that is held itself: which number it belongs to, its own name tells. */
OP(readlinkat) {
    char text[LINK_ROOM], name[LINK_ROOM] = "", *path = (char *)a[1];
    int held;
    if (!read_link(a[0], path, text)) return -1;
    if (!*path) read_link(AT_FDCWD, link_of(a[0]), name);
    return sscanf(name, "/proc/%*[0-9]/fd/%d", &held) == 1 ? put_link(held, text) : put_text(text);
}

/* Stays below the worker's own descriptors; above the limit of a program there are no others. */
OP(close_range) {
    unsigned first = a[0], last = a[1], highest = PRIVATE_FD_MIN - 1;
    if (first > last) return syscall(SYS_close_range, first, last, a[2]);
    return syscall(SYS_close_range, first < highest ? first : highest, last < highest ? last : highest, a[2]);
}

OP(gives_int) {
    int number = 0;
    return ioctl(a[0], a[1], &number) ? -1 : put("%d", number);
}

OP(pipe2) {
    if (syscall(SYS_pipe2, made, a[0])) return -1;
    made_count = 2;
    return put("[%d,%d]", made[0], made[1]);
}

OP(truncate_fd) { return truncate(link_of(a[0]), a[1]); }

OP(mkfifo) { return mkfifo((char *)a[0], a[1]); }

/* Attributes */

/* A time that the kernel took while the program ran is "now"; it stamps with its coarse clock. */
static int put_time(const char *name, long long seconds, long nanoseconds) {
    wide ns = (wide)seconds * NS + nanoseconds;
    put(",'%s':", name);
    if (ns >= started_ns && ns <= clock_ns(CLOCK_REALTIME)) return put("'now'");
    put_wide(ns);
    return 0;
}

#define PUT_TIMES(atime, mtime, ctime, ns) \
    put_time("atime", (atime).tv_sec, (atime).ns), put_time("mtime", (mtime).tv_sec, (mtime).ns), \
        put_time("ctime", (ctime).tv_sec, (ctime).ns)

OP(fstat) {
    struct stat s;
    if (fstat(a[0], &s)) return -1;
    put("{'mode':%u,'nlink':%lu,'uid':%u,'gid':%u,", s.st_mode, (unsigned long)s.st_nlink, s.st_uid, s.st_gid);
    put("'size':%ld,'blksize':%ld,'blocks':%ld", (long)s.st_size, (long)s.st_blksize, (long)s.st_blocks);
    PUT_TIMES(s.st_atim, s.st_mtim, s.st_ctim, tv_nsec);
    return put("}");
}

OP(statx) {
    struct statx s = {0};
    if (syscall(SYS_statx, a[0], "", a[1] | AT_EMPTY_PATH, a[2], &s)) return -1;
    dev_t device = makedev(s.stx_dev_major, s.stx_dev_minor), node = makedev(s.stx_rdev_major, s.stx_rdev_minor);
    struct identity inode = identity_of(a[0], device, s.stx_ino, s.stx_mode, node);
    bool slave = is_slave(S_IFCHR, node);
    put("{'mask':%u,'mode':%u,'nlink':%u,'uid':%u,", s.stx_mask, s.stx_mode, s.stx_nlink, s.stx_uid);
    put("'gid':%u,'size':%llu,'blksize':%u,", s.stx_gid, (unsigned long long)s.stx_size, s.stx_blksize);
    put("'blocks':%llu", (unsigned long long)s.stx_blocks);
    PUT_TIMES(s.stx_atime, s.stx_mtime, s.stx_ctime, tv_nsec);
    put(",'attributes':%llu,'ino':%d,", (unsigned long long)s.stx_attributes, inode_number(&inode));
    put("'dev':%d,", device_number(device, s.stx_mode, node));
    if (slave) return put("'rdev':[%d,%d]}", PTY_SLAVE_MAJOR, terminal_number(minor(node)));
    return put("'rdev':[%u,%u]}", major(node), minor(node));
}

OP(fstatfs) {
    struct statfs s;
    if (fstatfs(a[0], &s)) return -1;
    put("{'type':%ld,'bsize':%ld,", (long)s.f_type, (long)s.f_bsize);
    return put("'frsize':%ld,'namelen':%ld}", (long)s.f_frsize, (long)s.f_namelen);
}

OP(faccessat_fd) { return syscall(SYS_faccessat2, a[0], "", a[1], a[2] | AT_EMPTY_PATH); }

/* Whether root can change the inode that epoll instances share. What calls itself older than 6.1 is no Linux. */
static bool shares_attributes(void) {
    struct utsname machine;
    int major = 0, minor = 0;
    uname(&machine);
    sscanf(machine.release, "%d.%d", &major, &minor);
    return major == 6 && minor >= 1 && minor < 16;
}

/* Refuses changes to what is the machine's; remembers how the program's directory was. */
static int protect(int fd) {
    struct stat found;
    if (fstat(fd, &found)) return 0;
    if (S_ISCHR(found.st_mode) && !is_slave(found.st_mode, found.st_rdev) && !(fcntl(fd, F_GETFL) & O_PATH))
        return fail(EPERM);
    if (!(found.st_mode & S_IFMT) && shares_attributes()) return fail(EPERM);
    if (S_ISDIR(found.st_mode) && !directory_touched) directory_touched = !fstat(home_fd, &directory_before);
    return 0;
}

OP(fchmod) { return protect(a[0]) ? -1 : syscall(SYS_fchmod, a[0], a[1]); }

OP(fchown) {
    bool changes = (uint32_t)a[1] != UINT32_MAX || (uint32_t)a[2] != UINT32_MAX;
    return changes && protect(a[0]) ? -1 : syscall(SYS_fchown, a[0], a[1], a[2]);
}

/* Nanoseconds since the epoch, or -UTIME_NOW or -UTIME_OMIT. */
static struct timespec time_of(wide ns) {
    if (ns == -UTIME_NOW || ns == -UTIME_OMIT) return (struct timespec){0, -(long)ns};
    wide rest = (ns % NS + NS) % NS;
    return (struct timespec){(time_t)((ns - rest) / NS), (long)rest};
}

OP(futimens) {
    wide atime = v[1]->number, mtime = v[2]->number;
    bool changes = atime != mtime || (atime != -UTIME_NOW && atime != -UTIME_OMIT);
    return changes && protect(a[0]) ? -1 : futimens(a[0], (struct timespec[]){time_of(atime), time_of(mtime)});
}

static int by_name(const void *one, const void *other) { return strcmp(*(char **)one, *(char **)other); }

static int put_names(char **names, int count) {
    qsort(names, count, sizeof *names, by_name);
    for (int i = 0; i < count; i++) put(i ? "," : "["), put_text(names[i]);
    return put(count ? "]" : "[]");
}

OP(fsetxattr) {
    struct stat found;
    if (fsetxattr(a[0], (char *)a[1], (char *)a[2], a[3], a[4])) return -1;
    directory_has_attributes |= !fstat(a[0], &found) && S_ISDIR(found.st_mode);
    return 0;
}

/* The kernel writes no more than 64 KiB, whatever the size. */
OP(fgetxattr) {
    ssize_t length = fgetxattr(a[0], (char *)a[1], scratch, a[2]);
    if (length < 0) return -1;
    put("[%zd,", length);
    put_data(scratch, a[2] ? length : 0);
    return put("]");
}

OP(flistxattr) {
    ssize_t length = flistxattr(a[0], scratch, a[1]);
    int count = 0;
    if (length < 0) return -1;
    char **names = keep(length * sizeof *names), *end = scratch + (a[1] ? length : 0);
    for (char *name = scratch; name < end; name += strlen(name) + 1) names[count++] = name;
    put("[%zd,", length);
    put_names(names, count);
    return put("]");
}

OP(getdents) {
    struct entry { uint64_t inode, position; uint16_t length; char type, name[]; } *entry;
    unsigned long room = a[1] < (long)SCRATCH_BYTES ? a[1] : (long)SCRATCH_BYTES;
    long length = syscall(SYS_getdents64, a[0], scratch, room < INT_MAX ? room : INT_MAX);
    int count = 0;
    if (length < 0) return -1;
    char **names = keep(length / sizeof *entry * sizeof *names);
    for (char *at = scratch; at < scratch + length; at += entry->length) {
        entry = (struct entry *)at;
        names[count++] = entry->name;
    }
    return put_names(names, count);
}

OP(fchdir) { return fchdir(a[0]) ? -1 : (away = true, 0); }

OP(setrlimit) {
    struct rlimit limit;
    getrlimit(a[0], &limit);
    limit.rlim_cur = a[1];
    limited = true;
    return setrlimit(a[0], &limit);
}

/* Mappings */

/* Each lies in a window of its own in a part of the address space that nothing else is put into,
 * with unreadable memory around it: what lies behind its end shows in a load that runs over it.
 * The kernel reads and writes the memory on our behalf, so that a bad address is an error and not a crash. */
enum { WINDOWS_MAX = 64, HANDLES_MAX = 256 };
static const long WINDOW_BYTES = 1 << 26, ARENA = 1L << 36;
static struct mapping {
    char *address; /* NULL when it is gone */
    size_t length;
    struct identity inode;
} mappings[HANDLES_MAX];
static int mappings_made;

static struct mapping *mapping_of(long handle, int error) {
    if (handle >= 0 && handle < mappings_made && mappings[handle].address) return &mappings[handle];
    return errno = error, NULL;
}

OP(mmap) {
    char *window = (char *)ARENA + mappings_made * WINDOW_BYTES, *address = NULL;
    struct stat found;
    if (mappings_made == HANDLES_MAX) die("was sent a program with more than %d mappings", HANDLES_MAX);
    if (a[1] > 0 && a[1] <= WINDOW_BYTES / 2 && mappings_made < WINDOWS_MAX) {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
        if (mmap(window, WINDOW_BYTES, PROT_NONE, flags, -1, 0) != window) die("no room for a window");
        address = window + WINDOW_BYTES / 4;
    }
    char *at = (char *)syscall(SYS_mmap, address, a[1], a[2], address ? a[3] | MAP_FIXED : a[3], a[0], a[4]);
    if (at == MAP_FAILED) {
        int number = errno;
        if (address) munmap(window, WINDOW_BYTES);
        return fail(number);
    }
    fstat(a[0], &found);
    struct identity inode = identity_of(a[0], found.st_dev, found.st_ino, found.st_mode, found.st_rdev);
    mappings[mappings_made] = (struct mapping){at, a[1], inode};
    return mappings_made++;
}

OP(munmap) {
    struct mapping *mapping = mapping_of(a[0], EINVAL);
    if (!mapping) return -1;
    char *address = mapping->address;
    mapping->address = NULL;
    bool windowed = address >= (char *)ARENA && address < (char *)ARENA + WINDOWS_MAX * WINDOW_BYTES;
    return windowed ? munmap(address - WINDOW_BYTES / 4, WINDOW_BYTES) : munmap(address, whole_pages(mapping->length));
}

static void unmap_all(void) {
    for (; mappings_made; mappings_made--) op_munmap(&(long){mappings_made - 1}, NULL);
}

OP(msync) {
    struct mapping *mapping = mapping_of(a[0], ENOMEM);
    return mapping ? msync(mapping->address, mapping->length, a[1]) : -1;
}

OP(load) {
    struct mapping *mapping = mapping_of(a[0], EFAULT);
    if (!mapping) return -1;
    if (a[2] < 0 || a[2] > WINDOW_BYTES) return broken = "no room for so much", 0;
    char *buffer = keep(a[2]);
    struct iovec local = {buffer, a[2]}, remote = {mapping->address + a[1], a[2]};
    ssize_t moved = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    return moved < 0 ? -1 : put_data(buffer, moved);
}

OP(store) {
    struct mapping *mapping = mapping_of(a[0], EFAULT);
    if (!mapping) return -1;
    struct iovec local = {(char *)a[2], a[3]}, remote = {mapping->address + a[1], a[3]};
    return process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
}

OP(mapping_path) {
    struct mapping *mapping = mapping_of(a[0], ENOENT);
    if (!mapping) return -1;
    FILE *maps = fopen("/proc/self/maps", "re");
    char *line = NULL, name[LINK_ROOM] = "";
    size_t room = 0;
    unsigned long address = (unsigned long)mapping->address;
    while (maps && getline(&line, &room, maps) > 0 && strtoul(line, NULL, 16) != address) continue;
    if (line) sscanf(line, "%*s %*s %*s %*s %*s %4095[^\n]", name);
    free(line);
    if (maps) fclose(maps);
    renumber_inode(name, &mapping->inode);
    made_own(name);
    return put_text(name);
}
