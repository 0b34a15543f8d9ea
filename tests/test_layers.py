# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What the layers promise each other, beyond the import contracts."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from conformance.clauses import load_clauses
from conformance.host_clauses import load_host_clauses

ROOT = Path(__file__).parents[1]
REFERENCE = sorted((ROOT / "reference").rglob("*.py"))
HOST = [path for path in REFERENCE if path.is_relative_to(ROOT / "reference" / "host")]
LINUX = [path for path in REFERENCE if path not in HOST]
CODE = [*REFERENCE, *sorted((ROOT / "conformance").rglob("*.py"))]
FUNCTION_LINES_MAX = 70


def texts(paths: list[Path]) -> set[str]:
    """Every string in some modules."""
    trees = [ast.parse(path.read_text()) for path in paths]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def citations(written: set[str]) -> set[str]:
    """The strings that have the form of a clause's id."""
    return {text for text in written if re.fullmatch(r"[A-Z][A-Z0-9]*-[A-Z0-9-]+", text)}


def test_every_clause_is_cited_by_the_model_and_every_citation_is_a_clause() -> None:
    written = texts(LINUX)

    assert set() == set(load_clauses()) - written
    assert set() == citations(written) - set(load_clauses())


def test_every_citation_of_the_host_model_is_a_clause_of_it() -> None:
    assert set() == citations(texts(HOST)) - set(load_host_clauses())


def test_every_clause_of_the_host_model_is_cited_by_it_unless_no_program_can_tell() -> None:
    observable = {clause.id for clause in load_host_clauses().values() if not clause.unobservable}

    assert set() == observable - texts(HOST)


@pytest.mark.parametrize("path", REFERENCE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_reference_imports_the_standard_library_only(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            assert name.partition(".")[0] in {"reference", *sys.stdlib_module_names}


@pytest.mark.once
@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_fit_a_screen_and_files_carry_the_licence(path: Path) -> None:
    text = path.read_text()

    assert text.startswith("# Copyright The fdconform Authors\n# SPDX-License-Identifier: Apache-2.0\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, f"{node.name} has two subjects"
