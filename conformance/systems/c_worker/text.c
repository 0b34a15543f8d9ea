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
 * What each op takes and does is in the table `ops`; how its arguments are read, in `prepare`.
 * Python's worker is the measure of this one: where it makes a call again after a signal, so does this.
 */
#define _GNU_SOURCE
#include <asm/termbits.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
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
enum { SIG_IGNORE = 1, SIG_CATCH = 2 }; /* of the vocabulary */
static const long NS = 1000000000;

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
    dprintf(complaints, "\n");
    _exit(1);
}

static void limit(int resource, rlim_t soft, rlim_t hard) { setrlimit(resource, &(struct rlimit){soft, hard}); }

/* A copy of a descriptor above the limit of programs, or -1; the original is closed. */
static int private(int fd) {
    struct rlimit before;
    if (fd < 0) return -1;
    getrlimit(RLIMIT_NOFILE, &before);
    limit(RLIMIT_NOFILE, PRIVATE_FD_MAX + 1, before.rlim_max);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, PRIVATE_FD_MIN);
    close(fd);
    setrlimit(RLIMIT_NOFILE, &before);
    return copy;
}

static size_t whole_pages(size_t length) { return (length + PAGE - 1) / PAGE * PAGE; }

static int private_file(const char *path) { return private(open(path, O_RDONLY | O_CLOEXEC)); }

static long long clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * NS + now.tv_nsec;
}

/* Text that is written ---------------------------------------------------------------------------------------- */

enum { PUT_MAX = 1000 };
static char *out;
static size_t out_length, out_room;

static char *room_for(size_t length) {
    if (out_length + length > out_room && !(out = realloc(out, out_room = 2 * (out_length + length) + PAGE)))
        die("no memory for an answer");
    return out + out_length;
}

/* Writes at most PUT_MAX bytes, with " for each '. Always 0, for calls to return that have put their value. */
static int put(const char *format, ...) {
    va_list list;
    char *at = room_for(PUT_MAX);
    va_start(list, format);
    out_length += vsnprintf(at, PUT_MAX, format, list);
    va_end(list);
    while ((at = strchr(at, '\''))) *at = '"';
    return 0;
}

static void put_wide(wide number) {
    char text[48] = "";
    int place = sizeof text - 1;
    unsigned __int128 rest = number < 0 ? -(unsigned __int128)number : (unsigned __int128)number;
    do text[--place] = '0' + (int)(rest % 10);
    while (rest /= 10);
    put("%s%s", number < 0 ? "-" : "", text + place);
}

static void put_string(const char *text, size_t length) {
    put("'");
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = text[i];
        if (byte < 0x20 || byte == '\'' || byte == '"' || byte == '\\') put("\\u%04x", byte);
        else *room_for(1) = byte, out_length++;
    }
    put("'");
}

static int put_text(const char *text) { return put_string(text, strlen(text)), 0; }

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"; /* of base64 */

