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
