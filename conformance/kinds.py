# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The kinds of programs that a campaign runs, each a set of recipes."""

from __future__ import annotations

from dataclasses import replace

from conformance.errors import ConformanceError
from conformance.strategies import (
    addresses,
    descriptors,
    files,
    import_scenes,
    imported_socket_scenes,
    imported_sockets,
    imports,
    jobs,
    locks,
    memory,
    names,
    path_only_scenes,
    pipes,
    queries,
    readiness,
    sockets,
    splices,
    terminals,
)
from conformance.strategies.recipes import Recipe
from conformance.strategies.restraint import restrained, sparing
from conformance.strategies.scenes import on_scene


def _some(recipes: tuple[Recipe, ...], **weights: int) -> tuple[Recipe, ...]:
    """The recipes of some names, each with a weight of its own."""
    return tuple([replace(recipe, weight=weights[recipe.name]) for recipe in recipes if recipe.name in weights])


_SHARED = (*restrained(descriptors.RECIPES), *readiness.RECIPES, *queries.RECIPES)
_LOCKED = (
    *_some(files.RECIPES, open=4, lseek=2, write=2),
    *_some(descriptors.RECIPES, close=3, dup=2, dup2=1),
)
"""What locks need around them, and little else: a lock shows only when several of them meet on one file."""

_OF_LINUX: dict[str, tuple[Recipe, ...]] = {
    "files": sparing(
        (
            *files.RECIPES,
            *names.RECIPES,
            *memory.RECIPES,
            *locks.RECIPES,
            *splices.RECIPES,
            *descriptors.RECIPES,
            *queries.RECIPES,
            *queries.LIMIT_RECIPES,
        )
    ),
    "locks": (*_LOCKED, *locks.RECIPES),
    "pipes": sparing((*pipes.RECIPES, *splices.RECIPES, *_SHARED)),
    "sockets": on_scene(sparing((*sockets.RECIPES, *addresses.RECIPES, *splices.RECIPES, *_SHARED)), addresses.SCENES),
    "terminals": (*terminals.RECIPES, *_SHARED),
    "jobs": on_scene((*jobs.RECIPES, *terminals.RECIPES, *_SHARED), jobs.SCENES),
    "mixed": sparing(
        (
            *restrained(files.RECIPES),
            *names.RECIPES,
            *memory.RECIPES,
            *locks.RECIPES,
            *restrained(pipes.RECIPES),
            *restrained(sockets.RECIPES),
            *addresses.RECIPES,
            *terminals.RECIPES,
            *splices.RECIPES,
            *queries.LIMIT_RECIPES,
            *_SHARED,
        )
    ),
}
_OF_IMPORTS = {"sockets": imported_sockets.RECIPES, "mixed": restrained(imported_sockets.RECIPES)}
"""What programs that import do beside what the kind is about."""
_SCENES = {
    **import_scenes.SCENES,
    "files": (*import_scenes.SCENES["files"], path_only_scenes.FILES),
    "pipes": (*import_scenes.SCENES["pipes"], path_only_scenes.PIPES),
    "sockets": (*imported_socket_scenes.SCENES, path_only_scenes.SOCKETS),
    "mixed": (*import_scenes.SCENES["mixed"], *imported_socket_scenes.SCENES, path_only_scenes.SOCKETS),
}
"""What they may play beside."""
RECIPES: dict[str, tuple[Recipe, ...]] = {
    **_OF_LINUX,
    **{
        f"host-{kind}": on_scene(imports.with_imports((*_OF_IMPORTS.get(kind, ()), *recipes)), _SCENES[kind])
        for kind, recipes in _OF_LINUX.items()
    },
}
"""Recipes by the name of the kind."""

LINUX_KINDS = tuple(_OF_LINUX)
"""The kinds that speak about Linux alone."""
HOST_KINDS = tuple(kind for kind in RECIPES if kind not in _OF_LINUX)
"""The kinds whose programs import descriptors."""


def recipes_of(kind: str) -> tuple[Recipe, ...]:
    """The recipes of a kind; ConformanceError for a name that is none."""
    try:
        return RECIPES[kind]
    except KeyError:
        raise ConformanceError(f"unknown kind {kind!r}", hint=f"choose among {', '.join(RECIPES)}") from None