static int put_data(const void *from, size_t length) {
    const unsigned char *data = from;
    put("{'base64':'");
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
    return put("'}");
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

struct value {
    enum { NOTHING, TRUTH, NUMBER, STRING, ARRAY, OBJECT } kind;
    int count;     /* of members */
    wide number;   /* without its fraction; 1 for true */
    double real;   /* with it */
    char *text;    /* ends with a NUL behind its length */
    size_t length;
    char *key;     /* of the member of an object */
    struct value *first, *next;
};

/* What a message is made of is kept until the next one comes: memory that is zero and has not been touched yet. */
static char *const kept = (char *)(1L << 35);
static const size_t KEPT_BYTES = 1UL << 30;
static size_t kept_used;

static void *keep(size_t length) {
    kept_used += (length + 15) & ~(size_t)15;
    if (length > KEPT_BYTES || kept_used > KEPT_BYTES) die("was sent a message that is too large");
    return kept + kept_used - ((length + 15) & ~(size_t)15);
}

static void forget_message(void) {
    madvise(kept, whole_pages(kept_used), MADV_DONTNEED);
    kept_used = 0;
}

static char *reading;

static void skip_space(void) { reading += strspn(reading, " \t\r\n"); }

static void expect(char what) {
    skip_space();
    if (*reading++ != what) die("was sent no JSON: '%c' was expected before %.20s", what, reading);
}

static unsigned four_digits(void) {
    char text[5] = "";
    strncpy(text, reading, 4);
    reading += strlen(text);
    return strtoul(text, NULL, 16);
}

/* The character of an escape, as UTF-8. */
static char *escaped(char *to) {
    unsigned code = four_digits();
    if (code >= 0xD800 && code < 0xDC00 && reading[0] == '\\' && reading[1] == 'u') {
        reading += 2;
        code = 0x10000 + ((code & 0x3FF) << 10 | (four_digits() & 0x3FF));
    }
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    *to++ = more ? 0xFF00 >> (more + 1) | code >> 6 * more : code;
    while (more--) *to++ = 0x80 | (code >> 6 * more & 63);
    return to;
}

/* A string, in the place of what it was made from, which is never shorter. */
static char *read_string(size_t *length) {
    static const char letters[] = "nrtbf", meant[] = "\n\r\t\b\f";
    expect('"');
    char *start = reading, *to = reading;
    while (*reading && *reading != '"') {
        if (*reading != '\\') {
            *to++ = *reading++;
            continue;
        }
        const char *letter = strchr(letters, reading[1]);
        reading += 2;
        if (reading[-1] == 'u') to = escaped(to);
        else *to++ = letter && *letter ? meant[letter - letters] : reading[-1];
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
    for (skip_space(); *reading != end; skip_space(), link = &(*link)->next) {
        size_t length;
        char *key = NULL;
        if (into->count++) expect(',');
        if (end == '}') {
            key = read_string(&length);
            expect(':');
        }
        *link = read_value();
        (*link)->key = key;
    }
    reading++;
}

static void read_number(struct value *into) {
    bool negative = *reading == '-';
    char *end, *digit = reading + negative;
    into->kind = NUMBER;
    into->real = strtod(reading, &end);
    if (end == reading) die("was sent no JSON: %.20s", reading);
    for (; *digit >= '0' && *digit <= '9'; digit++) into->number = into->number * 10 + (*digit - '0');
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

static long number_in(struct value *object, const char *key) { return member(object, key)->number; }

/* Named results ----------------------------------------------------------------------------------------------- */

static struct {
    const char *name;
    int number;
} slots[SLOTS_MAX];
static int slots_used;

/* A name that is given again comes to stand for the newer result: it is found first. */
static int slot_number(const char *name) {
    for (int i = slots_used; i-- > 0;)
        if (!strcmp(slots[i].name, name)) return slots[i].number;
    return NEVER_OPENED;
}

static void set_slot(const char *name, int number) {
    if (slots_used == SLOTS_MAX) die("was sent a program with more than %d results", SLOTS_MAX);
    slots[slots_used].name = name;
    slots[slots_used++].number = number;
}

/* The number behind {"slot": name}, {"mapping": name} or {"process": name}, or a number itself. */
static wide resolved(struct value *given) {
    if (given->kind != OBJECT || !given->first) return given->number;
    int number = slot_number(given->first->text);
    return number - (*given->first->key == 'm' ? MAPPINGS_FROM : *given->first->key == 'p' ? PROCESSES_FROM : 0);
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
    char *found = mmap(address, reserved, PROT_NONE, flags, -1, 0);
    if (found != address || mprotect(found, usable, PROT_READ | PROT_WRITE)) die("no room for a buffer");
}

static char *place(size_t length) {
    if (length > DESK_BYTES || desk_used + length > DESK_BYTES) return keep(length);
    desk_used += whole_pages(length);
    return desk + desk_used - whole_pages(length);
}

static size_t read_base64(const char *text, size_t length, unsigned char *to) {
    unsigned word = 0, bits = 0;
    unsigned char *start = to;
    for (size_t i = 0; i < length && text[i] != '='; i++) {
        word = word << 6 | (strchr(digits, text[i]) - digits);
        if ((bits += 6) >= 8) *to++ = word >> (bits -= 8);
    }
    return to - start;
}

/* The bytes of {"base64": text} or {"pattern": [length, seed]}, on the desk. */
static struct iovec payload(struct value *given) {
    struct value *inside = given->first;
    struct iovec data = {desk, 0};
    if (!inside) return data;
    if (inside->kind == STRING) {
        data.iov_base = place(inside->length / 4 * 3 + 3);
        data.iov_len = read_base64(inside->text, inside->length, data.iov_base);
        return data;
    }
    size_t start = (inside->first->next->number % PATTERN_PERIOD + PATTERN_PERIOD) % PATTERN_PERIOD;
    data.iov_len = inside->first->number;
    data.iov_base = place(data.iov_len);
    for (size_t i = 0; i < data.iov_len; i++) ((unsigned char *)data.iov_base)[i] = (start + i) % PATTERN_PERIOD;
    return data;
}
