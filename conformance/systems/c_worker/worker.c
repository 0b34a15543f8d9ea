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
 * What each op takes and does is in the table `ops` near the end; how its arguments are read, in `prepare`.
 * Python's worker is the measure of this one: where it makes a call again after a signal, so does this.
 */
#define _GNU_SOURCE
#include <asm/termbits.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#include <sys/un.h>
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
enum { NEVER_OPENED = 1000, MAPPINGS_FROM = 4096, PROCESSES_FROM = 8192 }; /* see conformance/domains.py */
enum { PAGE = 4096, PATTERN_PERIOD = 251, ARGUMENTS_MAX = 10, MADE_MAX = 300, SLOTS_MAX = 4096 };
enum { NUDGE = SIGUSR1, GIVE_UP = SIGUSR2, LOOK_INTERVAL_MS = 2, PROCESSES_MAX = 1000, PID_LIMIT = 1 << 22 };
enum { SIG_CATCH = 2, SIG_IGNORE = 1 };

/* Shared by the watcher and all that run programs. `pid` is 0 while it changes who runs one. */
static volatile struct {
    int op, program, pid, deadline_ms;
    int waiting, processes; /* how many processes of the program wait, how many it has */
    pid_t process[PROCESSES_MAX];
} *shared;

static int answers = 1, complaints = 2, state_pipe = -1, null_fd = -1, home_fd = -1;
static char home[PATH_MAX];
static rlim_t descriptors_max = PROGRAM_FDS;

/* Ends this process, and with it everything: the harness shows the reason. */
static void die(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vdprintf(complaints, format, list);
    va_end(list);
    dprintf(complaints, "\n");
    _exit(1);
}

static void limit_descriptors(rlim_t limit) { setrlimit(RLIMIT_NOFILE, &(struct rlimit){limit, PRIVATE_FD_MAX + 1}); }

/* A copy of a descriptor above the limit of programs, or -1; the original is closed. */
static int private(int fd) {
    struct rlimit before;
    if (fd < 0) return -1;
    getrlimit(RLIMIT_NOFILE, &before);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){PRIVATE_FD_MAX + 1, before.rlim_max});
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, PRIVATE_FD_MIN);
    close(fd);
    setrlimit(RLIMIT_NOFILE, &before);
    return copy;
}

static int private_file(const char *path) { return private(open(path, O_RDONLY | O_CLOEXEC)); }

/* Text that is written ---------------------------------------------------------------------------------------- */

static char *out;
static size_t out_length, out_room;

static char *room_for(size_t length) {
    if (out_length + length > out_room) {
        out_room = 2 * (out_length + length) + PAGE;
        if (!(out = realloc(out, out_room))) die("no memory for an answer");
    }
    return out + out_length;
}

static void put(const char *text) {
    size_t length = strlen(text);
    memcpy(room_for(length), text, length);
    out_length += length;
}

static void putf(const char *format, ...) {
    va_list list;
    va_start(list, format);
    out_length += vsnprintf(room_for(1000), 1000, format, list);
    va_end(list);
}

static void put_wide(wide number) {
    char digits[48];
    int place = sizeof digits - 1;
    unsigned __int128 rest = number < 0 ? -(unsigned __int128)number : (unsigned __int128)number;
    digits[place] = 0;
    do
        digits[--place] = '0' + (int)(rest % 10);
    while (rest /= 10);
    if (number < 0) put("-");
    put(digits + place);
}

/* How many bytes a valid UTF-8 character has here; 0 when there is none. */
static int character(const unsigned char *at, size_t left) {
    int length = *at < 0x80 ? 1 : *at >= 0xC2 && *at < 0xE0 ? 2 : (*at & 0xF0) == 0xE0 ? 3 : (*at & 0xF8) == 0xF0 ? 4 : 0;
    if (!length || (size_t)length > left) return 0;
    for (int i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    return length;
}

/* A string; bytes that are no UTF-8 are written as Python's surrogateescape has them. */
static void put_string(const char *text, size_t length) {
    put("\"");
    for (size_t i = 0; i < length;) {
        unsigned char byte = text[i];
        int bytes = character((const unsigned char *)text + i, length - i);
        if (byte < 0x20 || byte == 0x7F) putf("\\u%04x", byte);
        else if (byte == '"' || byte == '\\') putf("\\%c", byte);
        else if (!bytes) putf("\\udc%02x", byte);
        else putf("%.*s", bytes, text + i);
        i += bytes ? bytes : 1;
    }
    put("\"");
}

static void put_text(const char *text) { put_string(text, strlen(text)); }

static void put_base64(const unsigned char *data, size_t length) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = room_for(length / 3 * 4 + 4);
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        unsigned word = data[i] << 16 | (left > 1 ? data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
        *to++ = digits[word >> 18];
        *to++ = digits[word >> 12 & 63];
        *to++ = left > 1 ? digits[word >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[word & 63] : '=';
    }
    out_length = to - out;
}

static void put_data(const void *data, size_t length) {
    put("{\"base64\":\"");
    put_base64(data, length);
    put("\"}");
}

static void send_out(void) {
    for (size_t sent = 0; sent < out_length;) {
        ssize_t part = write(answers, out + sent, out_length - sent);
        if (part < 0 && errno != EINTR) _exit(1);
        sent += part < 0 ? 0 : part;
    }
    out_length = 0;
}

/* JSON that is read ------------------------------------------------------------------------------------------- */

enum kind { NOTHING, TRUTH, NUMBER, REAL, STRING, ARRAY, OBJECT };

struct value {
    enum kind kind;
    int count;                   /* of members */
    wide number;                 /* also 1 for true */
    double real;                 /* of numbers of both kinds */
    char *text;                  /* ends with a NUL behind its length */
    size_t length;
    char *key;                   /* of the member of an object */
    struct value *first, *next;
};

/* What a message is made of is kept until the next one comes. */
static struct chunk {
    struct chunk *before;
    size_t used, size;
    _Alignas(16) char room[];
} *chunks;

static void *keep(size_t length) {
    length = (length + 15) & ~(size_t)15;
    if (!chunks || chunks->used + length > chunks->size) {
        size_t size = length > 1 << 18 ? length : 1 << 18;
        struct chunk *chunk = malloc(sizeof *chunk + size);
        if (!chunk) die("no memory for a message");
        *chunk = (struct chunk){chunks, 0, size};
        chunks = chunk;
    }
    chunks->used += length;
    return memset(chunks->room + chunks->used - length, 0, length);
}

static void forget_message(void) {
    for (struct chunk *before; chunks; chunks = before) {
        before = chunks->before;
        free(chunks);
    }
}

static char *reading;

static void expect(char what) {
    if (*reading++ != what) die("was sent a message that is no JSON: '%c' was expected before %.20s", what, reading);
}

static void skip_space(void) {
    while (*reading == ' ' || *reading == '\t' || *reading == '\r' || *reading == '\n') reading++;
}

static unsigned four_digits(void) {
    unsigned number = 0;
    for (int i = 0; i < 4 && *reading; i++, reading++)
        number = number << 4 | ((*reading & 15) + (*reading > '9' ? 9 : 0));
    return number;
}

/* The character of an escape, as UTF-8; half a surrogate pair that stands alone is a byte (see put_string). */
static char *escaped(char *to) {
    unsigned code = four_digits();
    if (code >= 0xD800 && code < 0xDC00 && reading[0] == '\\' && reading[1] == 'u') {
        reading += 2;
        code = 0x10000 + ((code & 0x3FF) << 10 | (four_digits() & 0x3FF));
    }
    if (code < 0x80 || (code >= 0xDC80 && code < 0xDD00)) {
        *to++ = code;
    } else if (code < 0x800) {
        *to++ = 0xC0 | code >> 6;
        *to++ = 0x80 | (code & 63);
    } else {
        if (code < 0x10000) {
            *to++ = 0xE0 | code >> 12;
        } else {
            *to++ = 0xF0 | code >> 18;
            *to++ = 0x80 | (code >> 12 & 63);
        }
        *to++ = 0x80 | (code >> 6 & 63);
        *to++ = 0x80 | (code & 63);
    }
    return to;
}

/* A string, in the place of what it was made from, which is never shorter. */
static char *read_string(size_t *length) {
    expect('"');
    char *start = reading, *to = reading;
    while (*reading && *reading != '"')
        if (*reading != '\\') {
            *to++ = *reading++;
        } else if (reading[1] == 'u') {
            reading += 2;
            to = escaped(to);
        } else {
            static const char from[] = "nrtbf", made[] = "\n\r\t\b\f";
            const char *letter = strchr(from, reading[1]);
            *to++ = letter && *letter ? made[letter - from] : reading[1];
            reading += 2;
        }
    expect('"');
    *to = 0;
    *length = to - start;
    return start;
}

static struct value *read_value(void);

static void read_members(struct value *into, char end) {
    struct value **link = &into->first;
    reading++;
    for (skip_space(); *reading != end; skip_space()) {
        size_t length;
        char *key = NULL;
        if (into->count++) expect(',');
        skip_space();
        if (end == '}') {
            key = read_string(&length);
            skip_space();
            expect(':');
        }
        *link = read_value();
        (*link)->key = key;
        link = &(*link)->next;
    }
    reading++;
}

static void read_number(struct value *into) {
    char *end;
    bool negative = *reading == '-';
    into->real = strtod(reading, &end);
    if (end == reading) die("was sent a message that is no JSON: %.20s", reading);
    into->kind = NUMBER;
    for (char *digit = reading + negative; digit < end; digit++)
        if (*digit < '0' || *digit > '9') into->kind = REAL;
        else into->number = into->number * 10 + (*digit - '0');
    if (negative) into->number = -into->number;
    reading = end;
}

static struct value *read_value(void) {
    struct value *made = keep(sizeof *made);
    skip_space();
    switch (*reading) {
    case '{': made->kind = OBJECT; read_members(made, '}'); break;
    case '[': made->kind = ARRAY; read_members(made, ']'); break;
    case '"': made->kind = STRING; made->text = read_string(&made->length); break;
    case 't': made->kind = TRUTH; made->number = 1; reading += strlen("true"); break;
    case 'f': made->kind = TRUTH; reading += strlen("false"); break;
    case 'n': reading += strlen("null"); break;
    default: read_number(made);
    }
    return made;
}

/* The member of an object, or one of nothing. */
static struct value *member(struct value *object, const char *key) {
    static struct value nothing;
    for (struct value *found = object->first; found; found = found->next)
        if (found->key && !strcmp(found->key, key)) return found;
    return &nothing;
}

static long long number_in(struct value *object, const char *key) { return member(object, key)->number; }

/* Named results ----------------------------------------------------------------------------------------------- */

static struct {
    const char *name;
    int number;
} slots[SLOTS_MAX];
static int slots_used;

static int slot_number(const char *name) {
    for (int i = slots_used; i-- > 0;)
        if (!strcmp(slots[i].name, name)) return slots[i].number;
    return NEVER_OPENED;
}

/* A name that is given again comes to stand for the newer result: it is found first. */
static void set_slot(const char *name, int number) {
    if (slots_used == SLOTS_MAX) die("was sent a program with more than %d results", SLOTS_MAX);
    slots[slots_used].name = name;
    slots[slots_used++].number = number;
}

/* The number behind {"slot": name}, {"mapping": name} or {"process": name}, or a number itself. */
static wide resolved(struct value *given) {
    if (given->kind != OBJECT || !given->first) return given->number;
    int number = slot_number(given->first->text);
    switch (*given->first->key) {
    case 'm': return number - MAPPINGS_FROM;
    case 'p': return number - PROCESSES_FROM;
    default: return number;
    }
}

/* Data that lies at known addresses --------------------------------------------------------------------------- */

/* The scratch buffer takes what is read, for counts that nobody would allocate: only its beginning can be written.
 * Whether a huge count runs past the end of memory must not depend on where it lies, so it lies low.
 * On the desk lies data that is written, each piece at a page of its own: O_DIRECT asks for that. */
static char *const scratch = (char *)(1L << 32), *const desk = (char *)(1L << 31);
static const size_t SCRATCH_BYTES = 1 << 22, DESK_BYTES = 1 << 24;
static size_t desk_used;

static void map_at(char *address, size_t reserved, size_t usable) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    if (mmap(address, reserved, PROT_NONE, flags, -1, 0) != address || mprotect(address, usable, PROT_READ | PROT_WRITE))
        die("no room for a buffer");
}

