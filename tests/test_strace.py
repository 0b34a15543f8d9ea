# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Logs of strace as programs: recorded ones, which hold the law, and small ones, for each thing that is followed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.commands import importing
from conformance.errors import ConformanceError, ExitCode
from conformance.grammar import program_text, read_program
from conformance.observation import BLOCKED
from conformance.oracle import first_mismatch, predict
from conformance.strace.importer import import_log
from conformance.strace.log import BadLog, read_log
from conformance.strace.values import Data, Unbalanced, Words, read_value, split_list
from conformance.systems.native_worker import NativeWorker
from reference.linux.kernel import Linux
from reference.linux.profile import Profile

RECORDED = sorted((Path(__file__).parents[1] / "fixtures" / "strace").glob("*.log"))


def program(log: str) -> str:
    """The lines of the program of a log, without comments."""
    lines = program_text(import_log(log, "log").program).splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def told(call: str, before: str = "") -> str:
    """The last line of the program of a log that ends in one call; descriptors 3 and 4 are those of a pipe."""
    return program(f"pipe2([3, 4], 0) = 0\n{before}{call}\n").splitlines()[-1]


def left_out(log: str) -> list[str]:
    return [str(untellable) for untellable in import_log(log, "log").untellable]


# Recorded logs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_log_gives_the_stored_program(path: Path) -> None:
    text = program_text(import_log(path.read_text(), path.name).program)

    assert path.with_suffix(".fd").read_text() == text
    assert text == program_text(read_program(text))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_model_predicts_the_program_of_a_recorded_log(path: Path, native: NativeWorker, profile: Profile) -> None:
    ops = import_log(path.read_text(), path.name).program.ops
    observed = native.run_alone(ops)

    assert BLOCKED not in observed
    assert first_mismatch(predict(ops, Linux(profile), observed), observed) is None


# Processes and descriptors ----------------------------------------------------------------------


def test_a_descriptor_that_a_child_inherits_is_closed_when_the_last_lets_go() -> None:
    log = """
1 pipe([3, 4]) = 0
1 fork() = 2
1 close(4) = 0
2 close(3) = 0
2 write(4, "x", 1) = 1
1 read(3, "x", 4096) = 1
2 close(4) = 0
1 read(3, "", 4096) = 0
"""
    expected = 'r0, r1 = pipe2(0)\nwrite(r1, b"x")\nread(r0, 4096)\nclose(r1)\nread(r0, 4096)'
    assert expected == program(log)


def test_a_child_has_what_its_parent_had_even_where_its_lines_come_first() -> None:
    log = """
1 pipe([3, 4]) = 0
1 clone(flags=SIGCHLD <unfinished ...>
2 close(3) = 0
1 <... clone resumed>, child_tidptr=0x7f) = 2
1 close(3) = 0
"""
    assert "r0, r1 = pipe2(0)\nclose(r0)" == program(log)


def test_exec_closes_what_it_should_and_the_end_of_a_process_the_rest() -> None:
    log = """
1 pipe2([3, 4], O_CLOEXEC) = 0
1 fcntl(4, F_SETFD, 0) = 0
1 execve("/bin/true", ["true"], 0x1 /* 5 vars */) = 0
1 exit_group(0) = ?
1 +++ exited with 0 +++
"""
    assert "r0, r1 = pipe2(O_CLOEXEC)\nfcntl(r1, F_SETFD, 0)\nclose(r0)\nclose(r1)" == program(log)


def test_threads_have_one_table() -> None:
    log = """
1 clone(flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 2
2 pipe([3, 4]) = 0
2 exit(0) = ?
1 close(3) = 0
"""
    assert "r0, r1 = pipe2(0)\nclose(r0)" == program(log)


def test_a_number_that_is_replaced_stands_for_the_new_descriptor() -> None:
    assert 'r0, r1 = pipe2(0)\nclose(r0)\nr2 = dup(r1)\nwrite(r2, b"x")' == program(
        'pipe([3, 4]) = 0\ndup2(4, 3) = 3\nwrite(3, "x", 1) = 1\n'
    )


