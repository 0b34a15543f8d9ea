/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the arguments of an op stand for: results of earlier ops, and data at known addresses.
 */

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

/* The number behind {"slot": name}, {"mapping": name} or {"process": name}, or behind a name or a number itself.
 * `from` is what lies above the numbers of that kind of result. */
static wide resolved(struct value *given, int from) {
    const char *name = given->kind == OBJECT && given->first ? given->first->text : given->text;
    return name ? slot_number(name) - from : given->number;
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

static void map_buffers(void) {
    map_at(scratch, 1UL << 33, SCRATCH_BYTES);
    map_at(desk, 2 * DESK_BYTES, DESK_BYTES);
    map_at(kept, KEPT_BYTES, KEPT_BYTES);
}

static char *place(size_t length) {
    if (length > DESK_BYTES || desk_used + length > DESK_BYTES) return keep(length);
    desk_used += whole_pages(length);
    return desk + desk_used - whole_pages(length);
}

static size_t read_base64(const char *text, size_t length, unsigned char *to) {
    static unsigned char places[256];
    unsigned word = 0, bits = 0;
    unsigned char *start = to;
    for (int i = 0; !places['/'] && i < 64; i++) places[(unsigned char)digits[i]] = i;
    for (size_t i = 0; i < length && text[i] != '='; i++) {
        word = word << 6 | places[(unsigned char)text[i]];
        if ((bits += 6) >= 8) *to++ = word >> (bits -= 8);
    }
    return to - start;
}

/* The bytes of {"base64": text} or {"pattern": [length, seed]}, or of such a text or array, on the desk. */
static struct iovec payload(struct value *given) {
    struct value *inside = given->kind == OBJECT ? given->first : given;
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
    unsigned char *bytes = data.iov_base;
    size_t filled = data.iov_len < PATTERN_PERIOD ? data.iov_len : PATTERN_PERIOD;
    for (size_t i = 0; i < filled; i++) bytes[i] = (start + i) % PATTERN_PERIOD;
    for (size_t part; filled < data.iov_len; filled += part) {
        part = filled < data.iov_len - filled ? filled : data.iov_len - filled;
        memcpy(bytes + filled, bytes, part);
    }
    return data;
}
