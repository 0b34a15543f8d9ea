/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How programs are run, and who watches them.
 */

/* One program ----------------------------------------------------------------------------------------------------- */

static unsigned traits_of(struct value *program) {
    unsigned traits = 0;
    for (struct value *given = member(program, "ops")->first; given; given = given->next) {
        const struct op *op = op_of(given);
        traits |= op ? op->traits : 0;
    }
    return traits;
}

/* Writes what each op gives. Whoever comes out of this is the process that the program went on in. */
static void observe(struct value *program, unsigned traits) {
    struct value *id = member(program, "id");
    shared->op = 0;
    put("{'message':'observed','program':");
    put_string(id->text, id->length);
    put(",'observations':[");
    for (struct value *op = member(program, "ops")->first; op; op = op->next, shared->op++) {
        observe_op(op, traits);
        put(op->next ? "," : "");
    }
    put("]}\n");
}

/* Takes back what was done to the program's directory, which outlives the process. */
static void restore_directory(void) {
    char list[1 << 16];
    if (directory_touched && !fchown(home_fd, directory_before.st_uid, directory_before.st_gid))
        fchmod(home_fd, directory_before.st_mode & 07777);
    ssize_t length = directory_has_attributes ? flistxattr(home_fd, list, sizeof list) : 0;
    for (char *name = list; name < list + length; name += strlen(name) + 1)
        if (!strncmp(name, "user.", strlen("user."))) fremovexattr(home_fd, name);
    directory_touched = directory_has_attributes = false;
}

/* Forgets everything of a program. The directory can be entered again once its mode is what it was. */
static void reset(void) {
    struct rlimit size;
    restore_directory();
    if (away && fchdir(home_fd)) die("the program's directory cannot be entered again: %s", strerror(errno));
    unmap_all();
    if (limited && !getrlimit(RLIMIT_FSIZE, &size)) limit(RLIMIT_FSIZE, size.rlim_max, size.rlim_max);
    if (terminals_opened) memset(masters, 0, sizeof masters);
    away = limited = terminals_opened = received = false;
    slots_used = abstract_count = travellers_count = inodes.count = devices.count = terminals.count = 0;
    looked_at = raised = 0;
}

static void empty_directory(int parent, const char *name) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (!unlinkat(fd, entry->d_name, 0) || errno != EISDIR) continue;
        /* A program may have locked its own directories. */
        if (!fchmodat(fd, entry->d_name, 0700, 0)) empty_directory(fd, entry->d_name);
        unlinkat(fd, entry->d_name, AT_REMOVEDIR);
    }
    if (directory) closedir(directory);
}

static void restore_standard_descriptors(void) {
    for (int fd = 0; fd < FIRST_FD; fd++) dup2(null_fd, fd);
}

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
        _exit(write(answer, "", 1) != 1);
    }
    close(answer);
    while ((ended = read(outcome, &end, 1)) < 0 && errno == EINTR) continue;
    close(outcome);
    for (int i = 0; i < shared->processes; i++) kill(shared->process[i], SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) continue;
    if (ended != 1) die("the process of a program died");
    shared->processes = 0;
    shared->pid = getpid();
}