def test_a_call_that_waits_stands_where_it_ends_and_one_that_gives_where_it_began() -> None:
    log = """
1 pipe([3, 4]) = 0
1 fork() = 2
1 read(3, <unfinished ...>
2 write(4, "x", 1 <unfinished ...>
1 <... read resumed>"x", 1) = 1
2 <... write resumed>) = 1
"""
    assert 'r0, r1 = pipe2(0)\nwrite(r1, b"x")\nread(r0, 1)' == program(log)


# Names and files --------------------------------------------------------------------------------


def test_what_was_there_before_is_made_first_and_as_large_as_was_read() -> None:
    log = """
chdir("sub") = 0
openat(AT_FDCWD, "a", O_RDONLY) = 3
read(3, "abc", 100) = 3
openat(AT_FDCWD, "/etc/b", O_RDONLY|O_CLOEXEC) = 4
fstat(4, {st_mode=S_IFREG|0644, st_size=70000, ...}) = 0
openat(AT_FDCWD, "../new", O_WRONLY|O_CREAT, 0666) = 5
unlink("a") = 0
"""
    assert """mkdir("sub", 0o755)
r0 = open("sub/a", O_WRONLY | O_CREAT, 0o600)
write(r0, pattern(3, seed=0))
close(r0)
mkdir("etc", 0o755)
r2 = open("etc/b", O_WRONLY | O_CREAT, 0o600)
ftruncate(r2, 70000)
close(r2)
r1 = open("sub/a", O_RDONLY, 0o600)
read(r1, 100)
r3 = open("etc/b", O_RDONLY | O_CLOEXEC, 0o600)
fstat(r3)
r4 = open("new", O_WRONLY | O_CREAT, 0o666)
unlink("sub/a")""" == program(log)


def test_absolute_names_below_the_directory_of_the_log_are_relative_to_it() -> None:
    log = 'mkdir("/home/user/d", 0700) = 0\nmkdir("/home/other", 0700) = 0\n'
    text = program_text(import_log(log, "log", "/home/user/").program)

    assert 'mkdir("d", 0o700)' in text
    assert 'mkdir("home/other", 0o700)' in text


def test_a_directory_is_known_by_what_lies_in_it() -> None:
    log = 'openat(AT_FDCWD, "d", O_RDONLY) = 3\nopenat(3, "f", O_RDONLY) = 4\n'

    assert 'mkdir("d", 0o755)' in program(log)
    assert 'r2 = open("d/f", O_RDONLY, 0o600)' in program(log)


