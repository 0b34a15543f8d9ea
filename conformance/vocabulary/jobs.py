# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops on processes, groups, sessions and signals, and on the terminal that controls a session."""

from __future__ import annotations

from conformance.domains.compound import ListOf
from conformance.domains.numbers import INTEGER, OnlyThese
from conformance.domains.slots import PROCESS
from conformance.vocabulary.spec import op, process_handle
from conformance.vocabulary.structures import choice, ioctl

_SIGNAL = OnlyThese(("SIGTTIN", "SIGTTOU", "SIGHUP", "SIGCONT", "SIGWINCH", "SIGINT", "SIGQUIT", "SIGTSTP"))
"""The signals of terminals. The others are the harness's own, or of no interest to descriptors."""
_ACTION = OnlyThese(("SIG_CATCH", "SIG_IGN"))

OPS = (
    op("spawn", kinds="jobs", handles=process_handle),
    op("descend", kinds="jobs", handles=process_handle),
    op("setsid", kinds="jobs"),
    op("getsid", ("process", PROCESS), kinds="jobs"),
    op("getpgid", ("process", PROCESS), kinds="jobs"),
    op("setpgid", ("process", PROCESS), ("group", PROCESS), kinds="jobs"),
    op("sigaction", ("signal", _SIGNAL), ("action", _ACTION), result=_ACTION, kinds="jobs"),
    op(
        "sigprocmask",
        ("how", choice("SIG_BLOCK SIG_UNBLOCK SIG_SETMASK")),
        ("signals", ListOf(_SIGNAL)),
        result=ListOf(_SIGNAL),
        kinds="jobs",
    ),
    ioctl("TIOCSCTTY", INTEGER, kinds="jobs terminals"),
    ioctl("TIOCNOTTY", kinds="jobs terminals"),
    ioctl("TIOCGPGRP", kinds="jobs terminals"),
    ioctl("TIOCSPGRP", PROCESS, kinds="jobs terminals"),
    ioctl("TIOCGSID", kinds="jobs terminals"),
)
