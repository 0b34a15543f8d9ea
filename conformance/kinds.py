# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The kinds of programs that a campaign runs, each a set of recipes."""

from __future__ import annotations

from conformance.errors import ConformanceError
from conformance.strategies import descriptors, files, locks, memory, names, pipes, readiness, sockets, terminals
from conformance.strategies.recipes import Recipe

_SHARED = (*descriptors.RECIPES, *readiness.RECIPES)

RECIPES: dict[str, tuple[Recipe, ...]] = {
    "files": (*files.RECIPES, *names.RECIPES, *memory.RECIPES, *locks.RECIPES, *descriptors.RECIPES),
    "pipes": (*pipes.RECIPES, *_SHARED),
    "sockets": (*sockets.RECIPES, *_SHARED),
    "terminals": (*terminals.RECIPES, *_SHARED),
    "mixed": (
        *files.RECIPES,
        *names.RECIPES,
        *memory.RECIPES,
        *locks.RECIPES,
        *pipes.RECIPES,
        *sockets.RECIPES,
        *terminals.RECIPES,
        *_SHARED,
    ),
}
"""Recipes by the name of the kind."""


def recipes_of(kind: str) -> tuple[Recipe, ...]:
    """The recipes of a kind; ConformanceError for a name that is none."""
    try:
        return RECIPES[kind]
    except KeyError:
        raise ConformanceError(f"unknown kind {kind!r}", hint=f"choose among {', '.join(RECIPES)}") from None
