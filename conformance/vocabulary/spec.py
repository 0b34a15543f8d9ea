# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What the project knows of one op: its call, its parameters, its result, the slots it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conformance.domains.base import NEVER_OPENED, Domain, Environment
from conformance.domains.numbers import INTEGER
from conformance.domains.slots import MAPPINGS_FROM, PROCESSES_FROM, SlotName

Handles = Callable[[Any], tuple[int, ...]]


def one_handle(value: Any) -> tuple[int, ...]:
    """The call returns the descriptor itself."""
    return (value,)


def mapping_handle(value: Any) -> tuple[int, ...]:
    """The call returns the handle of a mapping, which is kept apart from the numbers of descriptors."""
    return (value + MAPPINGS_FROM,)


def process_handle(value: Any) -> tuple[int, ...]:
    """The call returns the number of a process, which is kept apart from the numbers of descriptors."""
    return (value + PROCESSES_FROM,)


def all_handles(value: Any) -> tuple[int, ...]:
    """The call returns a tuple of descriptors."""
    handles: tuple[int, ...] = value
    return handles


def first_handle(value: Any) -> tuple[int, ...]:
    """The call returns a tuple whose first member is the descriptor."""
    return (value[0],)


def passed_rights(value: Any) -> tuple[int, ...]:
    """The call returns a message that may bring descriptors."""
    rights: tuple[int, ...] = value.rights
    return rights


class _Required:
    """Stands for the usual value of a parameter that has none."""


REQUIRED = _Required()


@dataclass(frozen=True)
class Parameter:
    """One argument: its name in the man page, and its domain.

    An argument with a ``usual`` value is optional: the text gives it by name, and only when it is another.
    Optional parameters come last.
    """

    name: str
    domain: Domain
    usual: Any = REQUIRED


@dataclass(frozen=True)
class OpSpec:
    """One op.

    ``name`` is what reports call it: ``read``, ``fcntl(F_GETFL)``.
    ``call`` is the method of :class:`~reference.syscalls.Syscalls`.
    ``selector`` is the constant that picks this op among those of one call, with its position.
    ``kinds`` names the vocabularies that the op belongs to.
    ``handles`` takes the new descriptors or mappings out of the result.
    """

    name: str
    call: str
    parameters: tuple[Parameter, ...]
    result: Domain
    kinds: tuple[str, ...]
    selector: tuple[int, int] | None = None
    handles: Handles | None = None

    def resolver(self) -> Callable[[tuple[Any, ...], Environment], tuple[Any, ...]] | None:
        """A function from arguments that name slots and payloads to arguments for a system; None: they name none."""
        plan = [(i, p.domain.resolver) for i, p in enumerate(self.parameters)]
        resolvers = [(i, resolve) for i, resolve in plan if resolve is not None]
        if not resolvers:
            return None
        if len(resolvers) == 1 and type(self.parameters[0].domain) is SlotName:
            # By far the most frequent shape: one descriptor, then numbers.
            return lambda arguments, environment: (environment.get(arguments[0], NEVER_OPENED), *arguments[1:])

        def resolve_all(arguments: tuple[Any, ...], environment: Environment) -> tuple[Any, ...]:
            resolved = list(arguments)
            for index, resolve in resolvers:
                resolved[index] = resolve(arguments[index], environment)
            return tuple(resolved)

        return resolve_all


def op(
    name: str,
    *parameters: tuple[str, Domain] | tuple[str, Domain, Any],
    result: Domain = INTEGER,
    kinds: str,
    handles: Handles | None = None,
) -> OpSpec:
    """An op that is a call of its own. A parameter with a third member is optional: it is the usual value."""
    return OpSpec(name, name, tuple(Parameter(*p) for p in parameters), result, tuple(kinds.split()), None, handles)