# Single calls -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "op"),
    [
        ('write(4, "a\\n\\0\\377\\"", 5) = 5', 'write(r1, b"a\\n\\x00\\xff\\"")'),
        ('write(4, "abc"..., 100) = 100', "write(r1, pattern(100, seed=0))"),
        ("write(4, 0x7f0000000000, 9) = 9", "write(r1, pattern(9, seed=0))"),
        (
            'writev(4, [{iov_base="ab", iov_len=2}, {iov_base="c"..., iov_len=40}], 2) = 42',
            'writev(r1, [b"ab", pattern(40, seed=0)])',
        ),
        ('readv(3, [{iov_base="", iov_len=8}], 1) = 0', "readv(r0, [8])"),
        ("fcntl(4, F_SETFL, O_WRONLY|O_NONBLOCK) = 0", "fcntl(r1, F_SETFL, O_WRONLY | O_NONBLOCK)"),
        ("fcntl(3, F_GETFL) = 0 (flags O_RDONLY)", "fcntl(r0, F_GETFL)"),
        ("fcntl(3, F_DUPFD_CLOEXEC, 10) = 10", "r2 = fcntl(r0, F_DUPFD_CLOEXEC, 10)"),
        (
            "fcntl(3, F_SETLK, {l_type=F_RDLCK, l_whence=SEEK_SET, l_start=1, l_len=2}) = 0",
            "fcntl(r0, F_SETLK, flock(type=F_RDLCK, whence=SEEK_SET, start=1, len=2, pid=0))",
        ),
        ("ioctl(3, FIONREAD, [0]) = 0", "ioctl(r0, FIONREAD)"),
        ("ioctl(3, FIONBIO, [1]) = 0", "ioctl(r0, FIONBIO, 1)"),
        ("lseek(3, -2, SEEK_END) = -1 ESPIPE (Illegal seek)", "lseek(r0, -2, SEEK_END)"),
        ("poll([{fd=3, events=POLLIN}, {fd=-1}], 2, 5000) = 0 (Timeout)", "poll([(r0, POLLIN)], 0)"),
        ("splice(3, NULL, 4, NULL, 10, SPLICE_F_MOVE) = 0", "splice(r0, -1, r1, -1, 10, SPLICE_F_MOVE)"),
        ("sendfile(4, 3, [5] => [9], 4) = 4", "sendfile(r1, r0, 5, 4)"),
        ('newfstatat(3, "", {st_mode=S_IFIFO|0600, st_size=0, ...}, AT_EMPTY_PATH) = 0', "fstat(r0)"),
        ("fallocate(4, FALLOC_FL_KEEP_SIZE, 0, 9) = -1 ESPIPE (x)", "fallocate(r1, FALLOC_FL_KEEP_SIZE, 0, 9)"),
        (
            "socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, [5, 6]) = 0",
            "socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)",
        ),
        ('memfd_create("m", MFD_CLOEXEC) = 5', 'r2 = memfd_create("m", MFD_CLOEXEC)'),
        ('symlink("t", "l") = 0', 'symlink("t", "l")'),
        ('mknod("p", S_IFIFO|0600) = 0', 'mkfifo("p", 0o600)'),
        ("epoll_create1(EPOLL_CLOEXEC) = 5", "r2 = epoll_create1(EPOLL_CLOEXEC)"),
        ("dup(3</tmp/x>) = 5</tmp/x>", "r2 = dup(r0)"),
        (
            "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = -1 ENODEV (x)",
            "m0 = mmap(r0, 4096, PROT_READ, MAP_PRIVATE, 0)",
        ),
    ],
)
def test_a_call_is_told(call: str, op: str) -> None:
    assert op == told(call).removeprefix("r2, r3 = ")


SOCKET = "socket(AF_UNIX, SOCK_STREAM, 0) = 5\n"
TERMINAL = 'openat(AT_FDCWD, "/dev/ptmx", O_RDWR|O_NOCTTY) = 5\nioctl(5, TIOCGPTN, [7]) = 0\n'


