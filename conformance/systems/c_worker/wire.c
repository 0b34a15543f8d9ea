/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How the worker speaks the wire protocol, and who watches the programs.
 */

static int complaints = 2, state_pipe = -1;

/* Answers --------------------------------------------------------------------------------------------------------- */

static void complain(const char *why) { dprintf(complaints, "%s\n", why); }

static void begin_answer(struct value *program) {
    struct value *id = member(program, "id");
    put("{'message':'observed','program':");
    put_string(id->text, id->length);
    put(",'observations':[");
}

static void end_answer(void) { put("]}\n"); }

/* The runner ------------------------------------------------------------------------------------------------------ */

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
        if (shared->program++, number_in(message, "alone")) run_alone(program);
        else run_program(program);
    shared->pid = 0;
    tell_watcher("e");
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
    put_fact_in("socket_buffer_bytes_default", "/proc/sys/net/core/wmem_default");
    put_fact_in("socket_buffer_bytes_max", "/proc/sys/net/core/wmem_max");
    struct timespec tick;
    clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
    put("'timer_ticks_per_second':%ld,", tick.tv_nsec < 1000 ? 1000000 : (1000000000 + tick.tv_nsec / 2) / tick.tv_nsec);
    put_filesystem();
    put("'uid':%u,'gid':%u,'capable':%s,", getuid(), getgid(), getuid() ? "false" : "true");
    put("'resource_capable':%s},'environment':{", resource_capable() ? "true" : "false");
    put("'kernel':'%s %s','machine':'%s'}}\n", machine.release, machine.version, machine.machine);
    send_out();
}

/* The watcher ----------------------------------------------------------------------------------------------------- */

struct look {
    unsigned program, op, pid;
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
    unsigned program = -1;
    int status;
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
    map_buffers();
    say_hello();
    serve(messages);
    _exit(0);
}
