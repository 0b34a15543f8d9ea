# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Systems under test by name: their files, what is missing, and gVisor where it is installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from conformance.environment import profile_for, working_base
from conformance.errors import ConformanceError, Inconclusive
from conformance.expectations import expectations_path, load_expectations
from conformance.grammar import read_program
from conformance.named_systems import FOLDER, named_systems, read_system, release_of, subject_of
from conformance.node_packages import version_of
from conformance.observation import BLOCKED
from conformance.runners import run_offered, started
from named import observed_by

pytestmark = [pytest.mark.alternative, pytest.mark.once]

MINE = f'title = "mine"\ncommand = ["{sys.executable}", "{{worker}}"]\nversion = ["echo", "mine 7"]\n'
ROOT = Path(__file__).parents[2]
SMALL = [
    *("qemu-user", "pyfakefs", "pyodide", "wasi", "wasi-node"),
    *(name for name, system in named_systems().items() if system.setup),
]
"""Those that are started in no time: file systems of this kernel and in user space, runtimes, and an emulator."""
GVISOR = named_systems()["gvisor"]


def test_every_named_system_says_what_it_is_what_it_needs_and_how_it_is_started() -> None:
    for name, system in named_systems().items():
        assert system.title, name
        assert system.needs or system.modules, name
        assert "{worker}" in system.command or "{python}" in system.command, name


def test_what_is_known_of_a_named_system_can_be_read() -> None:
    """Of tmpfs nothing is: the model knows it."""
    for name in SMALL:
        waivers = load_expectations(expectations_path(ROOT / "fixtures", name)).waivers
        assert bool(waivers) is (name != "tmpfs"), name


@pytest.mark.parametrize("name", SMALL)
def test_a_small_system_runs_programs(name: str, tmp_path: Path) -> None:
    program = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nwrite(r0, b"xy")\nread(r0, 1)'
    ((_, observed),) = observed_by(name, program, directory=tmp_path)

    assert [3, 2, b""] == observed


def test_a_system_that_is_slow_by_its_nature_is_given_the_time_that_its_file_says(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"deadline_s = 60\n{MINE}")
    told = [subject_of(str(path), wanted) for wanted in (3.0, 90.0)]

    assert [60.0, 90.0] == [subject.deadline_s for subject in told if subject is not None]


def test_a_file_of_a_users_own_names_a_system(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    subject = subject_of(str(path), 3.0)
    assert subject is not None
    base = working_base(None)
    profile = profile_for(base)

    assert ("mine", "mine 7", 3.0) == (subject.name, subject.release, subject.deadline_s)
    with started(subject, profile, base) as system:
        _, observed = run_offered(system, read_program("r0, r1 = pipe2(0)\nread(r0, 1)").ops)
    assert [(3, 4), BLOCKED] == observed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = 1\ncommand = []", "Expected `str`, got `int`"),
        ('title = "mine"', "missing required field `command`"),
        ('title = "mine"\ncommand = ["x"]\ncolour = "blue"', "unknown field `colour`"),
        ('title = "mine"\ncommand = ["x"]\nkinds = ["dreams"]', "unknown dreams"),
        ('title = "mine"\ncommand = ["x"]\nfreedoms = { name = "y" }', "unknown name"),
        ("title = ", "not a system: "),
    ],
)
def test_a_file_that_is_no_system_is_refused_with_what_is_wrong(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)

    with pytest.raises(ConformanceError) as caught:
        read_system(path)
    assert says in caught.value.message
    assert str(FOLDER) in caught.value.hint


def test_what_a_machine_lacks_is_named_with_the_package_that_brings_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'{MINE}needs = {{ no-such-program = "some-package" }}\n')

    with pytest.raises(Inconclusive) as caught:
        subject_of(str(path))
    assert "no-such-program is missing" == caught.value.message
    assert "apt-get install some-package" == caught.value.hint


def test_what_a_system_needs_can_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'{MINE}needs = {{ "{path}" = "some-package", "{path}.c" = "other-package" }}\n')

    assert {f"{path}.c": "apt-get install other-package"} == read_system(path).missing


def test_a_package_of_node_is_looked_for_where_the_user_keeps_them_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FDCONFORM_NODE", str(tmp_path))
    path = tmp_path / "mine.toml"
    path.write_text(f'{MINE}node_modules = ["toy"]\n')

    assert {"toy": f"npm install --prefix {tmp_path} toy"} == read_system(path).missing
    package = tmp_path / "node_modules" / "toy" / "package.json"
    package.parent.mkdir(parents=True)
    package.write_text('{"version": "7.1"}')
    assert {} == read_system(path).missing
    assert "7.1" == version_of("toy")


def test_the_kernel_we_run_on_is_no_subject() -> None:
    assert subject_of("native") is None


@pytest.mark.skipif(bool(GVISOR.missing) or os.getuid() != 0, reason="needs root, and runsc")
def test_gvisor_runs_programs_and_says_its_version() -> None:
    subject = subject_of("gvisor")
    assert subject is not None
    base = working_base(None)
    profile = profile_for(base)
    text = 'r0, r1 = pipe2(0)\nwrite(r1, b"xy")\nread(r0, 10)\nread(r0, 1)\nclose(r0)\nwrite(r1, b"x")'

    assert release_of(GVISOR).startswith("runsc version")
    with started(subject, profile, base) as system:
        ops, observed = run_offered(system, read_program(text).ops)
    assert 6 == len(ops)
    assert [(3, 4), 2, b"xy", BLOCKED, 0] == observed[:5]