@pytest.mark.parametrize(
    ("before", "call", "op"),
    [
        (SOCKET, 'bind(5, {sa_family=AF_UNIX, sun_path="s"}, 5) = 0', 'bind(r2, "s")'),
        (SOCKET, 'connect(5, {sa_family=AF_UNIX, sun_path=@"n"}, 5) = 0', 'connect(r2, "\\x00n")'),
        (SOCKET, "accept4(5, NULL, NULL, SOCK_NONBLOCK) = 6", "r3 = accept4(r2, SOCK_NONBLOCK)"),
        (SOCKET, 'sendto(5, "x", 1, MSG_NOSIGNAL, NULL, 0) = 1', 'send(r2, b"x", MSG_NOSIGNAL)'),
        (SOCKET, 'recvfrom(5, "x", 9, 0, NULL, NULL) = 1', "recv(r2, 9, 0)"),
        (
            SOCKET,
            'sendmsg(5, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="x", iov_len=1}], msg_iovlen=1,'
            " msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[3]}],"
            " msg_controllen=24, msg_flags=0}, 0) = 1",
            'sendmsg(r2, [b"x"], [r0], 0)',
        ),
        (SOCKET, "shutdown(5, SHUT_WR) = 0", "shutdown(r2, SHUT_WR)"),
        (TERMINAL, "ioctl(5, TIOCSPTLCK, [0]) = 0", "unlockpt(r2)"),
        (TERMINAL, 'openat(AT_FDCWD, "/dev/pts/7", O_RDWR) = 6', "r3 = open_slave(r2, O_RDWR)"),
        (TERMINAL, "ioctl(5, TIOCGPTPEER, 0x102) = 6", "r3 = ioctl(r2, TIOCGPTPEER, O_RDWR | O_NOCTTY)"),
        (TERMINAL, "ioctl(5, SNDCTL_TMR_TIMEBASE or TCGETS, {c_iflag=ICRNL, ...}) = 0", "tcgetattr(r2)"),
        (
            TERMINAL,
            "ioctl(5, TIOCSWINSZ, {ws_row=1, ws_col=2, ws_xpixel=3, ws_ypixel=4}) = 0",
            "ioctl(r2, TIOCSWINSZ, winsize(rows=1, cols=2, xpixel=3, ypixel=4))",
        ),
        (TERMINAL, "ioctl(5, TCFLSH, TCIFLUSH) = 0", "tcflush(r2, TCIFLUSH)"),
        (
            "epoll_create(1) = 5\n",
            "epoll_ctl(5, EPOLL_CTL_ADD, 3, {events=EPOLLIN, data={u32=3, u64=3}}) = 0",
            "epoll_ctl(r2, EPOLL_CTL_ADD, r0, EPOLLIN, 3)",
        ),
        ("epoll_create(1) = 5\n", "epoll_wait(5, [], 8, -1) = 0", "epoll_wait(r2, 8, 0)"),
        ("mmap(NULL, 9, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7f01\n", "munmap(0x7f01, 9) = 0", "munmap(m0)"),
    ],
)
def test_a_call_on_what_another_made_is_told(before: str, call: str, op: str) -> None:
    assert op == told(call, before)


def test_an_error_is_kept_as_a_comment() -> None:
    text = program_text(
        import_log("pipe([3, 4]) = 0\nlseek(3, 0, SEEK_SET) = -1 ESPIPE (Illegal seek)\n", "log").program
    )

    assert "r0, r1 = pipe2(0)\n# strace: ESPIPE\nlseek(r0, 0, SEEK_SET)\n" == text


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ('read(0, "", 8) = 0', "descriptor 0 was open before the log began"),
        ("close(2) = 0", "descriptor 2 was open before the log began"),
        ('access("f", R_OK) = 0', "no op"),
        (
            'openat(AT_FDCWD, "/proc/self/maps", O_RDONLY) = 3',
            "/proc/self/maps is not of a file system that programs have",
        ),
        ("socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3", "a socket of another domain than AF_UNIX"),
        ('openat(AT_FDCWD, "abc"..., O_RDONLY) = 3', "the path is not in the log"),
        ("pipe2(0x7ffc, O_SECRET) = -1 EINVAL (x)", "O_SECRET is no number that is known"),
        ("poll(0x7ffc, 1, 0) = -1 EFAULT (x)", "its arguments are not in the log in a form that is known"),
        ("close(99) = -1 EBADF (Bad file descriptor)", "of a descriptor that is not open"),
        ("read(3, 0x7f, 10) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)", "it did not come back"),
        ('unlinkat(AT_FDCWD, "d", AT_REMOVEDIR) = 0', "no op removes a directory"),
    ],
)
def test_what_cannot_be_told_is_listed_with_its_line_and_the_reason(call: str, why: str) -> None:
    (untellable,) = left_out(f"{call}\n")

    assert untellable.startswith("line 1, ")
    assert untellable.endswith(f": {why}")
    assert f"# {untellable}\n" in program_text(import_log(f"{call}\n", "log").program)


def test_what_a_call_made_that_cannot_be_told_cannot_be_told_either() -> None:
    _, second = left_out('eventfd2(0, EFD_CLOEXEC) = 3\nread(3, "x", 8) = 8\n')

    assert second.endswith("descriptor 3 was made by eventfd2 of line 1")


