/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How the worker serves the harness on the same machine, in place of the wire protocol: see c_native_worker.py.
 *
 * The harness watches the programs itself, with the shared page that it hands over. Messages either way are JSON
 * behind four bytes of length. An array stands for an object whose keys both sides know, a string for a named result
 * where one may stand, and for base64 where data may.
 */

enum { HEAD_BYTES = sizeof(uint32_t) };

/* Messages -------------------------------------------------------------------------------------------------------- */

static void begin_message(void) {
    room_for(HEAD_BYTES);
    out_length = HEAD_BYTES;
}

static void end_message(void) {
    uint32_t length = out_length - HEAD_BYTES;
    memcpy(out, &length, HEAD_BYTES);
}

static void begin_answer(struct value *program) {
    (void)program;
    begin_message();
    put("[");
}

static void end_answer(void) {
    put("]");
    end_message();
}

static void complain(const char *why) {
    begin_message();
    put_text(why);
    end_message();
    send_out();
}

static bool read_whole(int fd, void *to, size_t length) {
    for (ssize_t part; length; to = (char *)to + part, length -= part) {
        while ((part = read(fd, to, length)) < 0 && errno == EINTR) continue;
        if (part <= 0) return false;
    }
    return true;
}

/* The next message, NULL at the end of them. What was read of the one before is gone with it. */
static struct value *next_message(int requests) {
    static size_t room;
    static char *buffer;
    uint32_t length;
    forget_message();
    if (!read_whole(requests, &length, sizeof length)) return NULL;
    if (length >= room && !(buffer = realloc(buffer, room = length + 1UL))) die("no memory for a message");
    if (!read_whole(requests, buffer, length)) return NULL;
    buffer[length] = 0;
    reading = buffer;
    return read_value();
}

/* Service --------------------------------------------------------------------------------------------------------- */

static long long microseconds(struct timeval time) { return time.tv_sec * 1000000LL + time.tv_usec; }

static long long cpu_us(int who) {
    struct rusage used;
    getrusage(who, &used);
    return microseconds(used.ru_utime) + microseconds(used.ru_stime);
}

/* Whoever runs programs becomes the user that they run as; the directory and the page are held already. */
static void become(struct value *settings) {
    uid_t uid = number_in(settings, "uid");
    if (uid == getuid()) return;
    if (setgroups(0, NULL) || setgid(number_in(settings, "gid")) || setuid(uid)) die("cannot become user %u", uid);
}

/* Runs [alone, number of the first, programs]. Afterwards all is cleared away, and the time is counted. */
static void run(struct value *message) {
    struct value *alone = message->first, *number = alone->next;
    shared->program = number->number;
    for (struct value *program = number->next->first; program; program = program->next, shared->program++)
        if (alone->number) run_alone(program);
        else run_program(program);
    shared->cpu_us = cpu_us(RUSAGE_SELF) + cpu_us(RUSAGE_CHILDREN);
}

int main(int argc, char **argv) {
    pid_t parent = getppid();
    if (argc != 4) return 2;
    limit(RLIMIT_NOFILE, PRIVATE_FD_MAX + 1, PRIVATE_FD_MAX + 1);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[3]), 0);
    int requests = private(atoi(argv[1]));
    answers = private(atoi(argv[2]));
    if (shared == MAP_FAILED || requests < 0 || answers < 0) return 2;
    map_buffers();
    struct value *settings = next_message(requests);
    if (!settings) return 2;
    snprintf(home, sizeof home, "%s", member(settings, "directory")->text);
    confine(settings);
    become(settings);
    die_with(parent);
    shared->pid = getpid();
    for (struct value *message = settings; message; message = next_message(requests)) {
        if (message->kind == ARRAY) run(message);
        /* Every message is closed with null: the worker is ready for the next one. */
        begin_message();
        put("null");
        end_message();
        send_out();
    }
    return 0;
}
