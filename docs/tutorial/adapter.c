// Copyright The fdconform Authors
// SPDX-License-Identifier: Apache-2.0
// An adapter in C for a system that is reached by calls of C: here libc's pipe2, dup and close.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// What is not understood, an adapter answers by leaving.
static void leave(const char *why) {
    fprintf(stderr, "adapter: %s\n", why);
    exit(1);
}

// JSON, as much of it as the protocol needs ---------------------------------------------------------

enum kind { NUMBER, TEXT, WORD, LIST, OBJECT };

struct value {
    enum kind kind;
    long long number;
    char *text;
    char *key;  // its name in the object that it is a member of
    struct value *first, *next;
};

static char *at;  // what has not been read of the line

static void skip_space(void) { at += strspn(at, " \t\r\n"); }

static int next_is(char wanted) {
    skip_space();
    if (*at != wanted) return 0;
    at++;
    return 1;
}

// The text stays in the line. Names of calls and results have no escapes: the character behind a backslash is kept.
static char *read_text(void) {
    if (!next_is('"')) leave("expected a string");
    char *start = at, *end = at;
    while (*at != '"') {
        if (*at == '\\') at++;
        if (!*at) leave("a string without an end");
        *end++ = *at++;
    }
    at++;
    *end = 0;
    return start;
}

static struct value *read_value(int depth) {
    struct value *made = calloc(1, sizeof *made);
    if (!made || depth > 32) leave("too much to read");
    skip_space();
    if (*at == '"') {
        made->kind = TEXT;
        made->text = read_text();
    } else if (*at == '{' || *at == '[') {
        made->kind = *at == '{' ? OBJECT : LIST;
        char close = *at++ == '{' ? '}' : ']';
        struct value **last = &made->first;
        while (!next_is(close)) {
            if (made->first && !next_is(',')) leave("expected a comma");
            char *key = made->kind == OBJECT ? read_text() : NULL;
            if (key && !next_is(':')) leave("expected a colon");
            *last = read_value(depth + 1);
            (*last)->key = key;
            last = &(*last)->next;
        }
    } else if (strchr("-0123456789", *at) && *at) {
        char *end;
        made->kind = NUMBER;
        made->number = strtoll(at, NULL, 10);
        strtod(at, &end);  // a deadline has a fraction
        at = end;
    } else {
        size_t length = strspn(at, "aeflnrstu");
        if (strncmp(at, "true", length) && strncmp(at, "false", length) && strncmp(at, "null", length)) length = 0;
        if (length < 4) leave("expected a value");
        made->kind = WORD;
        at += length;
    }
    return made;
}

static void forget(struct value *value) {
    while (value) {
        struct value *next = value->next;
        forget(value->first);
        free(value);
        value = next;
    }
}

static struct value *member(struct value *object, const char *key, enum kind kind) {
    for (struct value *each = object->kind == OBJECT ? object->first : NULL; each; each = each->next)
        if (!strcmp(each->key, key) && each->kind == kind) return each;
    leave(key);
    return NULL;
}

// Names of results ------------------------------------------------------------------------------------

enum { NAMES_MAX = 4096, NEVER_OPEN = 1000 };

static struct { const char *name; int fd; } names[NAMES_MAX];
static int named;

static void name(struct value *out, int fd) {
    if (!out) return;
    if (named == NAMES_MAX) leave("more names than there is room for");
    names[named].name = out->text;
    names[named++].fd = fd;
}

static int number_of(struct value *argument) {
    if (!argument) leave("an argument is missing");
    if (argument->kind == NUMBER) return (int)argument->number;
    const char *wanted = member(argument, "slot", TEXT)->text;
    for (int place = named; place--;)  // what a name stands for is what it was given to last
        if (!strcmp(names[place].name, wanted)) return names[place].fd;
    return NEVER_OPEN;
}

// Ops ---------------------------------------------------------------------------------------------------

static void run_op(struct value *op) {
    const char *call = member(op, "call", TEXT)->text;
    struct value *argument = member(op, "arguments", LIST)->first;
    struct value *out = member(op, "out", LIST)->first;
    int fds[2] = {NEVER_OPEN, NEVER_OPEN}, result;

    if (!strcmp(call, "pipe2")) {
        result = pipe2(fds, number_of(argument));
    } else if (!strcmp(call, "dup")) {
        result = dup(number_of(argument));
        if (result >= 0) fds[0] = result;
    } else if (!strcmp(call, "close")) {
        result = close(number_of(argument));
    } else {
        printf("{\"unsupported\":\"no such call\"}");
        return;
    }

    if (result < 0)
        printf("{\"errno\":%d}", errno);
    else if (!strcmp(call, "pipe2"))
        printf("{\"value\":[%d,%d]}", fds[0], fds[1]);
    else
        printf("{\"value\":%d}", result);
    name(out, fds[0]);
    name(out ? out->next : NULL, fds[1]);
}

static void run_program(struct value *program) {
    const char *comma = "";
    named = 0;
    printf("{\"message\":\"observed\",\"program\":\"%s\",\"observations\":[", member(program, "id", TEXT)->text);
    for (struct value *op = member(program, "ops", LIST)->first; op; op = op->next) {
        printf("%s", comma);
        run_op(op);
        comma = ",";
    }
    printf("]}\n");
    fflush(stdout);
    // The next program starts afresh: the adapter itself has nothing open but 0 to 2.
    for (int fd = 3; fd < NEVER_OPEN; fd++) close(fd);
}

// Programs run under the limits that the message tells of.
static void limit(struct value *caller) {
    rlim_t most = member(caller, "descriptors_max", NUMBER)->number;
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){most, most});
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    int answered = 0;
    printf("{\"message\":\"hello\",\"protocol\":1,\"name\":\"libc\",\"version\":\"1.0\","
           "\"capabilities\":{\"ops\":[\"pipe2\",\"dup\",\"close\"]}}\n");
    fflush(stdout);
    while (getline(&line, &room, stdin) > 0) {
        at = line;
        struct value *message = read_value(0);
        skip_space();
        if (*at) leave("more than one value in a line");
        const char *kind = member(message, "message", TEXT)->text;
        if (!strcmp(kind, "bye")) {
            printf("{\"message\":\"bye\",\"programs\":%d}\n", answered);
            return 0;
        }
        if (strcmp(kind, "run")) leave("no message of the harness");
        limit(member(message, "caller", OBJECT));
        for (struct value *each = member(message, "programs", LIST)->first; each; each = each->next, answered++)
            run_program(each);
        forget(message);
    }
    return 0;
}
