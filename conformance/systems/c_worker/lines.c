/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How messages come in: a line each; and how long they are served.
 */

/* The next message, NULL at the end of them. It lies in a buffer that the next one takes. */
static char *next_line(int messages) {
    static char *buffer;
    static size_t filled, room, used;
    filled -= used;
    if (filled) memmove(buffer, buffer + used, filled);
    for (size_t searched = 0;;) {
        char *end = filled > searched ? memchr(buffer + searched, '\n', filled - searched) : NULL;
        if (end) {
            *end = 0;
            used = end + 1 - buffer;
            return buffer;
        }
        searched = filled;
        if (room - filled < PAGE) buffer = realloc(buffer, room = 2 * room + (1 << 16));
        if (!buffer) die("no memory for a message");
        ssize_t part = read(messages, buffer + filled, room - filled);
        if (part == 0) return NULL;
        filled += part > 0 ? part : 0;
    }
}

/* Answers a message that has programs. */
static void run(struct value *message);

/* Until the harness says bye, or goes away. */
static void serve(int messages) {
    int answered = 0;
    for (char *line; (line = next_line(messages));) {
        forget_message();
        reading = line;
        struct value *message = read_value();
        const char *kind = member(message, "message")->text;
        if (kind && !strcmp(kind, "bye")) {
            put("{'message':'bye','programs':%d}\n", answered);
            send_out();
            return;
        }
        if (!kind || strcmp(kind, "run")) die("was sent a message that is neither run nor bye");
        run(message);
        answered += member(message, "programs")->count;
    }
}
