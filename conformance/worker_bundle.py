# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""One file of the Python worker and of all the modules that it needs, for Python 3.8 and the standard library.

The C worker is written by hand, in parts: ``c_worker_text`` joins them.

The modules are this project's own, so that a new op is in the worker as soon as it is in the vocabulary.
What newer Pythons have is written as older ones know it; nothing is left out but docstrings and comments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

ENTRY = "conformance.systems.python_worker"
SERVED = "conformance.systems.worker"
"""The process in which programs run: the worker starts it by name."""
C_WORKER = Path(__file__).parent / "systems" / "c_worker"
_C_SHARED = (
    *("head.c", "memory.c", "text.c", "values.c", "kernel.c"),
    *("files.c", "sockets.c", "others.c", "ops.c", "programs.c"),
)
C_PARTS = (*_C_SHARED, "lines.c", "wire.c")
"""The C worker, in the order in which its parts are joined."""
C_NATIVE_PARTS = (*_C_SHARED, "native.c")
"""The same for a harness on the same machine, which watches the programs itself."""
C_WASI_PARTS = (
    *("../wasi_worker/head.c", "text.c", "values.c", "lines.c"),
    *("../wasi_worker/files.c", "../wasi_worker/wire.c"),
)
"""A smaller one for WASI, which has files and nothing else."""
PROJECT = ("conformance", "reference")
PYTHON_MIN = (3, 8)
_GENERIC = frozenset("Callable Iterator Mapping Sequence dict list tuple type".split())
"""What a name for a type is made of. Only annotations use such names, and these are never evaluated."""
_CONVERSIONS = {ord("s"): "str", ord("r"): "repr", ord("a"): "ascii"}
"""The function that a conversion of an f-string calls."""

_HEAD = '''\
#!/usr/bin/env python3
# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The Python worker of fdconform {version}: runs programs on the kernel it stands on, and speaks the wire protocol.

Needs Python 3.8 or later and its standard library, nothing else. Generated: `fdconform worker --emit python`.
"""

import functools
import importlib.abc
import importlib.util
import itertools
import os
import pkgutil
import sys

SOURCES = {{}}
'''
_TAIL = '''
class Bundle(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the modules of this file."""

    def find_spec(self, name, path=None, target=None):
        """The module of a name, if it is one of this file's."""
        if name not in SOURCES:
            return None
        package = any(other.startswith(name + ".") for other in SOURCES)
        return importlib.util.spec_from_loader(name, self, is_package=package)

    def exec_module(self, module):
        """Run the text of a module."""
        name = module.__name__
        exec(compile(SOURCES[name], "<%s of the fdconform worker>" % name, "exec"), module.__dict__)


def pairwise(items):
    """As itertools has it from Python 3.10 on."""
    one, other = itertools.tee(items)
    next(other, None)
    return zip(one, other)


def resolve_name(name):
    """As pkgutil has it from Python 3.9 on, for names with a colon."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


functools.cache = getattr(functools, "cache", functools.lru_cache(maxsize=None))
itertools.pairwise = getattr(itertools, "pairwise", pairwise)
pkgutil.resolve_name = getattr(pkgutil, "resolve_name", resolve_name)
sys.meta_path.insert(0, Bundle())

if __name__ == "__main__":
    from conformance.systems import native_worker, python_worker, worker

    if sys.argv[1:2] == ["--serve"]:
        del sys.argv[1]
        worker.main()
    else:
        launcher = os.environ.get("FDCONFORM_LAUNCHER", "").split()
        native_worker.WORKER = (*launcher, sys.executable, __file__, "--serve")
        python_worker.main()
'''


class _Plainer(ast.NodeTransformer):
    """Writes a module as Python 3.8 knows it, without docstrings."""

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self._bare(node)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self._bare(node)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._bare(node)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        dropped = {"zip": "strict", "dataclass": "slots"}.get(name)
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != dropped]
        if name == "isinstance" and isinstance(node.args[1], ast.BinOp):
            node.args[1] = ast.Tuple(list(_alternatives(node.args[1])), ast.Load())
        if isinstance(node.func, ast.Attribute) and node.func.attr == "bit_count":
            return ast.parse(f"bin({ast.unparse(node.func.value)}).count('1')", mode="eval").body
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        if _names_a_type(node.value):
            node.value = ast.Constant(None)
        elif _names_classes(node.value):
            node.value = ast.Tuple(list(_alternatives(node.value)), ast.Load())
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """What an f-string says as a join: the text of one is read by no Python older than the one that wrote it."""
        self.generic_visit(node)
        return ast.Call(ast.Attribute(ast.Constant(""), "join", ast.Load()), [ast.Tuple(node.values, ast.Load())], [])

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        self.generic_visit(node)
        value = node.value
        if node.conversion in _CONVERSIONS:
            value = ast.Call(ast.Name(_CONVERSIONS[node.conversion], ast.Load()), [value], [])
        given = [value] if node.format_spec is None else [value, node.format_spec]
        return ast.Call(ast.Name("format", ast.Load()), given, [])

    def _bare(self, node: ast.Module | ast.ClassDef | ast.FunctionDef) -> None:
        """Take away every string that stands as a statement: docstrings, also those of attributes."""
        left = [
            statement
            for statement in node.body
            if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        ]
        node.body = left or [ast.Pass()]


def _alternatives(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from _alternatives(node.left)
        yield from _alternatives(node.right)
    else:
        yield node


def _names_a_type(node: ast.expr) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id in _GENERIC
    if isinstance(node, ast.BinOp):
        return any(isinstance(part, ast.Constant) and part.value is None for part in _alternatives(node))
    return False


def _names_classes(node: ast.expr) -> bool:
    """Whether this joins classes, for annotations and for isinstance: constants are written in capitals."""
    parts = list(_alternatives(node))
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return len(names) == len(parts) > 1 and not any(name.lstrip("_").isupper() or name.islower() for name in names)


def _path_of(name: str) -> Path | None:
    """The file of a module of this project; None for a name that is none."""
    if name.partition(".")[0] not in PROJECT:
        return None
    try:
        found = find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(found.origin) if found is not None and found.origin else None


def _imported(tree: ast.Module) -> Iterator[str]:
    """Names of modules that a module may import at any time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def bundled_modules() -> dict[str, ast.Module]:
    """Every module of this project that the worker needs, with the packages around it, by name."""
    modules: dict[str, ast.Module] = {}
    waiting = [ENTRY, SERVED]
    while waiting:
        name = waiting.pop()
        path = None if name in modules else _path_of(name)
        if path is None:
            continue
        modules[name] = ast.parse(path.read_text(encoding="utf-8"))
        waiting += [*_imported(modules[name]), *filter(None, [name.rpartition(".")[0]])]
    return dict(sorted(modules.items()))


@cache
def worker_text() -> str:
    """The worker, as one file."""
    parts = [_HEAD.format(version=version("fdconform"))]
    for name, tree in bundled_modules().items():
        text = ast.unparse(ast.fix_missing_locations(_Plainer().visit(tree)))
        ast.parse(text, feature_version=PYTHON_MIN)
        literal = repr(text) if "'''" in text or text.endswith(("'", "\\")) else f"r'''\n{text}'''"
        parts.append(f"SOURCES[{name!r}] = {literal}\n")
    return "\n".join(parts) + _TAIL


def c_worker_text(parts: tuple[str, ...] = C_PARTS) -> str:
    """The C worker, as one file."""
    return "\n".join([(C_WORKER / part).read_text(encoding="utf-8") for part in parts])
