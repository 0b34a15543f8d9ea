/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ops on sockets, their names and their messages.
 */

enum { NO_DOMAIN = 100, ADDRESS_BYTES = 128, NAME_BYTES_MAX = 108, AUTOMATIC_NAME_BYTES = 6, ABSTRACT_MAX = 256 };
enum { CONTROL_HEADER = 16, CONTROL_BYTES = 1 << 16, OPTION_BYTES = 1 << 12, FAMILY_BYTES = sizeof(sa_family_t) };

/* Abstract names are shared by the whole machine, so the kernel is given others than the program says:
 * names that only this program has, and that are turned back where the kernel tells them. */
static struct {
    const char *said;
    size_t length;
    char own[64]; /* behind a NUL */
} abstract[ABSTRACT_MAX];
static int abstract_count;

static int own_name(const char *said, size_t length) {
    static uint64_t mark;
    int i = 0;
    while (i < abstract_count && (abstract[i].length != length || memcmp(abstract[i].said, said, length))) i++;
    if (i < abstract_count) return i;
    if (i == ABSTRACT_MAX) die("was sent a program with more than %d abstract names", ABSTRACT_MAX);
    /* A ring of sockets may keep a name for some time after its program has ended: each program has its own. */
    if (!abstract_count++ && syscall(SYS_getrandom, &mark, sizeof mark, 0) < 0) mark = clock_ns(CLOCK_MONOTONIC);
    snprintf(abstract[i].own + 1, sizeof abstract[i].own - 1, "fdconform-%016lx-%d", (unsigned long)mark, i);
    abstract[i].said = said;
    abstract[i].length = length;
    return i;
}

/* An address as the kernel is given it: its family, and the name without a final NUL. A long one it shall refuse. */
static struct iovec address_of(struct value *given) {
    const char *name = given->text;
    size_t length = given->length;
    if (length && !*name && length <= NAME_BYTES_MAX) {
        name = abstract[own_name(name, length)].own;
        length = 1 + strlen(name + 1);
    }
    char *address = keep(FAMILY_BYTES + length);
    *(sa_family_t *)address = given->kind == STRING ? AF_UNIX : AF_UNSPEC;
    if (length) memcpy(address + FAMILY_BYTES, name, length);
    return (struct iovec){address, FAMILY_BYTES + length};
}

static char address_room[ADDRESS_BYTES];
static socklen_t address_length;

/* The address that the kernel filled, as the program knows it. */
static int put_address(const char *end) {
    const char *name = address_room + FAMILY_BYTES;
    size_t length = address_length - FAMILY_BYTES;
    if (!address_length) return put("null%s", end);
    if (!length || *name) return put_string(name, strnlen(name, length)), put(end);
    for (int i = 0; i < abstract_count; i++)
        if (1 + strlen(abstract[i].own + 1) == length && !memcmp(abstract[i].own, name, length))
            return put_string(abstract[i].said, abstract[i].length), put(end);
    if (length != AUTOMATIC_NAME_BYTES) broken = "an abstract name that the program never gave";
    return put("'\\u0000auto'%s", end);
}

/* A call that has the kernel fill an address. */
static long with_address(int call, long fd, long buffer, long count, long flags) {
    address_length = ADDRESS_BYTES;
    if (call == SYS_recvfrom) return syscall(call, fd, buffer, count, flags, address_room, &address_length);
    return syscall(call, fd, address_room, &address_length, flags);
}

OP(socket) { return socket(a[0] == AF_UNIX ? AF_UNIX : NO_DOMAIN, a[1], a[2]); }

OP(accept4) {
    if ((made[0] = with_address(SYS_accept4, a[0], 0, 0, a[1])) < 0) return -1;
    made_count = 1;
    put("[%d,", made[0]);
    return put_address("]");
}

OP(getsockname) { return with_address(SYS_getsockname, a[0], 0, 0, 0) ? -1 : put_address(""); }

OP(getpeername) { return with_address(SYS_getpeername, a[0], 0, 0, 0) ? -1 : put_address(""); }

/* Of data that was cut, the kernel may tell the length that it had. */
static int put_moved(long moved, long count) {
    size_t length = count >= 0 && moved > count ? count : moved;
    return put_data(scratch, length < SCRATCH_BYTES ? length : SCRATCH_BYTES);
}

OP(recv) {
    received = true;
    ssize_t moved = recv(a[0], scratch, a[1], a[2]);
    return moved < 0 ? -1 : put_moved(moved, a[1]);
}

OP(recvfrom) {
    received = true;
    long moved = with_address(SYS_recvfrom, a[0], (long)scratch, a[1], a[2]);
    if (moved < 0) return -1;
    put("[");
    put_moved(moved, a[1]);
    put(",");
    return put_address("]");
}

