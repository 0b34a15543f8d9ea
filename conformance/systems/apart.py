# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a program that changes its process for good in a process of its own, and clears away all that it made.

That process is a fork of a *stem*: a fork of the worker made before any program ran, which does nothing else.
A fork costs as much as the pages of the process that forks, and a worker grows with what it has run.
Being a fork, the process of a program leads neither a group nor a session.
A program may go on in a child of it: whoever goes on is watched for sleep, and sends the outcome to the stem.
"""

from __future__ import annotations

import ctypes
import gc
import os
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from conformance.systems.frames import Closed, receive, send
from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.private import make_private
from conformance.systems.native_calls.processes import NativeProcesses, die_with

_PR_SET_CHILD_SUBREAPER = 36
_prctl = function("prctl", ctypes.c_int, *(ctypes.c_ulong,) * 4)


def adopt_orphans() -> int:
    """Become the parent of descendants whose parents are gone (prctl(2)); -1 when the kernel does not know of that."""
    return int(_prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


class Stem:
    """The process that programs are forked from. ``run`` runs one in such a fork and gives what becomes of it.

    ``watch`` names the process that is watched for sleep, 0 for none. ``cpu_us`` is the processor time of all programs
    so far, with their forks, in microseconds.
    """

    def __init__(self, native: NativeProcesses, watch: Callable[[int], None], run: Callable[[Any], Any]) -> None:
        self._native = native
        self._watch = watch
        self._run = run
        self.cpu_us = 0
        requests, self._requests = map(make_private, os.pipe())
        self._replies, replies = map(make_private, os.pipe())
        worker = os.getpid()
        if os.fork() == 0:
            os.close(self._requests)
            os.close(self._replies)
            self._serve(worker, requests, replies)
        os.close(requests)
        os.close(replies)

    def run(self, program: Any) -> Any:
        """What becomes of a program. RuntimeError with the reason when its process dies."""
        self._watch(0)
        send(self._requests, program)
        try:
            problem, value, self.cpu_us = receive(self._replies)
        except Closed:
            problem, value = "the process that programs are forked from died", None
        self._watch(os.getpid())
        if problem:
            raise RuntimeError(problem)
        return value

    def _serve(self, worker: int, requests: int, replies: int) -> NoReturn:
        # Looking for cycles would only copy the pages that the stem shares with the worker.
        gc.disable()
        try:
            die_with(worker)
            # Children whose parents are gone are ours, so that they can be waited for.
            checked(adopt_orphans())
            while True:
                problem, value = self._apart(receive(requests))
                send(replies, (problem, value, _cpu_us()))
        finally:
            os._exit(1)

    def _apart(self, program: Any) -> tuple[str, Any]:
        """What went wrong, and what became of a program in a process of its own."""
        native = self._native
        native.reset()
        native.forget_processes()
        outcomes, answers = map(make_private, os.pipe())
        stem = os.getpid()
        if os.fork() == 0:
            _work(native, self._watch, partial(self._run, program), stem, answers)
        os.close(answers)
        outcome: tuple[str, Any]
        try:
            outcome = receive(outcomes)
        except Closed:
            outcome = "the process of a program died", None
        os.close(outcomes)
        native.end_processes()
        return outcome


def _cpu_us() -> int:
    """The processor time of this process and of the children that it waited for."""
    used = os.times()
    return round((used.user + used.system + used.children_user + used.children_system) * 10**6)


def _work(
    native: NativeProcesses, watch: Callable[[int], None], work: Callable[[], Any], parent: int, answers: int
) -> NoReturn:
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