static size_t whole_pages(size_t length) { return (length + PAGE - 1) / PAGE * PAGE; }

static char *place(size_t length) {
    if (length > DESK_BYTES || desk_used + length > DESK_BYTES) return keep(length);
    char *found = desk + desk_used;
    desk_used += whole_pages(length);
    return found;
}

static size_t read_base64(const char *text, size_t length, unsigned char *to) {
    unsigned word = 0, bits = 0;
    unsigned char *start = to;
    for (size_t i = 0; i < length && text[i] != '='; i++) {
        char c = text[i];
        unsigned digit = c >= 'a' ? c - 'a' + 26 : c >= 'A' ? c - 'A' : c >= '0' ? c - '0' + 52 : c == '+' ? 62 : 63;
        word = word << 6 | digit;
        if ((bits += 6) >= 8) *to++ = word >> (bits -= 8);
    }
    return to - start;
}

/* The bytes of {"base64": text} or {"pattern": [length, seed]}, on the desk. */
static struct iovec payload(struct value *given) {
    struct value *inside = given->first;
    struct iovec made = {desk, 0};
    if (!inside) return made;
    if (inside->kind == STRING) {
        made.iov_base = place(inside->length / 4 * 3 + 3);
        made.iov_len = read_base64(inside->text, inside->length, made.iov_base);
        return made;
    }
    size_t start = (inside->first->next->number % PATTERN_PERIOD + PATTERN_PERIOD) % PATTERN_PERIOD;
    made.iov_len = inside->first->number;
    made.iov_base = place(made.iov_len);
    for (size_t i = 0; i < made.iov_len; i++) ((unsigned char *)made.iov_base)[i] = (start + i) % PATTERN_PERIOD;
    return made;
}

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
static void wake(int number) { if (number == GIVE_UP) given_up = 1; }

/* What was in force before is returned. No handler restarts a call (signal(7)). */
static int react(int number, void (*handler)(int)) {
    struct sigaction before, action = {.sa_handler = handler};
    sigaction(number, &action, &before);
    return before.sa_handler == SIG_IGN ? SIG_IGNORE : SIG_CATCH;
}

static void react_to_all(void) {
    for (size_t i = 0; i < sizeof RECORDED / sizeof *RECORDED; i++) react(RECORDED[i], record);
    react(NUDGE, wake);
    react(GIVE_UP, wake);
}

/* Rings of sockets that wait in each other's queues ------------------------------------------------------------ */

/* The kernel looks for such rings on a worker of its own, some time after a Unix socket of the machine was closed.
 * To know that it has looked, a small ring that holds the end of a pipe is built and abandoned:
 * when the pipe reports the end of its writers, every ring that was abandoned earlier is gone too.
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
    bool open[TRAVELLERS_MAX] = {false}, all = true;
    struct stat found;
    for (int fd = 0; travellers_count && fd < PROGRAM_FDS; fd++) {
        if (fstat(fd, &found)) continue;
        open_now += (found.st_ino + 1) * 0x9E3779B97F4A7C15u;
        for (int i = 0; i < travellers_count; i++) open[i] |= travellers[i] == found.st_ino;
    }
    for (int i = 0; i < travellers_count; i++) all &= open[i];
    bool changed = received || open_now != looked_at;
    looked_at = open_now;
    received = false;
    return !all && changed;
}

static int send_rights(int fd, const int *rights, int count) {
    struct iovec segment = {"x", 1};
    char control[CMSG_SPACE(2 * sizeof *rights)] = {0};
    struct msghdr head = {.msg_iov = &segment, .msg_iovlen = 1, .msg_control = control};
    head.msg_controllen = CMSG_LEN(count * sizeof *rights);
    *(struct cmsghdr *)control = (struct cmsghdr){head.msg_controllen, SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA((struct cmsghdr *)control), rights, count * sizeof *rights);
    return sendmsg(fd, &head, 0) < 0 ? -1 : 0;
}

/* Returns when the kernel has closed every ring that is abandoned now; false when it never does.
 * Each look is short, so that the process is not taken for one that sleeps for good. */
static bool collect_rings(int looks) {
    int ends[2], pair[2];
    if (pipe2(ends, O_CLOEXEC)) return false;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    /* A program may have as many descriptors in flight as its user may: then there is nothing to wait for but time. */
    bool sent = !send_rights(pair[1], (int[]){pair[0], ends[1]}, 2), gone = false;
    if (sent) close(ends[1]);
    close(pair[0]);
    close(pair[1]);
    struct pollfd writers = {ends[0], 0, 0};
    for (looks = sent ? looks : LOOKS_WITHOUT_SIGN; looks-- && !gone;) gone = poll(&writers, 1, 1) > 0;
    close(ends[0]);
    if (!sent) close(ends[1]);
    return gone;
}

/* Waiting for the kernel's own workers -------------------------------------------------------------------------- */

/* Terminal data crosses the line discipline on a kernel worker, some microseconds after the write returned.
 * A worker is woken before the write returns, and is not idle until its work is done:
 * so when every worker is idle, and is so at a second look, no work is under way.
 * Where the workers cannot be seen (a process namespace of its own), time is all that can be given. */
enum { WORKERS_MAX = 4096, UNSEEN_WAIT_NS = 2000000 };
static struct {
    int pid, state; /* a descriptor of /proc/PID/stat, -1 for a thread that is no such worker */
    bool running;
} threads[WORKERS_MAX];
static int threads_count, load_fd = -2, children_fd;
static char newest[64]; /* the number of the newest process, at the end of /proc/loadavg: a new one moves it */

static void look_at_thread(int pid) {
    char path[32], text[65] = "";
    for (int i = 0; i < threads_count; i++)
        if (threads[i].pid == pid) {
            threads[i].running = true;
            return;
        }
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int state = private_file(path);
    if (state < 0 || threads_count == WORKERS_MAX)
        return; /* It ended, or the program uses up every descriptor: looked at when the list changes next. */
    if (pread(state, text, sizeof text - 1, 0) < 0 || !strstr(text, "(kworker/u")) {
        close(state);
        state = -1;
    }
    threads[threads_count].pid = pid;
    threads[threads_count].state = state;
    threads[threads_count++].running = true;
}

static void list_workers(void) {
    static char text[1 << 16];
    ssize_t length = pread(children_fd, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = 0;
    for (int i = 0; i < threads_count; i++) threads[i].running = false;
    for (char *at = text, *end; *at; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at) break;
        look_at_thread(pid);
    }
    for (int i = threads_count; i-- > 0;)
        if (!threads[i].running) {
            if (threads[i].state >= 0) close(threads[i].state);
            threads[i] = threads[--threads_count];
        }
}

static bool all_idle(void) {
    char text[65] = "";
    if (pread(load_fd, text, sizeof text - 1, 0) < 0) return true;
    const char *last = strrchr(text, ' ');
    if (last && strcmp(last, newest)) {
        list_workers();
        strncpy(newest, last, sizeof newest - 1);
        return false;
    }
    for (int i = 0; i < threads_count; i++) {
        char state[65] = "";
        if (threads[i].state < 0) continue;
        if (pread(threads[i].state, state, sizeof state - 1, 0) < 0) {
            newest[0] = 0; /* It ended: who looks at its number next finds it gone from the list. */
            return false;
        }
        if (!strstr(state, ") I "))
            return false;
    }
    return true;
}

static long long clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Gives up the processor and never sleeps: a process that sleeps is what the watcher looks for. */
static void wait_for_workers(void) {
    if (load_fd == -2) {
        children_fd = private_file("/proc/2/task/2/children");
        load_fd = children_fd < 0 ? -1 : private_file("/proc/loadavg");
    }
    long long until = clock_ns(CLOCK_MONOTONIC) + UNSEEN_WAIT_NS;
    if (load_fd < 0)
        while (clock_ns(CLOCK_MONOTONIC) < until) sched_yield();
    for (int agreeing = 0; load_fd >= 0 && agreeing < 2;)
        if (all_idle()) {
            agreeing++;
        } else {
            agreeing = 0;
            sched_yield();
        }
}

/* What names an inode, as numbers that another run gives too ------------------------------------------------------ */

/* A file system may give the number of an inode that is gone to the next one: its handle holds a generation besides.
 * /dev/pts does so with its numbers: the masters that were opened are counted. */
enum { INODES_MAX = 2048, PTYS = 4096, HANDLE_FID = 0x200, HANDLE_BYTES = 128, PTY_SLAVE_MAJOR = 136 };

struct identity {
    dev_t device;
    ino_t inode;
    unsigned masters, handle_bytes;
    unsigned char handle[HANDLE_BYTES];
};

static struct identity inodes[INODES_MAX];
static dev_t devices[INODES_MAX];
static unsigned long terminals[INODES_MAX]; /* the number, and how often its master had been opened */
static int inodes_count, devices_count, terminals_count;
static unsigned masters[PTYS];
static bool terminals_opened;
static long long started_ns;

static bool is_pty_slave(mode_t mode, dev_t node) {
    return S_ISCHR(mode) && major(node) >= PTY_SLAVE_MAJOR && major(node) < PTY_SLAVE_MAJOR + 8;
}

/* Takes note of a descriptor if it is the master of a new pseudoterminal. */
static void master_opened(int fd) {
    unsigned number;
    if (!ioctl(fd, TIOCGPTN, &number)) {
        masters[number % PTYS]++;
        terminals_opened = true;
    }
}

static struct identity identity_of(int fd, dev_t device, ino_t inode, mode_t mode, dev_t node) {
    struct identity made;
    struct {
        struct file_handle head;
        unsigned char bytes[HANDLE_BYTES];
    } found = {.head = {.handle_bytes = HANDLE_BYTES}};
    int mount;
    memset(&made, 0, sizeof made);
    made.device = device;
    made.inode = inode;
    if (is_pty_slave(mode, node)) {
        made.masters = masters[minor(node) % PTYS];
    } else if (!name_to_handle_at(fd, "", &found.head, &mount, AT_EMPTY_PATH | HANDLE_FID)) {
        made.handle_bytes = found.head.handle_bytes;
        memcpy(made.handle, found.head.f_handle, made.handle_bytes);
    }
    return made;
}

/* The place of an inode among those that the program was shown, from 1 on. */
static int inode_number(const struct identity *asked) {
    int i = 0;
    while (i < inodes_count && memcmp(&inodes[i], asked, sizeof *asked)) i++;
    if (i == inodes_count && inodes_count < INODES_MAX) inodes[inodes_count++] = *asked;
    return i + 1;
}

/* The place of a file system; 0 for one that holds a device node of the machine. */
static int device_number(dev_t device, mode_t mode, dev_t node) {
    int i = 0;
    if (S_ISCHR(mode) && !is_pty_slave(mode, node)) return 0;
    while (i < devices_count && devices[i] != device) i++;
    if (i == devices_count && devices_count < INODES_MAX) devices[devices_count++] = device;
    return i + 1;
}

/* The place of a pseudoterminal, from 0 on. */
static int terminal_number(unsigned number) {
    unsigned long asked = (unsigned long)number << 32 | masters[number % PTYS];
    int i = 0;
    while (i < terminals_count && terminals[i] != asked) i++;
    if (i == terminals_count && terminals_count < INODES_MAX) terminals[terminals_count++] = asked;
    return i;
}

/* The number of a process of the program, the first being 1; 0 for any other. */
static int process_number(pid_t pid) {
    if (!shared->processes) return pid == getpid();
    for (int i = 0; i < shared->processes; i++)
        if (shared->process[i] == pid) return i + 1;
    return 0;
}

