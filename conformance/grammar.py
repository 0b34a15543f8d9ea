# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The canonical text of programs and traces.

One line an op: ``slots = call(arguments)``; in a trace ``== observation`` follows,
with ``& SIGNAL`` for each signal raised. Lines that open with ``#`` are comments.
In a trace, ``#: name = value`` lines at the top give the environment,
and a last line ``#: end`` says that nothing was cut off.
Reading a text and printing it again gives the same text.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from conformance.domains.base import Domain, Slot, text_of
from conformance.domains.names import PATH
from conformance.errors import BadProgram, BadTrace
from conformance.observation import (
    BLOCKED,
    ERRNO_NAMES,
    ERRNO_NUMBERS,
    REFUSED,
    SIGNAL_NAMES,
    Blocked,
    Declined,
    Failure,
    Observation,
    Signalled,
    Unsupported,
)
from conformance.ops import Op, spec_of
from conformance.payload import Pattern, materialise
from conformance.program import Program, Trace, validate
from conformance.vocabulary.spec import REQUIRED, Parameter
from conformance.vocabulary.structures import RECORDS
from reference.constants.by_name import NUMBERS

PAYLOAD_BYTES_MAX = 2**26
_ENVIRONMENT_MARK = "#:"
_END_MARK = "#: end"
_SIGNAL_NUMBERS = {name: number for number, name in SIGNAL_NAMES.items()}
_RECORDS = {record.name: record for record in RECORDS}
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: _bytes(a) + _bytes(b) if not isinstance(a, int) else a + b,
    ast.Sub: lambda a, b: a - b,
    ast.BitOr: lambda a, b: a | b,
}


# Printing -------------------------------------------------------------------------------------


def op_text(op: Op) -> str:
    """One op as a line."""
    spec = spec_of(op)
    arguments = ", ".join(
        p.domain.text(v) if p.usual is REQUIRED else f"{p.name}={p.domain.text(v)}"
        for p, v in zip(spec.parameters, op.arguments, strict=True)
        if v != p.usual
    )
    names = f"{', '.join(op.out)} = " if op.out else ""
    return f"{names}{op.call}({arguments})"


def observation_text(op: Op, observation: Observation) -> str:
    """What an op gave, or what the model predicts for it."""
    if isinstance(observation, Signalled):
        signals = " & ".join(SIGNAL_NAMES.get(number, str(number)) for number in observation.signals)
        return f"{observation_text(op, observation.outcome)} & {signals}"
    if isinstance(observation, Failure):
        return ERRNO_NAMES.get(observation.errno) or f"errno({observation.errno})"
    if isinstance(observation, Blocked):
        return "BLOCKED"
    if isinstance(observation, Declined):
        return "REFUSED"
    if isinstance(observation, Unsupported):
        return f"unsupported({PATH.text(observation.reason)})" if observation.reason else "UNSUPPORTED"
    return text_of(spec_of(op).result, observation)


def _with_comments(lines: list[str], comments: tuple[tuple[int, str], ...]) -> str:
    printed: list[str] = []
    pending = list(comments)
    for index, line in enumerate(lines):
        while pending and pending[0][0] <= index:
            printed.append(pending.pop(0)[1])
        printed.append(line)
    printed.extend(text for _, text in pending)
    return "".join(f"{line}\n" for line in printed)


def program_text(program: Program) -> str:
    """A program, one op a line, comments in their places."""
    return _with_comments([op_text(op) for op in program.ops], program.comments)


def trace_line(op: Op, observation: Observation) -> str:
    """One op with what it gave."""
    return f"{op_text(op)} == {observation_text(op, observation)}"


def trace_text(trace: Trace) -> str:
    """A trace: environment, then one op with its observation a line, then the end mark."""
    head = "".join(f"{_ENVIRONMENT_MARK} {name} = {value}\n" for name, value in trace.environment)
    lines = [trace_line(op, seen) for op, seen in zip(trace.program.ops, trace.observations, strict=True)]
    return head + _with_comments(lines, trace.program.comments) + _END_MARK + "\n"


# Reading --------------------------------------------------------------------------------------


def read_program(text: str, source: str = "program") -> Program:
    """The program that a text spells. A trace is accepted too: its observations are left out.

    Raises BadProgram with the line and column of what is wrong.
    """
    ops, _, comments = _read_lines(text, source)
    return _checked(Program(ops, comments), source)


