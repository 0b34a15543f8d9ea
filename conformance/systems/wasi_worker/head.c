/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The WASI worker of fdconform: runs programs on the runtime it stands on (preview 1), and speaks the wire protocol.
 *
 *     clang --target=wasm32-wasi -O2 -fwrapv worker.c -o worker.wasm
 *
 * WASI has files, and no processes, signals, pipes or owners: there is one process, nothing in it sleeps,
 * and the ops that it offers are those of files.
 *
 * Descriptor 3 of every WASI program is the directory that it was given, and WASI promises nothing of the numbers of
 * others. So numbers are given here, as Linux gives them: the lowest that is free, from 3 on.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef __wasi__
#error "this is the worker for WASI"
#endif

typedef long long wide; /* no op here takes a time */

enum { PROTOCOL = 1, FIRST_FD = 3, PROGRAM_FDS = 256, NOT_OPEN = 1 << 20, NEVER_OPENED = 1000, SLOTS_MAX = 4096 };
enum { PAGE = 4096, PATTERN_PERIOD = 251, TARGET_MAX = 4096, PIECES_MAX = 2048 };
enum { SCRATCH_BYTES = 1 << 22, DESK_BYTES = 1 << 24, KEPT_BYTES = 1 << 26 };

/* What is read, what is written, and what messages are made of. */
static char scratch[SCRATCH_BYTES], desk[DESK_BYTES], kept[KEPT_BYTES] __attribute__((aligned(16)));
static size_t desk_used;
static const int answers = 1;

static void forget_kept(size_t used) { memset(kept, 0, used); }

static size_t whole_pages(size_t length) { return (length + PAGE - 1) / PAGE * PAGE; }

/* Ends the worker: the harness shows the reason. */
static void die(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    _Exit(1);
}