/* A text with `number` put for what is between two places of it. */
static void put_number_for(char *text, char *from, char *to, int number) {
    char rest[PATH_MAX];
    snprintf(rest, sizeof rest, "%s", to);
    snprintf(from, PATH_MAX - (from - text), "%d%s", number, rest);
}

/* A path below the program's directory, as it is from there. */
static bool made_own(char *text) {
    size_t length = strlen(home);
    if (strncmp(text, home, length) || (text[length] && text[length] != '/')) return false;
    *text = '.';
    memmove(text + 1, text + length, strlen(text + length) + 1);
    return true;
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

/* Puts the place of an inode for its number where a text names it: pipe:[8], /tmp/#8 (deleted). */
static void renumber(char *text, const struct identity *inode, bool pseudo) {
    char form[3][48];
    snprintf(form[0], sizeof *form, "pipe:[%lu]", (unsigned long)inode->inode);
    snprintf(form[1], sizeof *form, "socket:[%lu]", (unsigned long)inode->inode);
    snprintf(form[2], sizeof *form, "/#%lu (deleted)", (unsigned long)inode->inode);
    char *digits = strrchr(text, ends_with(text, "]") ? '[' : '#');
    if ((pseudo && (!strcmp(text, form[0]) || !strcmp(text, form[1]))) || ends_with(text, form[2])) {
        char *end = digits + 1 + strspn(digits + 1, "0123456789");
        put_number_for(text, digits + 1, end, inode_number(inode));
    }
}

/* The text of a link that leads to a descriptor, with all that depends on the run made as in another. */
static int put_link(int fd, char *text) {
    struct stat found;
    if (fstat(fd, &found)) return -1;
    if (is_pty_slave(found.st_mode, found.st_rdev)) {
        char *digits = strstr(text, "/dev/pts/");
        if (digits && strspn(digits += strlen("/dev/pts/"), "0123456789"))
            put_number_for(text, digits, digits + strspn(digits, "0123456789"), terminal_number(minor(found.st_rdev)));
        put_text(text);
        return 0;
    }
    struct identity inode = identity_of(fd, found.st_dev, found.st_ino, found.st_mode, found.st_rdev);
    renumber(text, &inode, true);
    if (!made_own(text)) {
        if (ends_with(text, "/dev/pts/ptmx")) strcpy(text + strlen(text) - strlen("pts/ptmx"), "ptmx");
        size_t digits = strncmp(text, "/proc/", 6) ? 0 : strspn(text + 6, "0123456789");
        if (digits && !strncmp(text + 6 + digits, "/fd/", 4)) {
            memmove(text + strlen("/proc/self"), text + 6 + digits, strlen(text + 6 + digits) + 1);
            memcpy(text, "/proc/self", strlen("/proc/self"));
        }
    }
    put_text(text);
    return 0;
}

/* Calls that the kernel has not as the vocabulary has them -------------------------------------------------------- */

/* Each is given its arguments as `prepare` read them, and what they were read from.
 * -1 is failure, with the number in errno. What a call writes with put is its value; else the number it returns is. */

enum { LINK_ROOM = PATH_MAX + 64 };
static int made[MADE_MAX], made_count; /* the descriptors that a call made, where it makes several */
static const char *broken;             /* why what the kernel gave cannot be told */
static struct stat directory_before;   /* how the program's directory was, once a program touched a directory */
static bool directory_touched, directory_has_attributes, away, limited;

static int fail(int number) {
    errno = number;
    return -1;
}

static void made_are(const int *fds, int count) {
    for (made_count = 0; made_count < count && made_count < MADE_MAX; made_count++) made[made_count] = fds[made_count];
}

static char *link_of(int fd) {
    static char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

static long op_reopen(long *a, struct value **v) {
    int fd = open(link_of(a[0]), a[1], 0600);
    if (fd >= 0) master_opened(fd);
    return fd;
}

static long op_readlink_fd(long *a, struct value **v) {
    char text[LINK_ROOM];
    ssize_t length = readlink(link_of(a[0]), text, PATH_MAX);
    if (length < 0) return -1;
    text[length] = 0;
    return put_link(a[0], text);
}

/* A link of /proc/self/fd that is held itself: which number it belongs to, its own name tells. */
static long op_readlinkat(long *a, struct value **v) {
    char text[LINK_ROOM], name[LINK_ROOM];
    int held;
    ssize_t length = readlinkat(a[0], (char *)a[1], text, PATH_MAX);
    if (length < 0) return -1;
    text[length] = 0;
    ssize_t name_length = *(char *)a[1] ? 0 : readlink(link_of(a[0]), name, PATH_MAX);
    name[name_length > 0 ? name_length : 0] = 0;
    if (sscanf(name, "/proc/%*[0-9]/fd/%d", &held) == 1) return put_link(held, text);
    put_string(text, length);
    return 0;
}

/* Stays below the worker's own descriptors; above the limit of a program there are no others. */
static long op_close_range(long *a, struct value **v) {
    unsigned first = a[0], last = a[1];
    if (first <= last) {
        first = first < PRIVATE_FD_MIN ? first : PRIVATE_FD_MIN - 1;
        last = last < PRIVATE_FD_MIN ? last : PRIVATE_FD_MIN - 1;
    }
    return syscall(SYS_close_range, first, last, a[2]);
}

static long op_gives_int(long *a, struct value **v) {
    int number = 0;
    if (ioctl(a[0], a[1], &number)) return -1;
    putf("%d", number);
    return 0;
}

static long op_truncate_fd(long *a, struct value **v) { return truncate(link_of(a[0]), a[1]); }

static long op_mkfifo(long *a, struct value **v) { return mkfifo((char *)a[0], a[1]); }

static long op_pipe2(long *a, struct value **v) {
    int ends[2];
    if (syscall(SYS_pipe2, ends, a[0])) return -1;
    made_are(ends, 2);
    putf("[%d,%d]", ends[0], ends[1]);
    return 0;
}

/* Attributes */

/* A time that the kernel took while the program ran is "now"; it stamps with its coarse clock. */
static void put_time(const char *name, long long seconds, long nanoseconds) {
    wide ns = (wide)seconds * 1000000000 + nanoseconds;
    putf(",\"%s\":", name);
    if (ns >= started_ns && ns <= clock_ns(CLOCK_REALTIME)) put("\"now\"");
    else put_wide(ns);
}

static long op_fstat(long *a, struct value **v) {
    struct stat s;
    if (fstat(a[0], &s)) return -1;
    putf("{\"mode\":%u,\"nlink\":%lu,\"uid\":%u,\"gid\":%u,", s.st_mode, (unsigned long)s.st_nlink, s.st_uid, s.st_gid);
    putf("\"size\":%ld,\"blksize\":%ld,\"blocks\":%ld", (long)s.st_size, (long)s.st_blksize, (long)s.st_blocks);
    put_time("atime", s.st_atim.tv_sec, s.st_atim.tv_nsec);
    put_time("mtime", s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    put_time("ctime", s.st_ctim.tv_sec, s.st_ctim.tv_nsec);
    put("}");
    return 0;
}

static long op_statx(long *a, struct value **v) {
    struct statx s;
    memset(&s, 0, sizeof s);
    if (syscall(SYS_statx, a[0], "", a[1] | AT_EMPTY_PATH, a[2], &s)) return -1;
    dev_t device = makedev(s.stx_dev_major, s.stx_dev_minor), node = makedev(s.stx_rdev_major, s.stx_rdev_minor);
    struct identity inode = identity_of(a[0], device, s.stx_ino, s.stx_mode, node);
    putf("{\"mask\":%u,\"mode\":%u,\"nlink\":%u,\"uid\":%u,\"gid\":%u,", s.stx_mask, s.stx_mode, s.stx_nlink, s.stx_uid,
         s.stx_gid);
    putf("\"size\":%llu,\"blksize\":%u,\"blocks\":%llu", (unsigned long long)s.stx_size, s.stx_blksize,
         (unsigned long long)s.stx_blocks);
    put_time("atime", s.stx_atime.tv_sec, s.stx_atime.tv_nsec);
    put_time("mtime", s.stx_mtime.tv_sec, s.stx_mtime.tv_nsec);
    put_time("ctime", s.stx_ctime.tv_sec, s.stx_ctime.tv_nsec);
    putf(",\"attributes\":%llu,\"ino\":%d,", (unsigned long long)s.stx_attributes, inode_number(&inode));
    putf("\"dev\":%d,", device_number(device, s.stx_mode, node));
    if (major(node) >= PTY_SLAVE_MAJOR && major(node) < PTY_SLAVE_MAJOR + 8)
        putf("\"rdev\":[%d,%d]}", PTY_SLAVE_MAJOR, terminal_number(minor(node)));
    else putf("\"rdev\":[%u,%u]}", major(node), minor(node));
    return 0;
}

static long op_fstatfs(long *a, struct value **v) {
    struct statfs s;
    if (fstatfs(a[0], &s)) return -1;
    putf("{\"type\":%ld,\"bsize\":%ld,", (long)s.f_type, (long)s.f_bsize);
    putf("\"frsize\":%ld,\"namelen\":%ld}", (long)s.f_frsize, (long)s.f_namelen);
    return 0;
}

static long op_faccessat_fd(long *a, struct value **v) {
    return syscall(SYS_faccessat2, a[0], "", a[1], a[2] | AT_EMPTY_PATH);
}

/* Refuses changes to the machine's devices; remembers how the program's directory was. */
static int protect(int fd) {
    struct stat found;
    if (fstat(fd, &found)) return 0;
    if (S_ISCHR(found.st_mode) && !is_pty_slave(found.st_mode, found.st_rdev) && !(fcntl(fd, F_GETFL) & O_PATH))
        return fail(EPERM);
    if (S_ISDIR(found.st_mode) && !directory_touched) directory_touched = !fstat(home_fd, &directory_before);
    return 0;
}

static long op_fchmod(long *a, struct value **v) { return protect(a[0]) ? -1 : syscall(SYS_fchmod, a[0], a[1]); }

static long op_fchown(long *a, struct value **v) {
    if (((uint32_t)a[1] != UINT32_MAX || (uint32_t)a[2] != UINT32_MAX) && protect(a[0])) return -1;
    return syscall(SYS_fchown, a[0], a[1], a[2]);
}

/* Nanoseconds since the epoch, or -UTIME_NOW or -UTIME_OMIT. */
static struct timespec time_of(wide ns) {
    const long second = 1000000000;
    if (ns == -UTIME_NOW || ns == -UTIME_OMIT) return (struct timespec){0, -(long)ns};
    wide rest = (ns % second + second) % second;
    return (struct timespec){(time_t)((ns - rest) / second), (long)rest};
}

static long op_futimens(long *a, struct value **v) {
    wide atime = v[1]->number, mtime = v[2]->number;
    if ((atime != mtime || (atime != -UTIME_NOW && atime != -UTIME_OMIT)) && protect(a[0])) return -1;
    return futimens(a[0], (struct timespec[]){time_of(atime), time_of(mtime)});
}

static int by_name(const void *one, const void *other) { return strcmp(*(char **)one, *(char **)other); }

static void put_names(char **names, int count) {
    qsort(names, count, sizeof *names, by_name);
    for (int i = 0; i < count; i++) {
        put(i ? "," : "[");
        put_text(names[i]);
    }
    put(count ? "]" : "[]");
}

static long op_fsetxattr(long *a, struct value **v) {
    struct stat found;
    if (fsetxattr(a[0], (char *)a[1], (char *)a[2], a[3], a[4])) return -1;
    directory_has_attributes |= !fstat(a[0], &found) && S_ISDIR(found.st_mode);
    return 0;
}

/* The kernel writes no more than 64 KiB, whatever the size. */
static long op_fgetxattr(long *a, struct value **v) {
    ssize_t length = fgetxattr(a[0], (char *)a[1], scratch, a[2]);
    if (length < 0) return -1;
    putf("[%zd,", length);
    put_data(scratch, a[2] ? length : 0);
    put("]");
    return 0;
}

static long op_flistxattr(long *a, struct value **v) {
    ssize_t length = flistxattr(a[0], scratch, a[1]);
    int count = 0;
    if (length < 0) return -1;
    char **names = keep(length * sizeof *names + 1);
    for (char *name = scratch; a[1] && name < scratch + length; name += strlen(name) + 1)
        if (*name) names[count++] = name;
    putf("[%zd,", length);
    put_names(names, count);
    put("]");
    return 0;
}

static long op_getdents(long *a, struct value **v) {
    struct entry {
        uint64_t inode, position;
        uint16_t length;
        char type, name[];
    } *entry;
    unsigned long room = a[1] < (long)SCRATCH_BYTES ? a[1] : (long)SCRATCH_BYTES;
    long length = syscall(SYS_getdents64, a[0], scratch, room < INT_MAX ? room : INT_MAX);
    int count = 0;
    if (length < 0) return -1;
    char **names = keep(length / sizeof *entry * sizeof *names + 1);
    for (char *at = scratch; at < scratch + length; at += entry->length) {
        entry = (struct entry *)at;
        names[count++] = entry->name;
    }
    put_names(names, count);
    return 0;
}

static long op_fchdir(long *a, struct value **v) {
    if (fchdir(a[0])) return -1;
    away = true;
    return 0;
}

static long op_setrlimit(long *a, struct value **v) {
    struct rlimit limit;
    if (getrlimit(a[0], &limit)) return -1;
    limit.rlim_cur = a[1];
    limited = true;
    return setrlimit(a[0], &limit);
}

/* Mappings */

/* Each lies in a window of its own in a part of the address space that nothing else is put into,
 * with unreadable memory around it: what lies behind its end shows in a load that runs over it.
 * The kernel reads and writes the memory on our behalf, so that a bad address is an error and not a crash. */
enum { WINDOWS_MAX = 64, HANDLES_MAX = 256 };
static const long WINDOW_BYTES = 1 << 26, ARENA = 1L << 40;
static struct mapping {
    char *address; /* NULL when it is gone */
    size_t length;
    struct identity inode;
} mappings[HANDLES_MAX];
static int mappings_made;

static struct mapping *mapping_of(long handle, int error) {
    if (handle >= 0 && handle < mappings_made && mappings[handle].address) return &mappings[handle];
    errno = error;
    return NULL;
}

static long op_mmap(long *a, struct value **v) {
    long length = a[1];
    char *window = (char *)ARENA + mappings_made * WINDOW_BYTES, *address = NULL;
    struct stat found;
    if (mappings_made == HANDLES_MAX) return fail(ENOMEM);
    if (length > 0 && length <= WINDOW_BYTES / 2 && mappings_made < WINDOWS_MAX) {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
        if (mmap(window, WINDOW_BYTES, PROT_NONE, flags, -1, 0) != window) die("no room for a window");
        address = window + WINDOW_BYTES / 4;
    }
    char *at = (char *)syscall(SYS_mmap, address, length, a[2], address ? a[3] | MAP_FIXED : a[3], a[0], a[4]);
    if (at == MAP_FAILED) {
        int number = errno;
        if (address) munmap(window, WINDOW_BYTES);
        return fail(number);
    }
    fstat(a[0], &found);
    struct identity inode = identity_of(a[0], found.st_dev, found.st_ino, found.st_mode, found.st_rdev);
    mappings[mappings_made] = (struct mapping){at, length, inode};
    return mappings_made++;
}

static long op_munmap(long *a, struct value **v) {
    struct mapping *mapping = mapping_of(a[0], EINVAL);
    if (!mapping) return -1;
    char *address = mapping->address;
    mapping->address = NULL;
    if (address >= (char *)ARENA && address < (char *)ARENA + WINDOWS_MAX * WINDOW_BYTES)
        return munmap(address - WINDOW_BYTES / 4, WINDOW_BYTES);
    return munmap(address, whole_pages(mapping->length));
}

static void unmap_all(void) { for (; mappings_made; mappings_made--) op_munmap(&(long){mappings_made - 1}, NULL); }

static long op_msync(long *a, struct value **v) {
    struct mapping *mapping = mapping_of(a[0], ENOMEM);
    return mapping ? msync(mapping->address, mapping->length, a[1]) : -1;
}

static long op_load(long *a, struct value **v) {
    struct mapping *mapping = mapping_of(a[0], EFAULT);
    if (!mapping) return -1;
    if (a[2] < 0 || a[2] > WINDOW_BYTES) {
        broken = "no room for so much";
        return 0;
    }
    char *buffer = (size_t)a[2] <= SCRATCH_BYTES ? scratch : keep(a[2]);
    struct iovec local = {buffer, a[2]}, remote = {mapping->address + a[1], a[2]};
    ssize_t moved = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (moved >= 0) put_data(buffer, moved);
    return moved;
}

static long op_store(long *a, struct value **v) {
    struct mapping *mapping = mapping_of(a[0], EFAULT);
    if (!mapping) return -1;
    struct iovec local = {(char *)a[2], a[3]}, remote = {mapping->address + a[1], a[3]};
    return process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
}

static long op_mapping_path(long *a, struct value **v) {
    struct mapping *mapping = mapping_of(a[0], ENOENT);
    if (!mapping) return -1;
    FILE *maps = fopen("/proc/self/maps", "re");
    char *line = NULL, name[LINK_ROOM] = "";
    size_t room = 0;
    while (maps && getline(&line, &room, maps) > 0)
        if (strtoul(line, NULL, 16) == (unsigned long)mapping->address) {
            sscanf(line, "%*s %*s %*s %*s %*s %4095[^\n]", name);
            break;
        }
    free(line);
    if (maps) fclose(maps);
    renumber(name, &mapping->inode, false);
    made_own(name);
    put_text(name);
    return 0;
}

/* Sockets */

enum { NO_DOMAIN = 100, ADDRESS_BYTES = 128, NAME_BYTES_MAX = 108, AUTOMATIC_NAME_BYTES = 6, ABSTRACT_MAX = 256 };
enum { CONTROL_HEADER = 16, CONTROL_BYTES = 1 << 16, OPTION_BYTES = 1 << 12 };

/* Abstract names are shared by the whole machine, so the kernel is given others than the program says:
 * names that only this program has, and that are turned back where the kernel tells them. */
static struct {
    const char *said;
    size_t length;
    char own[48];
} abstract[ABSTRACT_MAX];
static int abstract_count;
static uint64_t abstract_mark;

static int own_name(const char *said, size_t length) {
    int i = 0;
    while (i < abstract_count && (abstract[i].length != length || memcmp(abstract[i].said, said, length))) i++;
    if (i < abstract_count || i == ABSTRACT_MAX) return i;
    /* A ring of sockets may keep a name for some time after its program has ended: each program has its own. */
    if (!abstract_count++ && syscall(SYS_getrandom, &abstract_mark, sizeof abstract_mark, 0) < 0)
        abstract_mark = clock_ns(CLOCK_MONOTONIC);
    snprintf(abstract[i].own, sizeof abstract[i].own, "fdconform-%016lx-%d", (unsigned long)abstract_mark, i);
    abstract[i].said = said;
    abstract[i].length = length;
    return i;
}

/* An address as the kernel is given it: its family, and the name without a final NUL. A long one it shall refuse. */
static struct iovec address_of(struct value *given) {
    const char *name = given->text;
    size_t length = given->length;
    char own[64] = "";
    if (given->kind == STRING && length && !*name && length <= NAME_BYTES_MAX) {
        length = 1 + snprintf(own + 1, sizeof own - 1, "%s", abstract[own_name(name, length)].own);
        name = own;
    }
    char *made = keep(sizeof(sa_family_t) + length + 1);
    *(sa_family_t *)made = given->kind == STRING ? AF_UNIX : AF_UNSPEC;
    if (length) memcpy(made + sizeof(sa_family_t), name, length);
    return (struct iovec){made, sizeof(sa_family_t) + length};
}

/* An address that the kernel filled, as the program knows it. */
static void put_address(const char *address, size_t length) {
    const char *name = address + sizeof(sa_family_t);
    if (!length) {
        put("null");
        return;
    }
    size_t name_length = length - sizeof(sa_family_t);
    if (!name_length || *name) {
        while (name_length && !name[name_length - 1]) name_length--;
        put_string(name, name_length);
        return;
    }
    for (int i = 0; i < abstract_count; i++)
        if (strlen(abstract[i].own) == name_length - 1 && !memcmp(abstract[i].own, name + 1, name_length - 1)) {
            put_string(abstract[i].said, abstract[i].length);
            return;
        }
    if (name_length == AUTOMATIC_NAME_BYTES) put_string("\0auto", strlen("auto") + 1);
    else broken = "an abstract name that the program never gave";
}

static char address_room[ADDRESS_BYTES];

static long op_socket(long *a, struct value **v) { return socket(a[0] == AF_UNIX ? AF_UNIX : NO_DOMAIN, a[1], a[2]); }

static long op_accept4(long *a, struct value **v) {
    socklen_t length = ADDRESS_BYTES;
    int fd = accept4(a[0], (struct sockaddr *)address_room, &length, a[1]);
    if (fd < 0) return -1;
    made_are(&fd, 1);
    putf("[%d,", fd);
    put_address(address_room, length);
    put("]");
    return 0;
}

static long op_getsockname(long *a, struct value **v) {
    socklen_t length = ADDRESS_BYTES;
    if (getsockname(a[0], (struct sockaddr *)address_room, &length)) return -1;
    put_address(address_room, length);
    return 0;
}

static long op_getpeername(long *a, struct value **v) {
    socklen_t length = ADDRESS_BYTES;
    if (getpeername(a[0], (struct sockaddr *)address_room, &length)) return -1;
    put_address(address_room, length);
    return 0;
}

/* Of data that was cut, the kernel may tell the length that it had. */
static size_t shown(long moved, long count) {
    size_t length = count >= 0 && moved > count ? count : moved;
    return length < SCRATCH_BYTES ? length : SCRATCH_BYTES;
}

static long op_recv(long *a, struct value **v) {
    received = true;
    ssize_t moved = recv(a[0], scratch, a[1], a[2]);
    if (moved >= 0) put_data(scratch, shown(moved, a[1]));
    return moved;
}

static long op_recvfrom(long *a, struct value **v) {
    socklen_t length = ADDRESS_BYTES;
    received = true;
    ssize_t moved = recvfrom(a[0], scratch, a[1], a[2], (struct sockaddr *)address_room, &length);
    if (moved < 0) return -1;
    put("[");
    put_data(scratch, shown(moved, a[1]));
    put(",");
    put_address(address_room, length);
    put("]");
    return 0;
}

static long op_socketpair(long *a, struct value **v) {
    int pair[2];
    if (socketpair(a[0], a[1], a[2], pair)) return -1;
    made_are(pair, 2);
    putf("[%d,%d]", pair[0], pair[1]);
    return 0;
}

static _Alignas(8) char control[CONTROL_BYTES];

/* The control buffer is not rounded up: so many descriptors and no more. */
static size_t control_room(long rights) { return rights ? CONTROL_HEADER + sizeof(int) * rights : 0; }

static long op_sendmsg(long *a, struct value **v) {
    const int *rights = (int *)a[3];
    size_t count = a[4], room = control_room(count);
    if (room > CONTROL_BYTES) return fail(EINVAL);
    if (count) {
        *(struct cmsghdr *)control = (struct cmsghdr){room, SOL_SOCKET, SCM_RIGHTS};
        memcpy(control + CONTROL_HEADER, rights, count * sizeof *rights);
    }
    struct msghdr head = {.msg_iov = (struct iovec *)a[1], .msg_iovlen = a[2]};
    head.msg_control = room ? control : NULL;
    head.msg_controllen = room;
    long sent = syscall(SYS_sendmsg, a[0], &head, a[5]);
    if (sent >= 0) sent_through(rights, count);
    return sent;
}

/* The numbers of an item of a control buffer; the first of credentials is a process. */
static void put_numbers(const int *numbers, int count, bool credentials) {
    put("[");
    for (int i = 0; i < count; i++)
        putf("%s%d", i ? "," : "", credentials && !i ? process_number(numbers[0]) : numbers[i]);
    put("]");
}

static void put_control(size_t filled) {
    bool others = false;
    made_count = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t at = 0; at + CONTROL_HEADER <= filled;) {
            struct cmsghdr *item = (struct cmsghdr *)(control + at);
            size_t end = at + item->cmsg_len < filled ? at + item->cmsg_len : filled;
            int count = end > at + CONTROL_HEADER ? (end - at - CONTROL_HEADER) / sizeof(int) : 0;
            int *numbers = (int *)(control + at + CONTROL_HEADER);
            if (!pass && item->cmsg_type == SCM_RIGHTS)
                for (int i = 0; i < count && made_count < MADE_MAX; i++) made[made_count++] = numbers[i];
            if (pass && item->cmsg_type != SCM_RIGHTS) {
                putf("%s[%d,", others ? "," : "", item->cmsg_type);
                put_numbers(numbers, item->cmsg_type == SCM_CREDENTIALS ? count : 0, true);
                put("]");
                others = true;
            }
            at += (item->cmsg_len + 7) / 8 * 8;
        }
        if (!pass) {
            put(",\"rights\":");
            put_numbers(made, made_count, false);
            put(",\"control\":[");
        }
    }
    put("]");
}

static void put_gathered(const struct iovec *vector, long count, size_t moved) {
    size_t all = 0, part;
    for (long i = 0; i < count && all < moved; i++)
        all += moved - all < vector[i].iov_len ? moved - all : vector[i].iov_len;
    char *whole = count == 1 ? vector[0].iov_base : keep(all), *to = whole;
    for (long i = 0; count != 1 && to < whole + all; i++, to += part) {
        part = vector[i].iov_len < (size_t)(whole + all - to) ? vector[i].iov_len : (size_t)(whole + all - to);
        memcpy(to, vector[i].iov_base, part);
    }
    put_data(whole, all);
}

static long op_recvmsg(long *a, struct value **v) {
    struct msghdr head = {.msg_iov = (struct iovec *)a[1], .msg_iovlen = a[2]};
    size_t room = control_room(a[3]);
    received = true;
    head.msg_control = room ? control : NULL;
    head.msg_controllen = room;
    long moved = syscall(SYS_recvmsg, a[0], &head, a[4]);
    if (moved < 0) return -1;
    put("{\"data\":");
    put_gathered((struct iovec *)a[1], a[2], moved);
    put_control(room ? head.msg_controllen : 0);
    putf(",\"flags\":%u}", (unsigned)head.msg_flags);
    return 0;
}

static long op_getsockopt(long *a, struct value **v) {
    static char option[OPTION_BYTES];
    socklen_t length = a[3];
    if (getsockopt(a[0], a[1], a[2], option, &length)) return -1;
    if (a[1] == SOL_SOCKET && a[2] == SO_PEERCRED) {
        /* What the program is shown may be cut: the process is asked for again. */
        pid_t pid;
        socklen_t whole = sizeof pid;
        getsockopt(a[0], a[1], a[2], &pid, &whole);
        pid = process_number(pid);
        memcpy(option, &pid, length < sizeof pid ? length : sizeof pid);
    }
    put_data(option, length < OPTION_BYTES ? length : OPTION_BYTES);
    return 0;
}

/* Terminals: no process of the worker leads a session, so only a program that made itself a leader gets one */

enum { MODES_BYTES = 4 * 4 + 1 + NCCS };

static void put_modes(const struct termios2 *modes) {
    putf("{\"iflag\":%u,\"oflag\":%u,\"cflag\":%u,\"lflag\":%u,\"cc\":", modes->c_iflag, modes->c_oflag, modes->c_cflag,
         modes->c_lflag);
    put_data(modes->c_cc, NCCS);
    put("}");
}

static long op_posix_openpt(long *a, struct value **v) {
    int fd = posix_openpt(a[0]);
    if (fd >= 0) master_opened(fd);
    return fd;
}

static long op_unlockpt(long *a, struct value **v) { return unlockpt(a[0]); }

static long op_open_slave(long *a, struct value **v) {
    int number;
    char path[32];
    if (ioctl(a[0], TIOCGPTN, &number)) return -1;
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    return open(path, a[1]);
}

static long op_tcgetattr(long *a, struct value **v) {
    struct termios2 modes;
    if (ioctl(a[0], TCGETS, &modes)) return -1;
    put_modes(&modes);
    return 0;
}

static long op_modes_and_speeds(long *a, struct value **v) {
    struct termios2 modes;
    if (ioctl(a[0], TCGETS2, &modes)) return -1;
    put("[");
    put_modes(&modes);
    putf(",{\"input\":%u,\"output\":%u}]", modes.c_ispeed, modes.c_ospeed);
    return 0;
}

static long op_tcsetattr(long *a, struct value **v) {
    static const unsigned long requests[] = {TCSETS, TCSETSW, TCSETSF};
    struct termios modes = {.c_iflag = number_in(v[2], "iflag"), .c_oflag = number_in(v[2], "oflag")};
    if (a[1] < 0 || a[1] > 2) return fail(EINVAL);
    modes.c_cflag = number_in(v[2], "cflag");
    modes.c_lflag = number_in(v[2], "lflag");
    struct iovec cc = payload(member(v[2], "cc"));
    memcpy(modes.c_cc, cc.iov_base, cc.iov_len < NCCS ? cc.iov_len : NCCS);
    return ioctl(a[0], requests[a[1]], &modes);
}

static long op_tcflush(long *a, struct value **v) { return ioctl(a[0], TCFLSH, (int)a[1]); }

static long op_tcflow(long *a, struct value **v) { return ioctl(a[0], TCXONC, (int)a[1]); }

/* As tcsendbreak(3) of the GNU C library: durations are in milliseconds, and the kernel counts tenths of a second. */
static long op_tcsendbreak(long *a, struct value **v) {
    int duration = a[1];
    return duration <= 0 ? ioctl(a[0], TCSBRK, 0) : ioctl(a[0], TCSBRKP, (duration + 99) / 100);
}

static long op_tcdrain(long *a, struct value **v) { return ioctl(a[0], TCSBRK, 1); }

static long op_get_window(long *a, struct value **v) {
    struct winsize size;
    if (ioctl(a[0], TIOCGWINSZ, &size)) return -1;
    putf("{\"rows\":%u,\"cols\":%u,\"xpixel\":%u,\"ypixel\":%u}", size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel);
    return 0;
}

static long op_set_window(long *a, struct value **v) {
    struct winsize size = {number_in(v[2], "rows"), number_in(v[2], "cols"), number_in(v[2], "xpixel"),
                           number_in(v[2], "ypixel")};
    return ioctl(a[0], TIOCSWINSZ, &size);
}

static long op_count_interrupts(long *a, struct value **v) {
    char counters[128] = "";
    return ioctl(a[0], TIOCGICOUNT, counters);
}

/* A request of root that reaches further than the program: a terminal is not asked. */
static long op_refused_on_terminals(long *a, struct value **v) {
    int zero = 0;
    return isatty(a[0]) ? fail(EPERM) : ioctl(a[0], a[1], &zero);
}

/* Readiness */

enum { SET_BITS = 1024 };
struct set {
    uint64_t words[SET_BITS / 64];
};

static long op_poll(long *a, struct value **v) {
    struct pollfd *fds = (struct pollfd *)a[0];
    if (syscall(SYS_poll, fds, a[1], a[2]) < 0) return -1;
    put("[");
    for (long i = 0; i < a[1]; i++) putf("%s%u", i ? "," : "", (unsigned short)fds[i].revents);
    put("]");
    return 0;
}

/* Milliseconds as seconds and a rest, rounded down. */
static struct timespec fractional(long timeout, long in_ms) {
    long rest = (timeout % 1000 + 1000) % 1000;
    return (struct timespec){(timeout - rest) / 1000, rest * in_ms};
}

static long op_ppoll(long *a, struct value **v) {
    struct pollfd *fds = (struct pollfd *)a[0];
    struct timespec timeout = fractional(a[2], 1000000);
    if (ppoll(fds, a[1], a[2] == -1 ? NULL : &timeout, NULL) < 0) return -1;
    put("[");
    for (long i = 0; i < a[1]; i++) putf("%s%u", i ? "," : "", (unsigned short)fds[i].revents);
    put("]");
    return 0;
}

/* A handle of a mapping lies beyond what a set can hold, and is as little a descriptor as the number that none has. */
static void fill_set(struct set *set, const int *fds, long count, int *limit) {
    memset(set, 0, sizeof *set);
    for (long i = 0; i < count; i++) {
        int fd = fds[i] < NEVER_OPENED ? fds[i] : NEVER_OPENED;
        set->words[fd / 64] |= 1UL << fd % 64;
        *limit = fds[i] >= *limit ? fds[i] + 1 : *limit;
    }
}

static void put_set(const struct set *set) {
    bool some = false;
    put("[");
    for (int fd = 0; fd < SET_BITS; fd++)
        if (set->words[fd / 64] >> fd % 64 & 1) {
            putf("%s%d", some ? "," : "", fd);
            some = true;
        }
    put("]");
}

static long op_select(long *a, struct value **v) {
    struct set sets[3];
    int limit = 0;
    for (int i = 0; i < 3; i++) fill_set(&sets[i], (int *)a[2 * i], a[2 * i + 1], &limit);
    struct timespec rest = fractional(a[6], 1000);
    struct timeval timeout = {rest.tv_sec, rest.tv_nsec};
    if (select(limit, (fd_set *)&sets[0], (fd_set *)&sets[1], (fd_set *)&sets[2], a[6] == -1 ? NULL : &timeout) < 0)
        return -1;
    for (int i = 0; i < 3; i++) {
        put(i ? "," : "[");
        put_set(&sets[i]);
    }
    put("]");
    return 0;
}

static long op_epoll_ctl(long *a, struct value **v) {
    struct epoll_event event = {.events = a[3], .data.u64 = a[4]};
    return epoll_ctl(a[0], a[1], a[2], &event);
}

static long op_epoll_wait(long *a, struct value **v) {
    struct epoll_event *events = (struct epoll_event *)scratch;
    int count = epoll_wait(a[0], events, a[1], a[2]);
    if (count < 0) return -1;
    put("[");
    for (int i = 0; i < count; i++)
        putf("%s[%u,%llu]", i ? "," : "", events[i].events, (unsigned long long)events[i].data.u64);
    put("]");
    return 0;
}

/* Locks: inodes that belong to the machine are not locked, for other programs that run at the same time lock them */

static bool is_shared(int fd) {
    struct stat found;
    if (fstat(fd, &found)) return false;
    mode_t kind = found.st_mode & S_IFMT;
    return !kind || (kind == S_IFCHR && (major(found.st_rdev) == 1 || major(found.st_rdev) == 5));
}

static long op_flock(long *a, struct value **v) {
    long wanted = a[1] & ~LOCK_NB;
    if ((wanted == LOCK_SH || wanted == LOCK_EX) && is_shared(a[0])) return flock(a[0], LOCK_UN) ? -1 : fail(ENOLCK);
    return flock(a[0], a[1]);
}

/* How large a directory is, is its file system's own business: no range is counted from its end. */
static long op_record_lock(long *a, struct value **v) {
    bool asks = a[1] == F_GETLK || a[1] == F_OFD_GETLK;
    int setting = a[1] == F_GETLK ? F_SETLK : a[1] == F_OFD_GETLK ? F_OFD_SETLK : a[1];
    struct flock lock = {number_in(v[2], "type"), number_in(v[2], "whence"), number_in(v[2], "start"),
                         number_in(v[2], "len"), number_in(v[2], "pid")};
    struct stat found;
    if (number_in(v[2], "whence") == SEEK_END && !fstat(a[0], &found) && S_ISDIR(found.st_mode)) {
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
    putf("{\"type\":%d,\"whence\":%d,\"start\":%ld,\"len\":%ld,\"pid\":%d}", lock.l_type, lock.l_whence,
         (long)lock.l_start, (long)lock.l_len, number ? number : lock.l_pid);
    return 0;
}

/* Between two descriptors: offset -1 stands for no offset */

static long op_between(int call, long *a) {
    loff_t in = a[1], to = a[3];
    long moved = syscall(call, a[0], in == -1 ? NULL : &in, a[2], to == -1 ? NULL : &to, a[4], a[5]);
    if (moved >= 0) putf("[%ld,%ld,%ld]", moved, (long)in, (long)to);
    return moved;
}

static long op_splice(long *a, struct value **v) { return op_between(SYS_splice, a); }

static long op_copy_file_range(long *a, struct value **v) { return op_between(SYS_copy_file_range, a); }

static long op_sendfile(long *a, struct value **v) {
    off_t offset = a[2];
    ssize_t moved = sendfile(a[0], a[1], offset == -1 ? NULL : &offset, a[3]);
    if (moved >= 0) putf("[%zd,%ld]", moved, (long)offset);
    return moved;
}

/* A pipe holds the very memory that it is given: each call gives fresh pages, and lets go of them. */
static long op_vmsplice(long *a, struct value **v) {
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

/* Processes: ids are given to programs as the numbers in which they were made */

/* The kernel kills this process when its parent dies, which may have happened already. */
static void die_with(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
}

static void note_process(pid_t pid) {
    if (shared->processes == PROCESSES_MAX) die("a program has more than %d processes", PROCESSES_MAX);
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

/* Notes a process, and returns its number when all but the caller wait: without sleeping, as the watcher looks for that. */
static int note_beside_waiting(pid_t pid) {
    note_process(pid);
    while (shared->waiting < shared->processes - 1) sched_yield();
    return shared->processes;
}

static long op_spawn(long *a, struct value **v) {
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) wait_for_the_end(parent);
    return pid < 0 ? -1 : note_beside_waiting(pid);
}

/* The child goes on with the program. */
static long op_descend(long *a, struct value **v) {
    pid_t grandparent = getppid(), parent = getpid();
    shared->pid = 0;
    pid_t pid = fork();
    if (pid > 0) wait_for_the_end(grandparent);
    if (pid == 0) {
        die_with(parent);
        pid = note_beside_waiting(getpid());
    }
    shared->pid = getpid();
    return pid;
}

/* The id of a number; one that no process has for a positive number that no process of the program has. */
static pid_t pid_of(int number) {
    if (number > 0 && number <= shared->processes) return shared->process[number - 1];
    return number > 0 && number <= PID_LIMIT ? number + PID_LIMIT : number;
}

static long numbered(pid_t pid) { return pid < 0 ? -1 : process_number(pid); }

static long op_setsid(long *a, struct value **v) { return numbered(setsid()); }

static long op_getsid(long *a, struct value **v) { return numbered(getsid(pid_of(a[0]))); }

static long op_getpgid(long *a, struct value **v) { return numbered(getpgid(pid_of(a[0]))); }

static long op_setpgid(long *a, struct value **v) { return setpgid(pid_of(a[0]), pid_of(a[1])); }

static long op_sigaction(long *a, struct value **v) { return react(a[0], a[1] == SIG_IGNORE ? SIG_IGN : record); }

static long op_sigprocmask(long *a, struct value **v) {
    sigset_t set, before;
    const int *numbers = (int *)a[1];
    bool some = false;
    sigemptyset(&set);
    for (long i = 0; i < a[2]; i++) sigaddset(&set, numbers[i]);
    if (sigprocmask(a[0], &set, &before)) return -1;
    put("[");
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&before, number) == 1) {
            putf("%s%d", some ? "," : "", number);
            some = true;
        }
    put("]");
    return 0;
}

static long op_set_foreground(long *a, struct value **v) {
    pid_t group = pid_of(a[2]);
    return ioctl(a[0], TIOCSPGRP, &group);
}

static long op_asks_for_process(long *a, struct value **v) {
    pid_t pid = 0;
    if (ioctl(a[0], a[1], &pid)) return -1;
    return process_number(pid);
}

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
    const char *name;                      /* as `fdconform list ops` has it */
    const char *takes;                     /* how its arguments are read: see `prepare` */
    long number;                           /* the call of the kernel, where there is no function */
    long (*act)(long *, struct value **);
    unsigned traits;
    unsigned command;                      /* of fcntl and ioctl */
};