static void run_program(struct value *program) {
    unsigned traits = traits_of(program);
    shared->program++;
    started_ns = clock_ns(CLOCK_REALTIME_COARSE);
    if (traits & APART) run_apart(program, traits);
    else observe(program, traits), send_out();
    syscall(SYS_close_range, FIRST_FD, descriptors_max - 1, 0);
    /* Descriptors in a ring that is left behind would count among those that the next program has in flight. */
    if ((traits & RIGHTS) && abandoned_ring()) collect_rings();
    reset();
    if (traits & NUMBERS) restore_standard_descriptors();
    if (traits & NAMES) empty_directory(home_fd, ".");
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

/* The runner ------------------------------------------------------------------------------------------------------ */

static void confine(struct value *caller) {
    rlim_t file_bytes_max = number_in(caller, "file_size_bytes_max");
    descriptors_max = number_in(caller, "descriptors_max");
    if (chdir(home)) die("%s: %s", home, strerror(errno));
    home_fd = private_file(".");
    null_fd = private(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (home_fd < 0 || null_fd < 0) die("no descriptor of %s, or of /dev/null", home);
    umask(number_in(caller, "umask"));
    limit(RLIMIT_FSIZE, file_bytes_max, file_bytes_max);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_NOFILE, descriptors_max, PRIVATE_FD_MAX + 1);
    restore_standard_descriptors();
    syscall(SYS_close_range, FIRST_FD, descriptors_max - 1, 0);
    for (size_t i = 0; i < sizeof RECORDED / sizeof *RECORDED; i++) react(RECORDED[i], record);
    react(NUDGE, wake);
    react(GIVE_UP, wake);
}

/* That programs begin, or that they have ended. */
static void tell_watcher(const char *what) {
    if (write(state_pipe, what, 1) != 1) _exit(1);
}

static void run(struct value *message) {
    if (home_fd < 0) confine(member(message, "caller"));
    shared->deadline_ms = member(message, "deadline_s")->real * 1000;
    shared->pid = getpid();
    tell_watcher("b");
    for (struct value *program = member(message, "programs")->first; program; program = program->next)
        if (number_in(message, "alone")) run_alone(program);
        else run_program(program);
    shared->pid = 0;
    tell_watcher("e");
}

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

/* What this machine is -------------------------------------------------------------------------------------------- */

static void put_fact_in(const char *name, const char *path) {
    long number;
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%ld", &number) == 1) put("'%s':%ld,", name, number);
    if (file) fclose(file);
}

/* Whether root holds CAP_SYS_RESOURCE: containers often withhold it. */
static bool resource_capable(void) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3];
    return !getuid() && !syscall(SYS_capget, &head, held) && (held[0].effective >> CAP_SYS_RESOURCE & 1);
}

/* The type of the file system that holds the programs' directory: of the longest mount point that it lies below. */
static void put_filesystem(void) {
    char *line = NULL, best[64] = "", point[PATH_MAX], type[64];
    size_t room = 0, best_length = 0;
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    while (mounts && getline(&line, &room, mounts) > 0) {
        const char *right = strstr(line, " - ");
        if (!right || sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1) continue;
        if (sscanf(right, " - %63s", type) != 1) continue;
        size_t length = strcmp(point, "/") ? strlen(point) : 0;
        bool below = !strncmp(home, point, length) && (home[length] == '/' || !home[length]);
        if (below && length >= best_length) best_length = length, strcpy(best, type);
    }
    free(line);
    if (mounts) fclose(mounts);
    if (*best) put("'filesystem':'%s',", best);
}

/* Some ops have no call of their own, and are made of others that a kernel may lack. */
static void put_offered(void) {
    bool memory = !process_vm_readv(getpid(), NULL, 0, NULL, 0, 0) && !process_vm_writev(getpid(), NULL, 0, NULL, 0, 0);
    bool orphans = !prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), rings = abandon_and_wait(500);
    const char *before = "[";
    for (int i = 0; i < OPS; i++) {
        bool copies = !strcmp(ops[i].name, "load") || !strcmp(ops[i].name, "store");
        bool apart = ops[i].traits & APART, rights = ops[i].traits & RIGHTS;
        if ((copies && !memory) || (apart && !orphans) || (rights && !rings)) continue;
        put("%s'%s'", before, ops[i].name);
        before = ",";
    }
    put("]");
}

static void say_hello(void) {
    struct utsname machine;
    uname(&machine);
    put("{'message':'hello','protocol':%d,'name':'c-worker','version':'%s ", PROTOCOL, machine.sysname);
    put("%s','capabilities':{'ops':", machine.release);
    put_offered();
    put("},'facts':{");
    int major, minor;
    if (sscanf(machine.release, "%d.%d", &major, &minor) == 2) put("'kernel':[%d,%d],", major, minor);
    put_fact_in("pipe_size_bytes_max", "/proc/sys/fs/pipe-max-size");
    put_fact_in("datagram_queue_max", "/proc/sys/net/unix/max_dgram_qlen");
    put_fact_in("listen_backlog_max", "/proc/sys/net/core/somaxconn");
    put_filesystem();
    put("'uid':%u,'gid':%u,'capable':%s,", getuid(), getgid(), getuid() ? "false" : "true");
    put("'resource_capable':%s},'environment':{", resource_capable() ? "true" : "false");
    put("'kernel':'%s %s','machine':'%s'}}\n", machine.release, machine.version, machine.machine);
    send_out();
}

