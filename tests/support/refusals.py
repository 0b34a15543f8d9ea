# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""How tests say that a call fails or sleeps, and which clause says so."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from reference.outcomes import Refused, Sleeps


def fails(number: int) -> pytest.RaisesExc[OSError]:
    """The call inside fails with this error number."""
    return pytest.raises(OSError, check=lambda error: error.errno == number)


def refused(number: int, call: Callable[..., Any], *arguments: Any) -> None:
    """The model refuses a call with this error number."""
    with pytest.raises(Refused, match=re.escape(f"[Errno {number}]")):
        call(*arguments)


def refusal(call: Callable[..., Any], *arguments: Any) -> tuple[int, str]:
    """The error number with which the model refuses a call, and the clause that says so."""
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert caught.value.errno is not None
    return caught.value.errno, caught.value.clause


def sleep(call: Callable[..., Any], *arguments: Any) -> str:
    """The clause that says that a call sleeps."""
    with pytest.raises(Sleeps) as caught:
        call(*arguments)
    return caught.value.clause