#define CALL(name, takes, traits) {#name, takes, SYS_##name, NULL, traits, 0}
#define OWN(name, takes, traits) {#name, takes, 0, op_##name, traits, 0}
#define FCNTL(command, takes, traits) {"fcntl(" #command ")", takes, SYS_fcntl, NULL, (traits) | STILL, command}
#define LOCK(command) {"fcntl(" #command ")", "fcx", 0, op_record_lock, STILL, command}
#define IOCTL(command, takes, traits) {"ioctl(" #command ")", takes, SYS_ioctl, NULL, (traits) | STILL, command}
#define IOCTL_OWN(command, takes, act) {"ioctl(" #command ")", takes, 0, act, STILL, command}

static const struct op ops[] = {
    CALL(open, "pnn", FD | STILL | NAMES),
    OWN(reopen, "fn", FD),
    OWN(readlink_fd, "f", STILL),
    CALL(close, "f", LETS_GO),
    OWN(close_range, "NNn", LETS_GO | NUMBERS),
    CALL(dup, "f", FD | STILL),
    CALL(dup2, "fN", FD | LETS_GO | NUMBERS),
    CALL(dup3, "fNn", FD | LETS_GO | NUMBERS),
    FCNTL(F_DUPFD, "fcn", FD),
    FCNTL(F_DUPFD_CLOEXEC, "fcn", FD),
    FCNTL(F_GETFD, "fc", 0),
    FCNTL(F_SETFD, "fcn", 0),
    FCNTL(F_GETFL, "fc", 0),
    FCNTL(F_SETFL, "fcn", 0),
    IOCTL(FIONBIO, "fci", 0),
    IOCTL(FIOASYNC, "fci", 0),
    IOCTL_OWN(FIONREAD, "fc", op_gives_int),
    IOCTL_OWN(FIGETBSZ, "fc", op_gives_int),

    CALL(read, "fsn", RETRY | DATA | TRANSFER | LETS_GO),
    CALL(write, "fd", RETRY | TRANSFER),
    CALL(readv, "fv", RETRY | GATHER | TRANSFER | LETS_GO),
    CALL(writev, "fw", RETRY | TRANSFER),
    {"pread", "fsnn", SYS_pread64, NULL, DATA | TRANSFER, 0},
    {"pwrite", "fdn", SYS_pwrite64, NULL, RETRY | TRANSFER, 0},
    CALL(preadv2, "fvn0n", RETRY | GATHER | TRANSFER | LETS_GO),
    CALL(pwritev2, "fwn0n", RETRY | TRANSFER),
    CALL(lseek, "fnn", STILL),
    CALL(truncate, "pn", STILL),
    OWN(truncate_fd, "fn", STILL),
    CALL(ftruncate, "fn", STILL),
    CALL(fallocate, "fnnn", STILL),
    CALL(fsync, "f", STILL),
    CALL(fdatasync, "f", STILL),
    CALL(sync_file_range, "fnnn", STILL),
    OWN(fstat, "f", STILL),
    OWN(statx, "fnn", STILL),
    OWN(fstatfs, "f", STILL),
    OWN(faccessat_fd, "fnn", STILL),
    {"posix_fadvise", "fnnn", SYS_fadvise64, NULL, STILL, 0},
    CALL(readahead, "fnn", STILL),
    CALL(syncfs, "f", STILL),
    OWN(fsetxattr, "fpdn", STILL),
    OWN(fgetxattr, "fpn", STILL),
    OWN(flistxattr, "fn", STILL),
    CALL(fremovexattr, "fp", STILL),
    OWN(setrlimit, "nn", STILL),
    OWN(fchmod, "fn", STILL),
    OWN(fchown, "fnn", STILL),
    OWN(futimens, "fxx", STILL),
    CALL(unlink, "p", STILL),
    CALL(link, "pp", STILL | NAMES),
    OWN(getdents, "fn", STILL),
    OWN(fchdir, "f", STILL),
    OWN(readlinkat, "fp", STILL),
    CALL(symlink, "pp", STILL | NAMES),
    CALL(mkdir, "pn", STILL | NAMES),
    OWN(mkfifo, "pn", STILL | NAMES),
    CALL(memfd_create, "pn", FD | STILL),
    FCNTL(F_ADD_SEALS, "fcn", 0),
    FCNTL(F_GET_SEALS, "fc", 0),
    OWN(mmap, "fnnnn", MAPPING | STILL),
    OWN(load, "Nnn", STILL),
    OWN(store, "Nnd", STILL),
    OWN(msync, "Nn", STILL),
    OWN(mapping_path, "N", STILL),
    OWN(munmap, "N", STILL),

    OWN(pipe2, "n", STILL),
    FCNTL(F_SETPIPE_SZ, "fcn", 0),
    FCNTL(F_GETPIPE_SZ, "fc", 0),

    OWN(socket, "nnn", FD),
    CALL(bind, "fa", NAMES),
    CALL(listen, "fn", 0),
    CALL(connect, "fa", LETS_GO),
    OWN(accept4, "fn", 0),
    OWN(getsockname, "f", 0),
    OWN(getpeername, "f", 0),
    CALL(sendto, "fdnA", 0),
    OWN(recvfrom, "fnn", LETS_GO),
    OWN(socketpair, "nnn", STILL),
    {"send", "fdn00", SYS_sendto, NULL, STILL, 0},
    OWN(recv, "fnn", STILL | LETS_GO),
    OWN(sendmsg, "fwln", STILL | RIGHTS),
    OWN(recvmsg, "fvnn", LETS_GO),
    CALL(shutdown, "fn", STILL),
    OWN(getsockopt, "fnnn", STILL),
    CALL(setsockopt, "fnnd", STILL),
    IOCTL_OWN(SIOCATMARK, "fc", op_gives_int),

    OWN(posix_openpt, "n", FD | STILL | PTY),
    OWN(unlockpt, "f", STILL),
    OWN(open_slave, "fn", FD),
    IOCTL(TIOCGPTPEER, "fcn", FD),
    IOCTL(TIOCSPTLCK, "fci", 0),
    IOCTL_OWN(TIOCGPTLCK, "fc", op_gives_int),
    OWN(tcgetattr, "f", STILL),
    OWN(tcsetattr, "fnx", 0),
    OWN(tcflush, "fn", 0),
    OWN(tcflow, "fn", 0),
    OWN(tcsendbreak, "fn", 0),
    OWN(tcdrain, "f", STILL),
    IOCTL_OWN(TIOCGWINSZ, "fc", op_get_window),
    IOCTL_OWN(TIOCSWINSZ, "fcx", op_set_window),
    IOCTL(TIOCPKT, "fci", 0),
    IOCTL_OWN(TIOCGPKT, "fc", op_gives_int),
    IOCTL(TIOCEXCL, "fc", 0),
    IOCTL(TIOCNXCL, "fc", 0),
    IOCTL_OWN(TIOCGEXCL, "fc", op_gives_int),
    IOCTL_OWN(TCGETS2, "fc", op_modes_and_speeds),
    IOCTL(TCSBRK, "fcn", 0),
    IOCTL(TCSBRKP, "fcn", 0),
    IOCTL(TIOCSBRK, "fc", 0),
    IOCTL(TIOCCBRK, "fc", 0),
    IOCTL_OWN(TIOCGETD, "fc", op_gives_int),
    IOCTL(TIOCSETD, "fci", 0),
    IOCTL_OWN(TIOCGPTN, "fc", op_gives_int),
    IOCTL_OWN(TIOCGDEV, "fc", op_gives_int),
    IOCTL_OWN(TIOCMGET, "fc", op_gives_int),
    IOCTL(TIOCMSET, "fci", 0),
    IOCTL(TIOCMBIS, "fci", 0),
    IOCTL(TIOCMBIC, "fci", 0),
    IOCTL_OWN(TIOCGICOUNT, "fc", op_count_interrupts),
    IOCTL_OWN(TIOCVHANGUP, "fc", op_refused_on_terminals),
    IOCTL_OWN(TIOCCONS, "fc", op_refused_on_terminals),
    IOCTL_OWN(TIOCSTI, "fc", op_refused_on_terminals),
    IOCTL_OWN(TIOCOUTQ, "fc", op_gives_int),

    OWN(spawn, "", PROCESS | STILL | APART),
    OWN(descend, "", PROCESS | STILL | APART),
    OWN(setsid, "", STILL | APART),
    OWN(getsid, "N", STILL | APART),
    OWN(getpgid, "N", STILL | APART),
    OWN(setpgid, "NN", STILL | APART),
    OWN(sigaction, "nn", STILL | APART),
    OWN(sigprocmask, "nl", STILL | APART),
    IOCTL(TIOCSCTTY, "fcn", 0),
    IOCTL(TIOCNOTTY, "fc", 0),
    IOCTL_OWN(TIOCGPGRP, "fc", op_asks_for_process),
    IOCTL_OWN(TIOCSPGRP, "fcN", op_set_foreground),
    IOCTL_OWN(TIOCGSID, "fc", op_asks_for_process),

    OWN(poll, "en", STILL),
    OWN(ppoll, "en", STILL),
    OWN(select, "llln", STILL),
    CALL(epoll_create1, "n", FD | STILL),
    OWN(epoll_ctl, "fnfnn", STILL),
    OWN(epoll_wait, "fnn", STILL),

    OWN(flock, "fn", STILL),
    LOCK(F_GETLK),
    LOCK(F_SETLK),
    LOCK(F_OFD_GETLK),
    LOCK(F_OFD_SETLK),

    OWN(splice, "fnfnnn", 0),
    CALL(tee, "ffnn", 0),
    OWN(vmsplice, "fwn", 0),
    OWN(sendfile, "ffnn", 0),
    OWN(copy_file_range, "fnfnnn", 0),
};
enum { OPS = sizeof ops / sizeof *ops };

