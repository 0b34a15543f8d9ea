# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Every command that the documents show is one that the command line understands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from conformance.cli import fdconform

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PLACEHOLDERS = {"FORMAT": "html", "FORM": "trace"}
COMMANDS_MIN = 90


def commands(text: str) -> Iterator[str]:
    """The commands of ours in a page: those that are lines of a listing, and those that a sentence quotes."""
    for line in text.splitlines():
        if re.match(r"    \s*(\S+/)?fdconform [a-z]", line):
            yield re.split(r"\s#\s", line.strip())[0]
        else:
            yield from re.findall(r"`(fdconform [a-z][^`]*)`", line)


def parse(command: str) -> None:
    """Have the command line read a command, and not run it. click.ClickException for one that it does not know."""
    words = [word for word in shlex.split(re.split(r"\s(?:>>?|\|\|?|&&)\s", command)[0]) if word != "…"]
    name, *arguments = [PLACEHOLDERS.get(word, word) for word in words[1:]]
    context = click.Context(fdconform)
    found: click.Command | None = fdconform.get_command(context, name)
    while isinstance(found, click.Group) and arguments:
        name, *arguments = arguments
        found = found.get_command(context, name)
    if found is None:
        raise click.NoSuchOption(name)
    try:
        found.make_context(name, arguments)
    except click.BadOptionUsage as unsaid:
        # A sentence may name an option without saying what is given for it.
        if "requires an argument" not in unsaid.message:
            raise


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_of_a_page_is_one_that_the_command_line_understands(path: Path) -> None:
    wrong = []
    for command in commands(path.read_text()):
        try:
            parse(command)
        except click.ClickException as error:
            wrong.append(f"{command}: {error.format_message()}")
    assert [] == wrong


def test_there_are_many_of_them() -> None:
    assert COMMANDS_MIN <= sum(1 for path in DOCUMENTS for _ in commands(path.read_text()))


@pytest.mark.parametrize("command", ["fdconform shov latest", "fdconform run --no-such", "fdconform list nothing"])
def test_a_command_that_there_is_none_of_is_found_out(command: str) -> None:
    (found,) = commands(f"    {command}    # says\n")
    with pytest.raises(click.ClickException):
        parse(found)
