# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Packages of node that systems are made of: they are kept in one directory, which nobody but the user fills."""

from __future__ import annotations

import json
import os
from pathlib import Path

DIRECTORY_VARIABLE = "FDCONFORM_NODE"
"""Names the directory; without it there is one among the user's caches."""


def packages_directory() -> Path:
    """Where packages are kept, below ``node_modules``."""
    named = os.environ.get(DIRECTORY_VARIABLE)
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(caches) / "fdconform" / "node"


def package_path(name: str) -> Path:
    """Where a package is, or would be."""
    return packages_directory() / "node_modules" / name


def has_package(name: str) -> bool:
    """Whether a package is there."""
    return (package_path(name) / "package.json").is_file()


def version_of(name: str) -> str:
    """The version of a package that is there."""
    told: str = json.loads((package_path(name) / "package.json").read_text(encoding="utf-8"))["version"]
    return told


def remedy_for(name: str) -> str:
    """The command that brings a package."""
    return f"npm install --prefix {packages_directory()} {name}"