static const struct op *op_of(struct value *given) {
    const char *call = member(given, "call")->text;
    struct value *first = member(given, "arguments")->first;
    unsigned command = first && first->next ? first->next->number : 0;
    size_t length = call ? strlen(call) : 0;
    for (int i = 0; length && i < OPS; i++) {
        char end = strncmp(ops[i].name, call, length) ? 'x' : ops[i].name[length];
        if (!end || (end == '(' && ops[i].command == command))
            return &ops[i];
    }
    return NULL;
}

/* Vectors and lists of arguments */

static bool vector_fits; /* else it is Python's worker that makes the call itself, once */

/* Room for data to be received: on the desk, or for more than anyone would allocate in the scratch buffer. */
static struct iovec *room_vector(struct value *lengths) {
    struct iovec *vector = keep((lengths->count + 1) * sizeof *vector), *to = vector;
    wide sum = 0;
    size_t position = 0;
    vector_fits = true;
    for (struct value *length = lengths->first; length; length = length->next) {
        vector_fits &= length->number >= 0;
        sum += length->number;
    }
    vector_fits &= sum <= (wide)SCRATCH_BYTES;
    for (struct value *length = lengths->first; length; length = length->next, to++) {
        size_t bytes = length->number;
        to->iov_base = vector_fits ? place(bytes) : scratch + position;
        to->iov_len = bytes;
        if (length->number > 0)
            position = length->number < (wide)(SCRATCH_BYTES - position) ? position + bytes : SCRATCH_BYTES;
    }
    return vector;
}