def test_calls_that_are_not_about_descriptors_are_counted() -> None:
    assert {"brk": 2, "mmap": 1} == import_log(
        "brk(NULL) = 0x1\nbrk(0x2) = 0x2\nmmap(NULL, 1, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x3\n", "log"
    ).others


# Lines ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "dup(3) = 4",
        "12 dup(3) = 4",
        "[pid    12] dup(3) = 4",
        "12 12:30:01 dup(3) = 4",
        "12 12:30:01.000123 dup(3) = 4",
        "1700000000.000123 dup(3) = 4",
        "     0.000123 dup(3) = 4".strip(),
        "dup(3</etc/passwd>)    = 4</etc/passwd>",
        "dup(3)     = 4 <0.000012>",
    ],
)
def test_a_call_is_read_in_every_form_that_strace_gives_it(line: str) -> None:
    (call,) = read_log(f"{line}\n", "log")

    assert ("dup", 4) == (call.name, call.result)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("log", "where", "says"),
    [
        ("", "log", "the log is empty"),
        ("dup(3) = 4\nHello\n", "log, line 2", "no line of strace: 'Hello'"),
        ("dup(3)\n", "log, line 1", "a call without a result"),
        ('write(1, "abc = 3\n', "log, line 1", "a call without a result"),
        ('write(1, "abc, 3) = 3\n', "log, line 1", "a string does not close"),
        ("poll([{fd=3], 1, 0) = 0\n", "log, line 1", "] closes nothing"),
        ("poll([{fd=3, 1, 0) = 0\n", "log, line 1", "} is missing"),
        ('1 <... read resumed>"x", 1) = 1\n', "log, line 1", "read is resumed, but was not begun"),
        ('1 dup(3 <unfinished ...>\n1 <... read resumed>"x", 1) = 1\n', "log, line 2", "read is resumed, but was"),
    ],
)
def test_a_file_that_is_no_log_is_one_error(log: str, where: str, says: str) -> None:
    with pytest.raises(BadLog) as caught:
        import_log(log, "log")
    assert where == caught.value.where
    assert says in caught.value.message
    assert ExitCode.USAGE == caught.value.exit_code


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-1", -1),
        ("0644", 0o644),
        ("0x1f", 0x1F),
        ("O_RDWR|0x8", 10),
        ("NULL", None),
        ('"a\\x41\\101\\t"...', Data(b"aAA\t", cut=True)),
        ('@"n"', Data(b"n", abstract=True)),
        ("[1, 2]", [1, 2]),
        ("{a=1, b=[2], ...}", {"a": 1, "b": [2]}),
        ("0x7f /* 3 vars */", 0x7F),
        ("089", Words("089")),
        ("SO_SECRET", Words("SO_SECRET")),
    ],
)
def test_a_value_is_read(text: str, value: object) -> None:
    assert value == read_value(text)


def test_a_list_is_cut_where_no_bracket_string_or_remark_is_open() -> None:
    assert ['"a,b"', "[1, {c=2, d}]", "3 /* x, y */"] == split_list('"a,b", [1, {c=2, d}], 3 /* x, y */')
    with pytest.raises(Unbalanced):
        split_list("3 /* x")


def test_the_command_prints_a_program_and_lists_on_standard_error_what_it_leaves_out(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("brk(NULL) = 0x1\npipe([3, 4]) = 0\nclose(2) = 0\n")
    done = CliRunner().invoke(importing.command, [str(log)])

    assert 0 == done.exit_code
    assert "r0, r1 = pipe2(0)" in done.stdout
    assert (
        "line 3, close(2): descriptor 2 was open before the log began\n1 calls that are not about descriptors: brk 1\n"
        == done.stderr
    )


def test_a_file_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError, match="cannot be read"):
        CliRunner().invoke(importing.command, [str(tmp_path / "none")], standalone_mode=False, catch_exceptions=False)
