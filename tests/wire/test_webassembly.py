# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Systems in WebAssembly: what their adapters make of what is different there, and the worker for WASI."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.commands.worker import command
from conformance.node_packages import DIRECTORY_VARIABLE, packages_directory
from conformance.observation import failure
from conformance.systems.emscripten import snapshot
from conformance.worker_bundle import C_WASI_PARTS, C_WORKER, c_worker_text
from named import observed_by
from reference.constants.errors import EBADF, EEXIST, ENOENT
from reference.structures import NOW, Stat

pytestmark = [pytest.mark.alternative, pytest.mark.once]

PART_LINES_MAX = 400
CODE_LINES_MAX = 720
RUNTIMES = ("wasi", "wasi-node")
LEFT_BEHIND = """
r0 = open("f", O_RDWR | O_CREAT, 0o600)
r1 = open("f", O_RDWR, 0o600)
mkdir("d", 0o700)
symlink("f", "d/l")
"""
DEADLY = """
r0 = open("f", O_RDWR | O_CREAT, 0o600)
ftruncate(r0, 2**40)
r1 = open("f", O_WRONLY | O_RDWR, 0o600)
close(r0)
read(r0, 1)
"""
CHANGED_DEVICES = """
symlink("/dev/full", "l")
r0 = open("l", O_RDWR | O_CREAT, 0o0)
r1 = open("/dev/null", O_RDWR, 0o0)
fchmod(r1, 0o0)
"""
DEVICES = """
r0 = open("/dev/null", O_RDWR, 0o0)
symlink("/dev/full", "l")
r1 = open("l", O_RDWR, 0o0)
"""
UNKNOWN = """
r0 = open("f", O_RDWR | O_CREAT, 0o600)
r1 = open("f", O_RDONLY | O_PATH, 0o0)
r2 = open(".", O_RDWR | O_TMPFILE, 0o600)
lseek(r0, 0, SEEK_HOLE)
r3, r4 = pipe2(O_DIRECT)
ioctl(r0, FIONBIO, 1)
lseek(r0, 5, SEEK_SET)
"""
FAR_NUMBERS = """
r0, r1 = pipe2(0)
r2 = dup2(r0, 255)
r3 = dup2(r0, 256)
r4 = fcntl(r0, F_DUPFD, 2**31 - 1)
"""
SYNCHRONIZED = """
r0 = open("f", O_RDWR | O_CREAT | O_SYNC, 0o600)
r1 = open("f", O_RDWR | O_CREAT | O_DSYNC, 0o600)
r2 = open("f", O_RDWR | O_CREAT, 0o600)
"""
FRESH = """
r0 = open("f", O_RDWR | O_CREAT | O_EXCL, 0o600)
write(r0, pattern(300, seed=5))
pread(r0, 2, 298)
mkdir("d", 0o700)
mkdir("d", 0o700)
close(r0)
r1 = open("f", O_RDONLY, 0o600)
read(r1, 1)
"""


@pytest.mark.parametrize("name", ["pyodide", *RUNTIMES])
def test_each_program_finds_nothing_of_those_before_it(name: str) -> None:
    _, (_, observed) = observed_by(name, LEFT_BEHIND, FRESH)

    assert [3, 300, bytes([52, 53]), 0, failure(EEXIST), 0, 3, bytes([5])] == observed


@pytest.mark.parametrize("name", RUNTIMES)
def test_what_wasi_has_not_is_left_out(name: str) -> None:
    ((ops, observed),) = observed_by(
        name, 'r0 = open("/dev/null", O_RDWR, 0o0)\nr1 = open("f", O_RDWR | O_CREAT, 0o600)\ndup(r1)\nread(r1, 2**40)'
    )

    assert ["open"] == [op.call for op in ops]
    assert [3] == observed


def test_what_would_end_pyodide_or_fill_its_memory_is_left_out() -> None:
    ((ops, observed),) = observed_by("pyodide", DEADLY)

    assert ["open", "close", "read"] == [op.call for op in ops]
    assert [3, 0, failure(EBADF)] == observed


def test_pyodide_starts_from_the_memory_of_a_python_that_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed_by("pyodide", FRESH)
    (tmp_path / "node_modules").symlink_to(packages_directory() / "node_modules")
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    (_, first), (_, second) = (observed_by("pyodide", FRESH)[0] for _ in range(2))

    assert snapshot().parent == tmp_path
    assert [snapshot().name, "node_modules"] == sorted((path.name for path in tmp_path.iterdir()), reverse=True)
    assert first == second


def test_what_emscripten_does_not_know_is_left_out() -> None:
    ((ops, observed),) = observed_by("pyodide", UNKNOWN)

    assert ["open", "lseek"] == [op.call for op in ops]
    assert [3, 5] == observed


def test_a_time_of_the_millisecond_that_it_is_asked_in_is_now() -> None:
    changes = "fchmod(r0, 0o600)\nfstat(r0)\n" * 400
    ((_, observed),) = observed_by("pyodide", 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\n' + changes)

    assert {NOW} == {seen.ctime for seen in observed if isinstance(seen, Stat)}


def test_emscripten_is_told_the_limit_on_descriptors_and_numbers_beyond_are_closed_as_well() -> None:
    (_, observed), (_, afterwards) = observed_by("pyodide", FAR_NUMBERS, FRESH)

    assert [(3, 4), 255, failure(EBADF), 2**31 - 1] == observed
    assert 3 == afterwards[0]


def test_a_runtime_that_refuses_synchronized_files_is_not_asked_for_them() -> None:
    ((ops, observed),) = observed_by("wasi", SYNCHRONIZED)

    assert 1 == len(ops)
    assert [3] == observed


def test_what_a_program_does_to_the_devices_of_emscripten_goes_with_it() -> None:
    _, (_, observed) = observed_by("pyodide", CHANGED_DEVICES, DEVICES)

    assert [3, 0, failure(ENOENT)] == observed


def test_the_command_prints_the_worker_for_wasi() -> None:
    printed = CliRunner().invoke(command, ["--emit", "wasi"])

    assert 0 == printed.exit_code
    assert c_worker_text(C_WASI_PARTS) == printed.output


def test_the_worker_for_wasi_is_small_enough_to_be_read() -> None:
    code = re.sub(r"/\*.*?\*/", "", c_worker_text(C_WASI_PARTS), flags=re.DOTALL)

    for part in C_WASI_PARTS:
        assert len((C_WORKER / part).read_text().splitlines()) <= PART_LINES_MAX, part
    assert sum(not line.isspace() for line in code.splitlines(keepends=True)) <= CODE_LINES_MAX