static struct iovec *data_vector(struct value *payloads) {
    struct iovec *vector = keep((payloads->count + 1) * sizeof *vector), *to = vector;
    vector_fits = true;
    for (struct value *given = payloads->first; given; given = given->next) *to++ = payload(given);
    return vector;
}

static int *number_list(struct value *numbers) {
    int *list = keep((numbers->count + 1) * sizeof *list), *to = list;
    for (struct value *given = numbers->first; given; given = given->next) *to++ = resolved(given);
    return list;
}

static struct pollfd *poll_list(struct value *entries) {
    struct pollfd *list = keep((entries->count + 1) * sizeof *list), *to = list;
    for (struct value *entry = entries->first; entry; entry = entry->next, to++) {
        to->fd = resolved(entry->first);
        to->events = entry->first->next->number;
    }
    return list;
}

/* Reads arguments as the letters of an op say: into `a` as its call is given them, into `v` as they are.
 *
 *   f N    a descriptor, or a number that may be named    n c  a number; the command, which is one
 *   i      a number, by its address                       p    a text
 *   d      data, and its length                           a A  an address of a socket, and its length; A: or none
 *   v w    room for data; data: a vector, and its length  l e  a list of numbers; of what to poll, and its length
 *   x      a structure, read by the call                  s 0  nothing is read: the scratch buffer; zero
 */