def read_trace(text: str, source: str = "trace") -> Trace:
    """The trace that a text spells. Raises BadTrace when its end mark or an observation is missing."""
    lines = text.splitlines()
    if not lines or lines[-1] != _END_MARK:
        raise BadTrace("the trace is cut short: it does not close with '#: end'", where=source, hint="record it again")
    environment = []
    for line in lines[:-1]:
        if line.startswith(_ENVIRONMENT_MARK):
            name, _, value = line.removeprefix(_ENVIRONMENT_MARK).partition("=")
            environment.append((name.strip(), value.strip()))
    ops, observations, comments = _read_lines(text, source)
    if len(observations) != len(ops):
        raise BadTrace(f"{len(ops)} ops but {len(observations)} observations", where=source, hint="record it again")
    return Trace(_checked(Program(ops, comments), source), observations, tuple(environment))


def _checked(program: Program, source: str) -> Program:
    try:
        validate(program.ops)
    except BadProgram as error:
        error.where = f"{source}, {error.where}"
        raise
    return program


def _read_lines(text: str, source: str) -> tuple[tuple[Op, ...], tuple[Observation, ...], tuple[tuple[int, str], ...]]:
    ops: list[Op] = []
    observations: list[Observation] = []
    comments: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(_ENVIRONMENT_MARK):
            continue
        if not line.strip() or line.lstrip().startswith("#"):
            comments.append((len(ops), line))
            continue
        reader = _LineReader(f"{source}, line {number}")
        op, seen = reader.read(line)
        ops.append(op)
        observations.extend(seen)
    return tuple(ops), tuple(observations), tuple(comments)


