# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Reproducers for readers: the trace, a listing as strace(1) prints it, and the text of an issue."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from os import strerror

from conformance.observation import ERRNO_NUMBERS
from conformance.ops import spec_of
from conformance.payload import Pattern, materialise
from conformance.reproducers.c_program import c_text
from conformance.reproducers.case import Case, Step
from conformance.reproducers.expectation import SLEEPS, is_error, split_signals
from conformance.reproducers.python_script import pytest_text, python_text, python_texts

_DATA_BYTES_MAX = 32


def trace_text(case: Case) -> str:
    """The program with what each call is expected to give; what was observed instead stands behind the last."""
    lines = [f"# {case.title}", *(f"#: {name} = {value}" for name, value in case.environment.items())]
    lines += [f"{step.text} == {step.expected}" for step in case.steps]
    if case.actual:
        lines.append(f"# observed: {case.actual}")
    return "\n".join([*lines, "#: end"]) + "\n"


def strace_text(case: Case) -> str:
    """The calls as strace(1) would print them where they give what was observed, and the last what is expected too."""
    lines = [_traced(step, step.expected) for step in case.steps[:-1]]
    last = case.steps[-1]
    if case.actual:
        lines.append(_traced(last, case.actual) + f"   /* expected: {_result(last.expected)} */")
    else:
        lines.append(_traced(last, last.expected))
    return "\n".join(lines) + "\n"


def _traced(step: Step, outcome: str) -> str:
    spec = spec_of(step.op)
    arguments = ", ".join(
        _shortened(value) if isinstance(value, bytes | Pattern) else p.domain.text(value)
        for p, value in zip(spec.parameters, step.op.arguments, strict=True)
    )
    named = f"   /* {', '.join(step.op.out)} */" if step.op.out else ""
    signals = "".join(f"\n--- {signal} ---" for signal in split_signals(outcome)[1])
    return f"{f'{step.op.call}({arguments})':<39} = {_result(outcome)}{named}{signals}"


def _shortened(value: bytes | Pattern) -> str:
    """Data as a string, cut where strace(1) cuts it, and its length, which is an argument of the call."""
    data = materialise(value)
    text = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\' else f"\\{byte:o}" for byte in data[:_DATA_BYTES_MAX]
    )
    return f'"{text}"{"..." if len(data) > _DATA_BYTES_MAX else ""}, {len(data)}'


def _result(outcome: str) -> str:
    value, _ = split_signals(outcome)
    if value == SLEEPS:
        return "? (sleeps)"
    if is_error(value):
        return f"-1 {value} ({strerror(ERRNO_NUMBERS[value])})"
    return value


def issue_text(case: Case) -> str:
    """An issue in Markdown: title, versions, steps, what Linux gives, what was seen, and scripts to run, folded."""
    return _issue(case, python_text(case), c_text(case))


def scripts(case: Case) -> dict[str, str]:
    """The forms that can be run, and the issue that holds two of them, for little more than the work of those two."""
    python, pytest = python_texts(case)
    c = c_text(case)
    return {"python": python, "c": c, "pytest": pytest, "issue": _issue(case, python, c)}


def _issue(case: Case, python: str, c: str) -> str:
    environment = case.environment
    kernel = environment.get("kernel", "")
    steps = "\n".join(f"{number}. `{step.text}`" for number, step in enumerate(case.steps, 1))
    versions = "\n".join(f"- {name}: {value}" for name, value in environment.items()) or "- not recorded"
    rules = f"\n\nRules at stake: {', '.join(case.clauses)}." if case.clauses else ""
    actual = f"`{case.actual}`" if case.actual else "see the output of the reproducer"
    replay = f"\n\nReplay: `{case.replay}`" if case.replay else ""
    return (
        f"# {case.title}\n\n## Versions\n\n{versions}\n\n## Steps\n\n{steps}\n\n"
        f"## Expected{f' on Linux {kernel}' if kernel else ''}\n\nThe last call gives `{case.steps[-1].expected}`."
        f"{rules}\n\n## Actual\n\n{actual}{replay}\n\n## Reproducer\n\n"
        "Either program exits 1 where the divergence is present and 0 where it is not.\n\n"
        f"{_folded('Python', 'python', python)}\n{_folded('C', 'c', c)}"
    )


def _folded(title: str, language: str, text: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n````{language}\n{text}````\n\n</details>\n"


@cache
def forms() -> dict[str, Callable[[Case], str]]:
    """Every form of a reproducer, by the name that the command line knows it under."""
    return {
        "trace": trace_text,
        "python": python_text,
        "c": c_text,
        "strace": strace_text,
        "pytest": pytest_text,
        "issue": issue_text,
    }