static void prepare(const char *takes, struct value *arguments, long *a, struct value **v) {
    static int by_address;
    struct value *given = arguments->first;
    struct iovec data;
    desk_used = 0;
    for (vector_fits = true; *takes; takes++) {
        if (*takes == 's' || *takes == '0') {
            *a++ = *takes == 's' ? (long)scratch : 0;
            continue;
        }
        if (!given) die("was sent an op with too few arguments");
        *v++ = given;
        switch (*takes) {
        case 'i': by_address = given->number; *a++ = (long)&by_address; break;
        case 'p': *a++ = (long)(given->text ? given->text : ""); break;
        case 'd': data = payload(given); *a++ = (long)data.iov_base; *a++ = data.iov_len; break;
        case 'a':
        case 'A':
            data = *takes == 'A' && given->kind != STRING ? (struct iovec){NULL, 0} : address_of(given);
            *a++ = (long)data.iov_base;
            *a++ = data.iov_len;
            break;
        case 'v': *a++ = (long)room_vector(given); *a++ = given->count; break;
        case 'w': *a++ = (long)data_vector(given); *a++ = given->count; break;
        case 'l': *a++ = (long)number_list(given); *a++ = given->count; break;
        case 'e': *a++ = (long)poll_list(given); *a++ = given->count; break;
        case 'x': *a++ = 0; break;
        default: *a++ = resolved(given);
        }
        given = given->next;
    }
}

/* One op ---------------------------------------------------------------------------------------------------------- */

static void settle(const struct op *op, long fd, unsigned traits) {
    if ((op->traits & LETS_GO) && (traits & RIGHTS) && abandoned_ring()) collect_rings(LOOKS_MAX);
    if (!(traits & PTY) || (op->traits & STILL) || ((op->traits & TRANSFER) && !isatty(fd))) return;
    wait_for_workers();
}

/* Makes the call. What it gives is written; the descriptors that it makes are in `made`. */
static void call(const struct op *op, long *a, struct value **v) {
    size_t start = out_length;
    put("\"value\":");
    size_t value = out_length;
    long result;
    bool again = (op->traits & RETRY) && vector_fits;
    made_count = 0;
    broken = NULL;
    stopped = given_up = 0;
    do {
        errno = 0;
        result = op->act ? op->act(a, v) : syscall(op->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    } while (result == -1 && errno == EINTR && again && !stopped && !given_up);
    int number = errno;
    if (stopped || (result == -1 && number == EINTR)) {
        out_length = start;
        made_count = 0;
        put("\"blocked\":true");
    } else if (result == -1) {
        out_length = start;
        putf("\"errno\":%d", number);
    } else if (broken) {
        out_length = start;
        putf("\"broken\":\"%s\"", broken);
    } else if (op->traits & DATA) {
        put_data(scratch, shown(result, a[2]));
    } else if (op->traits & GATHER) {
        put_gathered((struct iovec *)a[1], a[2], result);
    } else {
        if (out_length == value) putf("%ld", result);
        if (op->traits & (FD | MAPPING | PROCESS))
            made_are(&(int){result + (op->traits & MAPPING ? MAPPINGS_FROM : op->traits & PROCESS ? PROCESSES_FROM : 0)}, 1);
    }
}

/* One program ----------------------------------------------------------------------------------------------------- */

static void put_signals(uint64_t signals) {
    const char *before = ",\"signals\":[";
    for (int number = 1; number < NSIG; number++)
        if (signals >> number & 1) {
            putf("%s%d", before, number);
            before = ",";
        }
    put(signals ? "]}" : "}");
}

static unsigned traits_of(struct value *listed) {
    unsigned traits = 0;
    for (struct value *given = listed->first; given; given = given->next) {
        const struct op *op = op_of(given);
        traits |= op ? op->traits : 0;
    }
    return traits;
}

static void observe_op(struct value *given, unsigned traits) {
    const struct op *op = op_of(given);
    long a[ARGUMENTS_MAX] = {0};
    struct value *v[ARGUMENTS_MAX] = {NULL};
    put("{");
    if (!op) {
        put("\"unsupported\":\"this worker has no such op\"}");
        return;
    }
    prepare(op->takes, member(given, "arguments"), a, v);
    call(op, a, v);
    struct value *name = member(given, "out")->first;
    for (int i = 0; i < made_count && name; i++, name = name->next) set_slot(name->text, made[i]);
    settle(op, a[0], traits);
    put_signals(__atomic_exchange_n(&raised, 0, __ATOMIC_RELAXED));
}

/* Writes what each op gives. Whoever comes out of this is the process that the program went on in. */
static void observe(struct value *program, unsigned traits) {
    struct value *id = member(program, "id");
    int place = 0;
    put("{\"message\":\"observed\",\"program\":");
    put_string(id->text, id->length);
    put(",\"observations\":[");
    for (struct value *op = member(program, "ops")->first; op; op = op->next, place++) {
        shared->op = place;
        put(place ? "," : "");
        observe_op(op, traits);
    }
    put("]}\n");
}

/* Takes back what outlives a process. A directory can be entered again once its mode is what it was. */
static void restore_directory(void) {
    char list[1 << 16];
    if (directory_touched && !fchown(home_fd, directory_before.st_uid, directory_before.st_gid))
        fchmod(home_fd, directory_before.st_mode & 07777);
    directory_touched = false;
    ssize_t length = directory_has_attributes ? flistxattr(home_fd, list, sizeof list) : 0;
    for (char *name = list; name < list + length; name += strlen(name) + 1)
        if (!strncmp(name, "user.", strlen("user."))) fremovexattr(home_fd, name);
    directory_has_attributes = false;
}

/* Forgets everything of a program. */
static void reset(void) {
    struct rlimit limit;
    restore_directory();
    if (away && fchdir(home_fd)) die("the program's directory cannot be entered again: %s", strerror(errno));
    unmap_all();
    if (limited && !getrlimit(RLIMIT_FSIZE, &limit))
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit.rlim_max, limit.rlim_max});
    if (terminals_opened) memset(masters, 0, sizeof masters);
    away = limited = terminals_opened = received = false;
    slots_used = abstract_count = travellers_count = inodes_count = devices_count = terminals_count = 0;
    looked_at = 0;
    raised = 0;
}

static void begin(void) {
    shared->program++;
    started_ns = clock_ns(CLOCK_REALTIME_COARSE);
}

static void empty_directory(int parent, const char *name) {
    struct dirent *entry;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    while (directory && (entry = readdir(directory))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (!unlinkat(fd, entry->d_name, 0) || errno != EISDIR) continue;
        fchmodat(fd, entry->d_name, 0700, 0); /* a program may have locked its own directories */
        empty_directory(fd, entry->d_name);
        unlinkat(fd, entry->d_name, AT_REMOVEDIR);
    }
    if (directory) closedir(directory);
}

static void restore_standard_descriptors(void) { for (int fd = 0; fd < FIRST_FD; fd++) dup2(null_fd, fd); }