class _LineReader:
    """Reads one line; every error names its line and column."""

    def __init__(self, where: str) -> None:
        self._where = where

    def read(self, line: str) -> tuple[Op, list[Observation]]:
        try:
            statements = ast.parse(line).body
        except (SyntaxError, ValueError) as error:
            column = getattr(error, "offset", None)
            raise self._bad(f"not understood: {error.args[0]}", column) from None
        if len(statements) != 1:
            raise self._bad("one op a line", None)
        statement = statements[0]
        out: tuple[Slot, ...] = ()
        if isinstance(statement, ast.Assign):
            out = tuple(self._targets(statement.targets))
            expression = statement.value
        elif isinstance(statement, ast.Expr):
            expression = statement.value
        else:
            raise self._bad("expected an op, such as read(r0, 10)", statement.col_offset + 1)
        seen: list[ast.expr] = []
        if isinstance(expression, ast.Compare) and all(isinstance(o, ast.Eq) for o in expression.ops):
            seen = expression.comparators
            expression = expression.left
        op = self._op(expression, out)
        return op, [self._observation(op, node) for node in seen]

    def _bad(self, message: str, column: int | None) -> BadProgram:
        where = self._where if column is None else f"{self._where}, column {column}"
        return BadProgram(message, where=where, hint="see docs/how-to/programs.md for the grammar")

    def _targets(self, targets: list[ast.expr]) -> Iterator[Slot]:
        for target in targets:
            for name in target.elts if isinstance(target, ast.Tuple) else [target]:
                if not isinstance(name, ast.Name) or name.id in NUMBERS:
                    raise self._bad("a result is named by a slot, such as r0", name.col_offset + 1)
                yield Slot(name.id)

    def _op(self, node: ast.expr, out: tuple[Slot, ...]) -> Op:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            raise self._bad("expected an op, such as read(r0, 10)", node.col_offset + 1)
        op = Op(node.func.id, tuple(self._value(argument) for argument in node.args), out)
        try:
            spec = spec_of(op)
        except BadProgram as error:
            raise BadProgram(
                error.message, where=f"{self._where}, column {node.col_offset + 1}", hint=error.hint
            ) from None
        required = [parameter for parameter in spec.parameters if parameter.usual is REQUIRED]
        named = self._named(spec.parameters[len(required) :], node)
        if len(op.arguments) != len(required):
            return op
        checked = tuple(
            self._check(parameter.domain, value, argument)
            for parameter, value, argument in zip(required, op.arguments, node.args, strict=True)
        )
        return Op(op.call, (*checked, *named), out)

    def _named(self, optional: Sequence[Parameter], node: ast.Call) -> tuple[Any, ...]:
        """The values of an op's optional parameters, which are given by name or not at all."""
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        for keyword in node.keywords:
            if keyword.arg not in {parameter.name for parameter in optional}:
                known = ", ".join(f"{parameter.name}=…" for parameter in optional) or "none"
                raise self._bad(f"unknown name {keyword.arg}; the names are: {known}", keyword.value.col_offset + 1)
        return tuple(
            self._check(parameter.domain, self._value(given[parameter.name]), given[parameter.name])
            if parameter.name in given
            else parameter.usual
            for parameter in optional
        )

    def _check(self, domain: Domain, value: Any, node: ast.expr) -> Any:
        try:
            return domain.check(value)
        except ValueError as error:
            raise self._bad(str(error), node.col_offset + 1) from None

    def _observation(self, op: Op, node: ast.expr) -> Observation:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd):
            inner = self._observation(op, node.left)
            signal = _SIGNAL_NUMBERS.get(node.right.id) if isinstance(node.right, ast.Name) else None
            if signal is None:
                raise self._bad("expected a signal, such as SIGPIPE", node.right.col_offset + 1)
            if isinstance(inner, Signalled):
                return Signalled(inner.outcome, (*inner.signals, signal))
            return Signalled(inner, (signal,))
        if isinstance(node, ast.Name) and node.id in ERRNO_NUMBERS:
            return Failure(ERRNO_NUMBERS[node.id])
        if isinstance(node, ast.Name) and node.id == "BLOCKED":
            return BLOCKED
        if isinstance(node, ast.Name) and node.id == "REFUSED":
            return REFUSED
        if isinstance(node, ast.Name) and node.id == "UNSUPPORTED":
            return Unsupported()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "errno" and len(node.args) == 1:
                return Failure(self._value(node.args[0]))
            if node.func.id == "unsupported" and len(node.args) == 1:
                return Unsupported(self._value(node.args[0]))
        return self._check(spec_of(op).result, self._value(node), node)

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() | bytes() | str() | None):
                return node.value
            case ast.Name(id="NOW"):
                return "now"
            case ast.Name(id=name):
                return NUMBERS[name] if name in NUMBERS else self._slot(name, node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._number(operand)
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                return self._power(left, right)
            case ast.BinOp(op=operator, left=left, right=right) if type(operator) in _OPERATORS:
                return self._combine(node, operator, left, right)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return tuple(self._value(element) for element in elements)
            case ast.Call(func=ast.Name(id=name)):
                return self._constructed(name, node)
        raise self._bad("not a value", node.col_offset + 1)

    def _slot(self, name: str, node: ast.expr) -> Slot:
        if name.isupper():
            raise self._bad(f"unknown constant {name}", node.col_offset + 1)
        return Slot(name)

    def _number(self, node: ast.expr) -> int:
        value = self._value(node)
        if type(value) is not int:
            raise self._bad("expected a whole number", node.col_offset + 1)
        return value

    def _power(self, left: ast.expr, right: ast.expr) -> int:
        base, exponent = self._number(left), self._number(right)
        if base != 2 or not 0 <= exponent <= 64:
            raise self._bad("only 2**0 to 2**64 can be written", left.col_offset + 1)
        return 1 << exponent

    def _combine(self, node: ast.expr, operator: ast.operator, left: ast.expr, right: ast.expr) -> Any:
        try:
            return _OPERATORS[type(operator)](self._value(left), self._value(right))
        except TypeError:
            raise self._bad("these two cannot be combined", node.col_offset + 1) from None

    def _constructed(self, name: str, node: ast.Call) -> Any:
        arguments = [self._value(argument) for argument in node.args]
        named = {keyword.arg: self._value(keyword.value) for keyword in node.keywords if keyword.arg}
        if name == "pattern" and len(arguments) == 1 and set(named) == {"seed"}:
            return Pattern(self._length(arguments[0], node), named["seed"])
        if name == "zeros" and len(arguments) == 1 and not named:
            return bytes(self._length(arguments[0], node))
        record = _RECORDS.get(name)
        if record is None or arguments or set(named) != {field for field, _ in record.fields}:
            fields = ", ".join(f"{field}=…" for field, _ in record.fields) if record else ""
            raise self._bad(f"expected {name}({fields})" if record else f"unknown value {name}(…)", node.col_offset + 1)
        return record.make(*(named[field] for field, _ in record.fields))

    def _length(self, value: Any, node: ast.expr) -> int:
        if type(value) is not int or not 0 <= value <= PAYLOAD_BYTES_MAX:
            raise self._bad(f"a length is a whole number from 0 to {PAYLOAD_BYTES_MAX}", node.col_offset + 1)
        return value


def _bytes(value: Any) -> bytes:
    if type(value) is bytes or isinstance(value, Pattern):
        return materialise(value)
    raise TypeError