/* The watcher ----------------------------------------------------------------------------------------------------- */

struct look {
    int program, op, pid;
    char state;
    long switches;
};

/* What runs; with the state letter of its process, and how often that has gone to sleep (proc_pid_status(5)). */
static struct look look(bool closely) {
    struct look seen = {shared->program, shared->op, shared->pid, '?', -1};
    char path[32], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", seen.pid);
    int fd = closely ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
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
static void wake_sleeper(struct look *seen, struct look *nudged) {
    struct look now = look(false);
    /* Nearly always the program has moved on, and its state need not be asked for. */
    if (now.pid && same_op(&now, seen)) now = look(true);
    if (now.state == 'S' && seen->state == 'S' && same_op(&now, seen) && now.switches == seen->switches) {
        kill(now.pid, same_op(nudged, &now) ? GIVE_UP : NUDGE);
        *nudged = now;
        now.state = '?';
    }
    *seen = now;
}

static void watch(int states, pid_t runner) {
    struct look seen = {0}, nudged = {0};
    struct pollfd word = {states, POLLIN, 0};
    long long since = 0;
    int program = -1, status;
    char what = 'e';
    for (;;) {
        if (poll(&word, 1, what == 'b' ? LOOK_INTERVAL_MS : -1) > 0) {
            if (read(states, &what, 1) != 1) break;
            continue;
        }
        if (program != shared->program) program = shared->program, since = clock_ns(CLOCK_MONOTONIC);
        if ((clock_ns(CLOCK_MONOTONIC) - since) / 1000000 > shared->deadline_ms) {
            if (shared->pid) kill(shared->pid, SIGKILL);
            kill(runner, SIGKILL);
            fprintf(stderr, "a program made no progress for %g s and was killed\n", shared->deadline_ms / 1e3);
            break;
        }
        wake_sleeper(&seen, &nudged);
    }
    waitpid(runner, &status, 0);
    empty_directory(AT_FDCWD, home);
    rmdir(home);
    if (WIFSIGNALED(status)) fprintf(stderr, "the runner was killed by signal %d\n", WTERMSIG(status));
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int main(void) {
    const char *base = getenv("FDCONFORM_DIRECTORY");
    static const char name[] = "/fdconform-XXXXXX";
    int states[2];
    if (!realpath(base ? base : ".", home) || strlen(home) + sizeof name > sizeof home)
        die("the directory of programs: %s", strerror(errno));
    strcat(home, name);
    limit(RLIMIT_NOFILE, PRIVATE_FD_MAX + 1, PRIVATE_FD_MAX + 1);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || !mkdtemp(home) || pipe2(states, O_CLOEXEC)) die("%s: %s", home, strerror(errno));
    pid_t watcher = getpid(), runner = fork();
    if (runner < 0) die("no process for the runner: %s", strerror(errno));
    if (runner) {
        close(states[1]), close(0), close(1);
        watch(states[0], runner);
    }
    setpgid(0, 0); /* Ctrl-C at the terminal is no signal to a program. */
    die_with(watcher);
    close(states[0]);
    state_pipe = private(states[1]);
    complaints = private(dup(2));
    answers = private(dup(1));
    int messages = private(dup(0));
    if (messages < 0) die("the limit on descriptors must be %d at least", PRIVATE_FD_MAX + 1);
    map_at(scratch, 1UL << 33, SCRATCH_BYTES);
    map_at(desk, 2 * DESK_BYTES, DESK_BYTES);
    map_at(kept, KEPT_BYTES, KEPT_BYTES);
    say_hello();
    serve(messages);
    _exit(0);
}
