# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The recipes for CI services: they are YAML, their scripts run, and their commands are ours."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from conformance.cli import EXIT_CODES, fdconform
from conformance.reporting.artefacts import FORMATS
from conformance.run_directory import EVENTS

DOCS = Path(__file__).parents[1] / "docs"
RECIPES = sorted((DOCS / "ci").glob("*.yml"))
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
needs_fdconform = pytest.mark.skipif(
    not Path(sys.executable).with_name("fdconform").exists(), reason="the command is not installed beside this Python"
)


def scripts(recipe: Any) -> Iterator[str]:
    """Every shell script of a recipe of either service."""
    for job in recipe.get("jobs", recipe).values():
        yield from (step["run"] for step in job.get("steps", ()) if "run" in step)
        for name in ("before_script", "script"):
            yield from job.get(name, ())


def commands(script: str) -> Iterator[list[str]]:
    """The words of each command of ours in a script, without redirections."""
    for line in script.splitlines():
        if line.strip().startswith("fdconform "):
            words = shlex.split(re.split(r"\s(?:>>?|\|\|?)\s", line.strip())[0])
            yield words[1:]


@pytest.fixture(params=RECIPES, ids=lambda path: path.stem)
def recipe(request: pytest.FixtureRequest) -> Any:
    return yaml.safe_load(request.param.read_text())


def test_there_is_a_recipe_for_each_service() -> None:
    assert ["github-actions", "gitlab-ci"] == [path.stem for path in RECIPES]


def test_every_script_is_one_that_a_shell_reads(recipe: Any) -> None:
    found = [EXPRESSION.sub("0", script) for script in scripts(recipe)]
    assert found
    for script in found:
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
        assert (done.stderr, done.returncode) == ("", 0)


def test_every_command_is_one_that_the_command_line_understands(recipe: Any) -> None:
    found = [words for script in scripts(recipe) for words in commands(script)]
    assert ["run"] == [words[0] for words in found]
    for name, *arguments in found:
        parsed = fdconform.get_command(click.Context(fdconform), name)
        assert parsed is not None
        parsed.make_context(
            name,
            [
                {"$BUDGET": "3m", "$SYSTEM": "native", "$since": "--since-baseline=main"}.get(word, word)
                for word in arguments
            ],
        )


def test_an_option_that_does_not_exist_is_found_out() -> None:
    ((name, *arguments),) = commands("  fdconform show latest --no-such-option > x.md")
    parsed = fdconform.get_command(click.Context(fdconform), name)

    assert parsed is not None
    with pytest.raises(click.NoSuchOption):
        parsed.make_context(name, arguments)


@pytest.mark.parametrize("path", [*RECIPES, DOCS / "how-to" / "ci.md"], ids=lambda path: path.stem)
def test_every_artefact_is_one_that_a_run_writes(path: Path) -> None:
    named = set(re.findall(r"\breports?/(?:\*/)?([\w.]+\.\w+)", path.read_text()))

    assert named
    assert named <= {style.file for style in FORMATS.values()} | {EVENTS}


def test_the_page_and_the_command_line_tell_the_same_exit_codes() -> None:
    page = (DOCS / "how-to" / "ci.md").read_text()

    assert re.findall(r"^  (\d+) ", EXIT_CODES, re.MULTILINE) == re.findall(r"^\| (\d+) \|", page, re.MULTILINE)


def running(path: Path) -> str:
    """The script of a recipe that runs the campaign."""
    (script,) = (script for script in scripts(yaml.safe_load(path.read_text())) if "fdconform run" in script)
    return script


@needs_fdconform
@pytest.mark.once
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_script_keeps_the_report_and_ends_as_the_run_does(path: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "BASELINE": "main",
        "BUDGET": "200ops",
        "SYSTEM": "native",
        "GITHUB_RUN_NUMBER": "7",
        "CI_PIPELINE_IID": "7",
    }
    for baseline in (False, True):
        if baseline:
            save = ["fdconform", "baseline", "save", "main"]
            subprocess.run(save, cwd=tmp_path, env=environment, check=True, timeout=60)
        command = ["bash", "-e", "-c", running(path)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

        assert done.returncode == 0, done.stderr
        summary = (tmp_path / "report" / "summary.md").read_text()
        assert baseline is (0 <= summary.find("ince main") < summary.index("conforms: linux"))
        shutil.rmtree(tmp_path / "report")
    if path.stem == "github-actions":
        assert (tmp_path / "output").read_text() == "code=0\ncode=0\n"
        assert "conforms: linux" in (tmp_path / "summary").read_text()


@needs_fdconform
@pytest.mark.once
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_run_that_fails_decides(path: Path, tmp_path: Path) -> None:
    """A command that ends as a failed run does stands for ours, after making what a run would leave behind."""
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "fdconform"
    fake.write_text(
        "#!/bin/sh\nmkdir -p reports/one && echo x > reports/one/summary.md\nln -s one reports/latest\nexit 3\n"
    )
    fake.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "GITHUB_OUTPUT": "out",
        "GITHUB_STEP_SUMMARY": "sum",
    }

    done = subprocess.run(["bash", "-e", "-c", running(path)], cwd=tmp_path, env=environment, timeout=60)

    told = (tmp_path / "out").read_text() if (tmp_path / "out").exists() else f"code={done.returncode}\n"
    assert "code=3\n" == told
    assert "x\n" == (tmp_path / "report" / "summary.md").read_text()
