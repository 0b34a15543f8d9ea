/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How one program is run, and all that it made is cleared away.
 */

/* How an answer begins and ends is the business of whoever speaks with the harness. */
static void begin_answer(struct value *program);
static void end_answer(void);

static struct value *ops_in(struct value *program) {
    return (program->kind == ARRAY ? program : member(program, "ops"))->first;
}

static unsigned traits_of(struct value *program) {
    unsigned traits = 0;
    for (struct value *given = ops_in(program); given; given = given->next) {
        const struct op *op = op_of(given);
        traits |= op ? op->traits : 0;
    }
    return traits;
}

/* Writes what each op gives. Whoever comes out of this is the process that the program went on in. */
static void observe(struct value *program, unsigned traits) {
    shared->op = 0;
    begin_answer(program);
    for (struct value *op = ops_in(program); op; op = op->next, shared->op++) {
        observe_op(op, traits);
        if (op->next) put(",");
    }
    end_answer();
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
    /* What is known of the kernel's workers is handed down, and lost with the process that finds out more. */
    if (traits & PTY) wait_for_workers();
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
    started_ns = clock_ns(CLOCK_REALTIME_COARSE);
    if (traits & APART) run_apart(program, traits);
    else observe(program, traits), send_out();
    /* Clearing up may sleep where a file system has to ask somebody, and is not to be interrupted. */
    shared->pid = 0;
    syscall(SYS_close_range, FIRST_FD, descriptors_max - 1, 0);
    /* Descriptors in a ring that is left behind would count among those that the next program has in flight. */
    if ((traits & RIGHTS) && abandoned_ring()) collect_rings();
    reset();
    if (traits & NUMBERS) restore_standard_descriptors();
    if (traits & NAMES) empty_directory(home_fd, ".");
    shared->pid = getpid();
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

/* Where programs run, and under which limits. */
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
