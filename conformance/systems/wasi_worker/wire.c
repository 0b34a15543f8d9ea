/* Copyright The fdconform Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How the worker speaks the wire protocol, and clears away what programs leave.
 */

static void empty_directory(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    char name[PATH_MAX];
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (!unlink(name)) continue;
        empty_directory(name);
        rmdir(name);
    }
    if (directory) closedir(directory);
}

static void run_program(struct value *program) {
    struct value *id = member(program, "id");
    put("{'message':'observed','program':");
    put_string(id->text, id->length);
    put(",'observations':[");
    for (struct value *op = member(program, "ops")->first; op; op = op->next) {
        observe_op(op);
        if (op->next) put(",");
    }
    put("]}\n");
    send_out();
    for (int number = FIRST_FD; number < PROGRAM_FDS; number++)
        if (descriptors[number]) close(descriptors[number]), descriptors[number] = 0;
    empty_directory(".");
    slots_used = 0;
}

static void say_hello(void) {
    const char *runtime = getenv("FDCONFORM_RUNTIME"), *filesystem = getenv("FDCONFORM_FILESYSTEM");
    const char *limit = getenv("FDCONFORM_FILE_BYTES_MAX");
    put("{'message':'hello','protocol':%d,'name':'wasi-worker','version':'%s',", PROTOCOL, runtime ? runtime : "");
    put("'capabilities':{'ops':[");
    for (int i = 0; i < OPS; i++) put("%s'%s'", i ? "," : "", ops[i].name);
    put("]},'facts':{");
    if (filesystem) put("'filesystem':'%s'%s", filesystem, limit ? "," : "");
    if (limit) put("'file_size_bytes_max':%s", limit);
    put("}}\n");
    send_out();
}

static void run(struct value *message) {
    for (struct value *program = member(message, "programs")->first; program; program = program->next)
        run_program(program);
}

int main(void) {
    say_hello();
    serve(0);
    return 0;
}
