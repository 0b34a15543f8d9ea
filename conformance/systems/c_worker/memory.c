/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Memory at known addresses, where what a system call does must not depend on where memory happens to lie.
 */

/* The scratch buffer takes what is read, for counts that nobody would allocate: only its beginning can be written.
 * Whether a huge count runs past the end of memory must not depend on where it lies, so it lies low.
 * On the desk lies data that is written, each piece at a page of its own: O_DIRECT asks for that. */
static char *const scratch = (char *)(1L << 32), *const desk = (char *)(1L << 31);
static const size_t SCRATCH_BYTES = 1 << 22, DESK_BYTES = 1 << 24;
static size_t desk_used;

/* What a message is made of lies here: memory that is zero, and hardly touched. */
static char *const kept = (char *)(1L << 35);
static const size_t KEPT_BYTES = 1UL << 30, FORGOTTEN_BYTES = 1 << 22;

/* Makes what was used of it zero again. */
static void forget_kept(size_t used) {
    if (used < FORGOTTEN_BYTES) memset(kept, 0, used);
    else madvise(kept, whole_pages(used), MADV_DONTNEED);
}

static void map_at(char *address, size_t reserved, size_t usable) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    char *found = mmap(address, reserved, PROT_NONE, flags, -1, 0);
    if (found != address || mprotect(found, usable, PROT_READ | PROT_WRITE)) die("no room for a buffer");
}

static void map_buffers(void) {
    map_at(scratch, 1UL << 33, SCRATCH_BYTES);
    map_at(desk, 2 * DESK_BYTES, DESK_BYTES);
    map_at(kept, KEPT_BYTES, KEPT_BYTES);
}
