# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""An interposed library as a system under test: a planted bug is found, and what cannot be loaded is no system."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance.errors import ConformanceError, ExitCode
from conformance.events import Divergence, read_events
from conformance.preloaded import subject_of_preload

if TYPE_CHECKING:
    from ..conftest import Fdconform

pytestmark = pytest.mark.once

GCC = shutil.which("gcc")
FALSIFIED = """
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
/* The end of a file lies BEYOND bytes further than it does. */
off_t lseek(int fd, off_t offset, int whence) {
    const char *beyond = getenv("BEYOND");
    return syscall(SYS_lseek, fd, offset + (whence == SEEK_END && beyond ? atoi(beyond) : 0), whence);
}
off_t lseek64(int fd, off_t offset, int whence) { return lseek(fd, offset, whence); }
"""
END_OF_EMPTY = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nlseek(r0, 0, SEEK_END)\n'


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if GCC is None:
        pytest.skip("needs gcc")
    folder = tmp_path_factory.mktemp("library")
    source = folder / "falsified.c"
    source.write_text(FALSIFIED)
    target = folder / "libfalsified.so"
    subprocess.run([GCC, "-shared", "-fPIC", "-O1", str(source), "-o", str(target)], check=True)
    return target


def test_a_library_that_falsifies_the_end_of_files_is_found_with_the_reduced_program(
    fdconform: Fdconform, library: Path, tmp_path: Path
) -> None:
    on = f"preload:{library},BEYOND=1"
    where = ("--fixtures", str(tmp_path / "none"), "--reports", str(tmp_path / "reports"))
    budget = ("--kind", "files", "--budget", "300ops", "--jobs", "1")
    done = fdconform("run", "--on", on, *budget, *where)
    found = [
        event
        for event in read_events(tmp_path / "reports" / "latest" / "events.jsonl")
        if isinstance(event, Divergence) and event.op == "lseek"
    ]

    assert ExitCode.DIVERGES == done.returncode, done.stderr
    assert found
    assert all("SEEK_END" in event.reduced for event in found)
    assert 2 == min(len(event.reduced.splitlines()) for event in found), [event.reduced for event in found]
    assert "SEEK_END" in done.stderr + done.stdout
    assert all(f"--on {on}" in event.replay for event in found)


@pytest.mark.parametrize(("settings", "code"), [("", ExitCode.CONFORMS), (",BEYOND=7", ExitCode.DIVERGES)])
def test_the_settings_reach_the_library(
    fdconform: Fdconform, settings: str, code: ExitCode, library: Path, tmp_path: Path
) -> None:
    program = tmp_path / "p.fd"
    program.write_text(END_OF_EMPTY)
    done = fdconform("replay", "--on", f"preload:{library}{settings}", str(program))

    assert code == done.returncode, done.stdout + done.stderr


def test_what_is_known_of_a_library_is_kept_under_its_name(library: Path) -> None:
    subject = subject_of_preload(f"preload:{library},BEYOND=1")

    assert ("libfalsified", True) == (subject.name, subject.is_named)


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("", "names no library"),
        ("/nonexistent/lib.so", "names no file"),
        (f"{__file__},1=2", "not a setting of the environment: '1=2'"),
        (f"{__file__},quiet", "not a setting of the environment: 'quiet'"),
        (__file__, "the loader does not load it"),
    ],
)
def test_what_cannot_be_interposed_is_a_mistake_of_the_caller(rest: str, says: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        subject_of_preload(f"preload:{rest}")

    assert says in caught.value.message
    assert ExitCode.USAGE == caught.value.exit_code


def test_a_name_that_the_loader_would_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "my lib.so"
    path.write_bytes(b"")

    with pytest.raises(ConformanceError, match="ends a name at a colon or blank"):
        subject_of_preload(f"preload:{path}")
