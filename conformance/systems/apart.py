# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a program that changes its process for good in a process of its own, and clears away all that it made.

That process is a fork of the worker, so it leads neither a group nor a session.
A program may go on in a child of it: whoever goes on is watched for sleep, and sends the outcome to the worker.
"""

from __future__ import annotations

import ctypes
import gc
import os
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from conformance.systems.frames import Closed, receive, send
from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.private import make_private
from conformance.systems.native_calls.processes import NativeProcesses, die_with

_PR_SET_CHILD_SUBREAPER = 36
_prctl = function("prctl", ctypes.c_int, ctypes.c_ulong)


def run_apart(native: NativeProcesses, watch: Callable[[int], None], work: Callable[[], Any]) -> Any:
    """What ``work`` gives in a process of its own. RuntimeError with the reason when that fails.

    ``watch`` names the process that is watched for sleep, 0 for none.
    """
    # Children whose parents are gone are ours, so that they can be waited for.
    checked(_prctl(_PR_SET_CHILD_SUBREAPER, 1))
    native.forget_processes()
    outcomes, answers = map(make_private, os.pipe())
    parent = os.getpid()
    watch(0)
    if os.fork() == 0:
        _work(native, watch, work, parent, answers)
    os.close(answers)
    try:
        problem, value = receive(outcomes)
    except Closed:
        problem, value = "the process of a program died", None
    os.close(outcomes)
    native.end_processes()
    watch(os.getpid())
    if problem:
        raise RuntimeError(problem)
    return value


def _work(
    native: NativeProcesses, watch: Callable[[int], None], work: Callable[[], Any], parent: int, answers: int
) -> NoReturn:
    # It lives for one program: looking for cycles would only copy the pages that it shares with the worker.
    gc.disable()
    try:
        die_with(parent)
        native.enter(watch)
        value = work()
        watch(0)
        native.reset()
        send(answers, ("", value))
    except BaseException:
        send(answers, (traceback.format_exc(), None))
    finally:
        os._exit(0)