/* Runs a program in a fork, where it may go on in a child of that, and kills and reaps all that it made. */
static void run_apart(struct value *program, unsigned traits) {
    int ends[2];
    char end;
    ssize_t ended;
    pid_t stem = getpid();
    if (pipe2(ends, O_CLOEXEC)) die("no pipe for a program");
    int outcome = private(ends[0]), answer = private(ends[1]);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    shared->processes = shared->waiting = shared->pid = 0;
    if (fork() == 0) {
        die_with(stem);
        close(outcome);
        note_process(getpid());
        shared->pid = getpid();
        observe(program, traits);
        shared->pid = 0;
        reset();
        send_out();
        write(answer, "", 1);
        _exit(0);
    }
    close(answer);
    do
        ended = read(outcome, &end, 1);
    while (ended < 0 && errno == EINTR);
    close(outcome);
    for (int i = 0; i < shared->processes; i++) kill(shared->process[i], SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) continue;
    if (ended != 1) die("the process of a program died");
    shared->processes = 0;
    shared->pid = getpid();
}

static void run_program(struct value *program) {
    unsigned traits = traits_of(member(program, "ops"));
    begin();
    if (traits & APART) {
        run_apart(program, traits);
    } else {
        observe(program, traits);
        send_out();
    }
    syscall(SYS_close_range, FIRST_FD, descriptors_max - 1, 0);
    /* Descriptors in a ring that is left behind would count among those that the next program has in flight. */
    if ((traits & RIGHTS) && abandoned_ring()) collect_rings(LOOKS_MAX);
    reset();
    if (traits & NUMBERS) restore_standard_descriptors();
    if (traits & NAMES) empty_directory(home_fd, ".");
}

/* The runner ------------------------------------------------------------------------------------------------------ */

static void confine(struct value *caller) {
    rlim_t file_bytes_max = number_in(caller, "file_size_bytes_max");
    descriptors_max = number_in(caller, "descriptors_max");
    if (chdir(home)) die("%s: %s", home, strerror(errno));
    home_fd = private_file(".");
    null_fd = private(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (home_fd < 0 || null_fd < 0) die("no descriptor of %s, or of /dev/null", home);
    umask(number_in(caller, "umask"));
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){file_bytes_max, file_bytes_max});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    limit_descriptors(descriptors_max);
    restore_standard_descriptors();
    syscall(SYS_close_range, FIRST_FD, descriptors_max - 1, 0);
    react_to_all();
    reset();
}

/* A program that has nothing to do with those that ran before. */
static void run_alone(struct value *program) {
    int status;
    pid_t parent = getpid();
    shared->pid = 0;
    pid_t child = fork();
    if (child == 0) {
        die_with(parent);
        shared->pid = getpid();
        run_program(program);
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (status) die("the process of a program ended with wait status %d", status);
    shared->pid = getpid();
}

static void run(struct value *message) {
    static bool confined;
    if (!confined) confine(member(message, "caller"));
    confined = true;
    shared->deadline_ms = member(message, "deadline_s")->real * 1000;
    shared->pid = getpid();
    write(state_pipe, "b", 1);
    for (struct value *program = member(message, "programs")->first; program; program = program->next)
        if (number_in(message, "alone")) run_alone(program);
        else run_program(program);
    shared->pid = 0;
    write(state_pipe, "e", 1);
}

/* The next message, NULL at the end of them. It lies in a buffer that the next one takes. */
static char *next_line(int messages) {
    static char *buffer;
    static size_t filled, room, used;
    memmove(buffer, buffer + used, filled -= used);
    for (size_t searched = 0;;) {
        char *end = filled > searched ? memchr(buffer + searched, '\n', filled - searched) : NULL;
        if (end) {
            *end = 0;
            used = end + 1 - buffer;
            return buffer;
        }
        searched = filled;
        if (room - filled < PAGE && !(buffer = realloc(buffer, room = 2 * room + (1 << 16))))
            die("no memory for a message");
        ssize_t part = read(messages, buffer + filled, room - filled);
        if (part == 0) return NULL;
        filled += part > 0 ? part : 0;
    }
}

static void hello(void);

static void serve(int messages) {
    int answered = 0;
    char *line;
    hello();
    while ((line = next_line(messages))) {
        forget_message();
        reading = line;
        struct value *message = read_value(), *kind = member(message, "message");
        if (kind->text && !strcmp(kind->text, "bye")) {
            putf("{\"message\":\"bye\",\"programs\":%d}\n", answered);
            send_out();
            break;
        }
        if (!kind->text || strcmp(kind->text, "run")) die("was sent a message that is neither run nor bye");
        answered += member(message, "programs")->count;
        run(message);
    }
    _exit(0);
}

/* What this machine is -------------------------------------------------------------------------------------------- */

static void put_fact_in(const char *name, const char *path) {
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof text - 1) > 0 && *text >= '0' && *text <= '9')
        putf("\"%s\":%ld,", name, atol(text));
    if (fd >= 0) close(fd);
}

/* Whether root holds CAP_SYS_RESOURCE: containers often withhold it. */
static bool resource_capable(void) {
    unsigned long held = 0;
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status)) sscanf(line, "CapEff: %lx", &held);
    if (status) fclose(status);
    return !geteuid() && (held >> 24 & 1);
}

/* The type of the file system that holds the programs' directory: of the longest mount point that it lies below. */
static void put_filesystem(void) {
    char *line = NULL, best[64] = "";
    size_t room = 0, best_length = 0;
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    while (mounts && getline(&line, &room, mounts) > 0) {
        char point[PATH_MAX], type[64];
        const char *right = strstr(line, " - ");
        if (!right || sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1 || sscanf(right, " - %63s", type) != 1)
            continue;
        size_t length = strcmp(point, "/") ? strlen(point) : 0;
        if (strncmp(home, point, length) || (home[length] != '/' && home[length]) || length < best_length) continue;
        best_length = length;
        strcpy(best, type);
    }
    free(line);
    if (mounts) fclose(mounts);
    if (*best) putf("\"filesystem\":\"%s\",", best);
}

/* Some ops have no call of their own, and are made of others that a kernel may lack. */
static void put_offered(void) {
    bool memory = !process_vm_readv(getpid(), NULL, 0, NULL, 0, 0) && !process_vm_writev(getpid(), NULL, 0, NULL, 0, 0);
    bool orphans = !prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    bool rings = collect_rings(500);
    const char *before = "[";
    for (int i = 0; i < OPS; i++) {
        bool is_memory = !strcmp(ops[i].name, "load") || !strcmp(ops[i].name, "store");
        if ((is_memory && !memory) || ((ops[i].traits & APART) && !orphans) || ((ops[i].traits & RIGHTS) && !rings))
            continue;
        putf("%s\"%s\"", before, ops[i].name);
        before = ",";
    }
    put("]");
}

static void hello(void) {
    struct utsname machine;
    uname(&machine);
    putf("{\"message\":\"hello\",\"protocol\":%d,\"name\":\"c-worker\",\"version\":\"%s ", PROTOCOL, machine.sysname);
    putf("%s\",\"capabilities\":{\"ops\":", machine.release);
    put_offered();
    put("},\"facts\":{");
    put_fact_in("pipe_size_bytes_max", "/proc/sys/fs/pipe-max-size");
    put_fact_in("datagram_queue_max", "/proc/sys/net/unix/max_dgram_qlen");
    put_fact_in("listen_backlog_max", "/proc/sys/net/core/somaxconn");
    put_filesystem();
    putf("\"uid\":%u,\"gid\":%u,\"capable\":%s,", getuid(), getgid(), getuid() ? "false" : "true");
    putf("\"resource_capable\":%s},\"environment\":{\"kernel\":", resource_capable() ? "true" : "false");
    char kernel[2 * sizeof machine.release + 2];
    snprintf(kernel, sizeof kernel, "%s %s", machine.release, machine.version);
    put_text(kernel);
    putf(",\"machine\":\"%s\"}}\n", machine.machine);
    send_out();
}

/* The watcher ----------------------------------------------------------------------------------------------------- */

struct look {
    int program, op, pid;
    char state;
    long switches;
};

/* The state letter of a process, and how often it has gone to sleep (proc_pid_status(5)). */
static struct look look_at(void) {
    struct look seen = {shared->program, shared->op, shared->pid, '?', -1};
    char path[32], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", seen.pid);
    int fd = seen.pid ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    text[length > 0 ? length : 0] = 0;
    const char *state = strstr(text, "State:\t"), *switches = strstr(text, "voluntary_ctxt_switches:");
    if (state && switches) {
        seen.state = state[strlen("State:\t")];
        seen.switches = atol(switches + strlen("voluntary_ctxt_switches:"));
    }
    return seen;
}

static bool same_op(const struct look *one, const struct look *other) {
    return one->program == other->program && one->op == other->op && one->pid == other->pid;
}

/* When the same op sleeps through two looks without having woken, it is nudged, so that a call that has moved
 * something returns; when it sleeps again it is interrupted for good, and counts as blocked.
 * No time enters into the decision, only whether the kernel says that the process sleeps. */
static void watch(int states, pid_t runner) {
    struct look seen = {.pid = -1}, nudged = {.pid = -1};
    long long since = 0;
    int program = -1, status;
    bool busy = false;
    for (;;) {
        struct pollfd word = {states, POLLIN, 0};
        char what;
        if (poll(&word, 1, busy ? LOOK_INTERVAL_MS : -1) > 0) {
            if (read(states, &what, 1) != 1) break;
            busy = what == 'b';
            continue;
        }
        if (program != shared->program) {
            program = shared->program;
            since = clock_ns(CLOCK_MONOTONIC);
        } else if ((clock_ns(CLOCK_MONOTONIC) - since) / 1000000 > shared->deadline_ms) {
            if (shared->pid) kill(shared->pid, SIGKILL);
            kill(runner, SIGKILL);
            fprintf(stderr, "a program made no progress for %g s and was killed\n", shared->deadline_ms / 1e3);
            break;
        }
        if (!shared->pid || seen.program != shared->program || seen.op != shared->op || seen.pid != shared->pid) {
            /* Nearly always the program has moved on, and its state need not be asked for. */
            seen = (struct look){shared->program, shared->op, shared->pid, '?', -1};
            continue;
        }
        struct look now = look_at();
        if (same_op(&now, &seen) && now.state == 'S' && seen.state == 'S' && now.switches == seen.switches) {
            kill(now.pid, same_op(&nudged, &now) ? GIVE_UP : NUDGE);
            nudged = now;
            now.state = '?';
        }
        seen = now;
    }
    waitpid(runner, &status, 0);
    empty_directory(AT_FDCWD, home);
    rmdir(home);
    if (WIFSIGNALED(status)) fprintf(stderr, "the runner was killed by signal %d\n", WTERMSIG(status));
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int main(void) {
    const char *base = getenv("FDCONFORM_DIRECTORY");
    char given[PATH_MAX - 32];
    int states[2];
    if (!realpath(base && strlen(base) < sizeof given - 32 ? base : ".", home) || strlen(home) >= sizeof given)
        die("the directory of programs: %s", strerror(errno));
    strcat(home, "/fdconform-XXXXXX");
    limit_descriptors(PRIVATE_FD_MAX + 1);
    void *page = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || !mkdtemp(home) || pipe2(states, O_CLOEXEC)) die("%s: %s", home, strerror(errno));
    shared = page;
    pid_t watcher = getpid(), runner = fork();
    if (runner < 0) die("no process for the runner: %s", strerror(errno));
    if (runner) {
        close(states[1]);
        close(0);
        close(1);
        watch(states[0], runner);
    }
    setpgid(0, 0); /* Ctrl-C at the terminal is no signal to a program. */
    die_with(watcher);
    close(states[0]);
    state_pipe = private(states[1]);
    complaints = private(dup(2));
    answers = private(dup(1));
    int messages = private(dup(0));
    if (messages < 0 || answers < 0 || complaints < 0 || state_pipe < 0)
        die("the limit on descriptors must be %d at least", PRIVATE_FD_MAX + 1);
    map_at(scratch, 1UL << 33, SCRATCH_BYTES);
    map_at(desk, 2 * DESK_BYTES, DESK_BYTES);
    serve(messages);
}