OP(socketpair) {
    if (socketpair(a[0], a[1], a[2], made)) return -1;
    made_count = 2;
    return put("[%d,%d]", made[0], made[1]);
}

static _Alignas(8) char control[CONTROL_BYTES];

/* A message without an address. The control buffer is not rounded up: so many descriptors and no more. */
static struct msghdr message_of(long vector, long count, long rights) {
    size_t room = rights ? CONTROL_HEADER + sizeof(int) * rights : 0;
    if (room > CONTROL_BYTES) die("was sent a message of %ld descriptors", rights);
    return (struct msghdr){NULL, 0, (struct iovec *)vector, count, room ? control : NULL, room, 0};
}

OP(sendmsg) {
    const int *rights = (int *)a[3];
    struct msghdr message = message_of(a[1], a[2], a[4]);
    *(struct cmsghdr *)control = (struct cmsghdr){message.msg_controllen, SOL_SOCKET, SCM_RIGHTS};
    memcpy(control + CONTROL_HEADER, rights, a[4] * sizeof *rights);
    long sent = syscall(SYS_sendmsg, a[0], &message, a[5]);
    if (sent >= 0) sent_through(rights, a[4]);
    return sent;
}

static int put_numbers(const int *numbers, int count) {
    put("[");
    for (int i = 0; i < count; i++) put("%s%d", i ? "," : "", numbers[i]);
    return put("]");
}

/* The items of a control buffer as the kernel filled it: descriptors go to `made`, what else there is is put. */
static void put_control(size_t filled, bool rights) {
    const char *before = "";
    for (size_t at = 0, length; at + CONTROL_HEADER <= filled; at += (length + 7) & ~7UL) {
        struct cmsghdr *item = (struct cmsghdr *)(control + at);
        length = item->cmsg_len;
        /* No item is shorter than its header: nothing was filled in from here on. */
        if (length < CONTROL_HEADER) break;
        size_t end = at + length < filled ? at + length : filled, start = at + CONTROL_HEADER;
        int count = end > start ? (end - start) / sizeof(int) : 0, *numbers = (int *)(control + start);
        if (rights && item->cmsg_type == SCM_RIGHTS)
            for (int i = 0; i < count && made_count < MADE_MAX; i++) made[made_count++] = numbers[i];
        if (rights || item->cmsg_type == SCM_RIGHTS) continue;
        if (item->cmsg_type == SCM_CREDENTIALS && count) numbers[0] = process_number(numbers[0]);
        put("%s[%d,", before, item->cmsg_type);
        put_numbers(numbers, item->cmsg_type == SCM_CREDENTIALS ? count : 0);
        put(before = "]");
        before = ",";
    }
}

/* What a call moved into the buffers of a vector. */
static int put_gathered(const struct iovec *vector, long count, size_t moved) {
    char *whole = keep(moved < SCRATCH_BYTES ? moved : SCRATCH_BYTES);
    size_t all = 0, part;
    for (const struct iovec *buffer = vector; buffer < vector + count && all < moved; buffer++, all += part) {
        part = buffer->iov_len < moved - all ? buffer->iov_len : moved - all;
        memcpy(whole + all, buffer->iov_base, part);
    }
    return put_data(whole, all);
}

OP(recvmsg) {
    struct msghdr message = message_of(a[1], a[2], a[3]);
    received = true;
    /* What a system does not fill in, though it tells of it, is not to be what an earlier message left. */
    memset(control, 0, message.msg_controllen);
    long moved = syscall(SYS_recvmsg, a[0], &message, a[4]);
    if (moved < 0) return -1;
    size_t filled = message.msg_control ? message.msg_controllen : 0;
    put("{'data':");
    put_gathered(message.msg_iov, a[2], moved);
    put_control(filled, true);
    put(",'rights':");
    put_numbers(made, made_count);
    put(",'control':[");
    put_control(filled, false);
    return put("],'flags':%u}", (unsigned)message.msg_flags);
}

OP(getsockopt) {
    static char option[OPTION_BYTES];
    socklen_t length = a[3], whole = sizeof(pid_t);
    pid_t pid;
    if (getsockopt(a[0], a[1], a[2], option, &length)) return -1;
    if (a[1] == SOL_SOCKET && a[2] == SO_PEERCRED && !getsockopt(a[0], a[1], a[2], &pid, &whole)) {
        /* What the program is shown of the process may be cut. */
        pid = process_number(pid);
        memcpy(option, &pid, length < sizeof pid ? length : sizeof pid);
    }
    return put_data(option, length < OPTION_BYTES ? length : OPTION_BYTES);
}
