/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * JSON: how answers are written, and how messages are read.
 */

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
    char *at = room_for(PUT_MAX), *start = at;
    const char *from = format;
    /* Most of what is written are a few signs of JSON. */
    for (; *from && *from != '%'; from++) *at++ = *from == '\'' ? '"' : *from;
    if (!*from) return out_length += at - start, 0;
    va_start(list, format);
    out_length += vsnprintf(start, PUT_MAX, format, list);
    va_end(list);
    for (at = start; (at = strchr(at, '\''));) *at = '"';
    return 0;
}

static void put_number(long long number) {
    char text[24], *digit = text + sizeof text;
    unsigned long long rest = number < 0 ? -(unsigned long long)number : (unsigned long long)number;
    do *--digit = '0' + rest % 10;
    while (rest /= 10);
    if (number < 0) *--digit = '-';
    memcpy(room_for(sizeof text), digit, text + sizeof text - digit);
    out_length += text + sizeof text - digit;
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

/* What a message is made of is kept until the next one comes, in memory that is zero and hardly touched. */
static size_t kept_used;

static void *keep(size_t length) {
    kept_used += (length + 15) & ~(size_t)15;
    if (length > KEPT_BYTES || kept_used > KEPT_BYTES) die("was sent a message that is too large");
    return kept + kept_used - ((length + 15) & ~(size_t)15);
}

static void forget_message(void) {
    forget_kept(kept_used);
    kept_used = 0;
}

static char *reading;

static void skip_space(void) {
    while (*reading == ' ' || *reading == '\t' || *reading == '\r' || *reading == '\n') reading++;
}

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
    char *digit = reading + negative;
    wide number = 0;
    into->kind = NUMBER;
    if (*digit < '0' || *digit > '9') die("was sent no JSON: %.20s", reading);
    for (; *digit >= '0' && *digit <= '9'; digit++) number = number * 10 + (*digit - '0');
    into->number = negative ? -number : number;
    into->real = into->number;
    if (*digit == '.' || *digit == 'e' || *digit == 'E') into->real = strtod(reading, &digit);
    reading = digit;
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
static struct value nothing;

static struct value *member(struct value *object, const char *key) {
    for (struct value *found = object->first; found; found = found->next)
        if (found->key && !strcmp(found->key, key)) return found;
    return &nothing;
}

static long number_in(struct value *object, const char *key) { return member(object, key)->number; }

/* The member of an object, or of an array that stands for one. */
static struct value *part(struct value *whole, const char *key, int place) {
    if (whole->kind != ARRAY) return member(whole, key);
    struct value *found = whole->first;
    while (found && place--) found = found->next;
    return found ? found : &nothing;
}
