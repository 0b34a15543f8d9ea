# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What machine this is: the facts that a profile and a report need."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.errors import Inconclusive
from reference.linux.profile import FILESYSTEMS, Profile

MEMORY_DIRECTORY = Path("/dev/shm")
PIPE_MAX_SIZE = Path("/proc/sys/fs/pipe-max-size")
DATAGRAM_QUEUE_MAX = Path("/proc/sys/net/unix/max_dgram_qlen")
SOCKET_BUFFER_DEFAULT = Path("/proc/sys/net/core/wmem_default")
SOCKET_BUFFER_MAX = Path("/proc/sys/net/core/wmem_max")
CLOCK_MONOTONIC_COARSE = 6
TIMER_TICKS_PER_SECOND_MAX = 10**6
"""Options of sockets have times of microseconds: finer ticks round nothing."""
"""The clock that moves with each tick of the timer (clock_gettime(2)); the time module does not name it."""
LISTEN_BACKLOG_MAX = Path("/proc/sys/net/core/somaxconn")
CAP_SYS_RESOURCE = 24


@dataclass(frozen=True)
class Finding:
    """One check of ``fdconform doctor``: what was looked at, what was found, how to mend it when it is not well."""

    subject: str
    found: str
    well: bool
    mend: str = ""


def kernel_release() -> tuple[int, int]:
    """Major and minor number of the running kernel."""
    major, minor = platform.release().split(".")[:2]
    return int(major), int("".join(digit for digit in minor if digit.isdigit()))


def filesystem_of(path: Path) -> str:
    """The type of the file system that holds a path, as /proc/self/mountinfo names it (proc_pid_mountinfo(5))."""
    resolved = path.resolve()
    best, kind = -1, "unknown"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        mount = Path(left.split()[4].encode().decode("unicode_escape"))
        if mount in (resolved, *resolved.parents) and len(mount.parts) >= best:
            best, kind = len(mount.parts), right.split()[0]
    return kind


def working_base(wanted: Path | None) -> Path:
    """The directory under which programs get theirs.

    Without a wish: the directory for temporary files when the model knows its file system, else /dev/shm.
    Raises Inconclusive for a wish whose file system the model does not know.
    """
    if wanted is None:
        temporary = Path(tempfile.gettempdir())
        wanted = temporary if filesystem_of(temporary) in FILESYSTEMS else MEMORY_DIRECTORY
    kind = filesystem_of(wanted)
    if kind not in FILESYSTEMS:
        raise Inconclusive(
            f"the model does not know the file system {kind}",
            where=str(wanted),
            hint=f"name a directory on {' or '.join(sorted(FILESYSTEMS))} with --dir; /dev/shm is often one",
        )
    if not os.access(wanted, os.W_OK):
        raise Inconclusive(
            "the directory for programs cannot be written", where=str(wanted), hint="name another with --dir"
        )
    return wanted


def beside(profile: Profile, base: Path) -> tuple[Profile, Path]:
    """What comes nearest to a profile here, for programs that run on this kernel beside another system.

    The file system is that below ``base``, unless /dev/shm is nearer. Only root can run programs as somebody else.
    """
    wanted = profile.filesystem.name
    if filesystem_of(base) != wanted and filesystem_of(MEMORY_DIRECTORY) == wanted:
        base = MEMORY_DIRECTORY
    if os.getuid() != 0:
        profile = replace(profile, uid=os.getuid(), gid=os.getgid())
    return profile, base


def profile_for(base: Path, uid: int | None = None) -> Profile:
    """The profile of programs on this machine below ``base``, as the caller, or as the user ``uid`` (root only)."""
    uid = os.getuid() if uid is None else uid
    gid = os.getgid() if uid == os.getuid() else uid
    return Profile(
        kernel=kernel_release(),
        filesystem=FILESYSTEMS[filesystem_of(base)],
        uid=uid,
        gid=gid,
        capable=uid == 0,
        resource_capable=uid == 0 and has_capability(CAP_SYS_RESOURCE),
        pipe_size_bytes_max=int(PIPE_MAX_SIZE.read_text()),
        datagram_queue_max=int(DATAGRAM_QUEUE_MAX.read_text()),
        listen_backlog_max=int(LISTEN_BACKLOG_MAX.read_text()),
        socket_buffer_bytes_default=int(SOCKET_BUFFER_DEFAULT.read_text()),
        socket_buffer_bytes_max=int(SOCKET_BUFFER_MAX.read_text()),
        timer_ticks_per_second=timer_ticks_per_second(),
    )


def timer_ticks_per_second() -> int:
    """How often the timer of the kernel ticks: what times of sockets are rounded to.

    A kernel whose coarse clock tells nanoseconds has no such tick: its times are whole as options give them.
    """
    return min(round(1 / time.clock_getres(CLOCK_MONOTONIC_COARSE)), TIMER_TICKS_PER_SECOND_MAX)


def has_capability(number: int) -> bool:
    """Whether this process holds a capability (capabilities(7)): containers often withhold some from root."""
    status = Path("/proc/self/status").read_text()
    effective = status.partition("CapEff:")[2].split(maxsplit=1)[0]
    return bool(int(effective, 16) >> number & 1)


def profile_name(profile: Profile) -> str:
    """The name of a profile's directory under fixtures/golden/."""
    user = "root" if profile.capable else "user"
    return f"linux-{profile.kernel[0]}.{profile.kernel[1]}-{profile.filesystem.name}-{user}"


def describe(profile: Profile) -> dict[str, str]:
    """The environment as a report shows it."""
    return {
        "kernel": platform.release(),
        "machine": platform.machine(),
        "filesystem": profile.filesystem.name,
        "user": "root" if profile.capable else "ordinary user",
        "python": platform.python_version(),
        "cpus": str(os.cpu_count() or 1),
        "profile": profile_name(profile),
    }


def require_terminals() -> None:
    """Raise Inconclusive when this machine cannot make a pseudoterminal."""
    for finding in (_ptmx(),):
        if not finding.well:
            raise Inconclusive(f"{finding.subject}: {finding.found}", hint=finding.mend)


def examine(base: Path | None) -> list[Finding]:
    """Every check of ``fdconform doctor``."""
    return [_kernel(), _filesystem(base), _ptmx(), _proc(), _shared_memory()]


def _kernel() -> Finding:
    release = kernel_release()
    return Finding(
        "kernel",
        f"{platform.system()} {platform.release()} on {platform.machine()}",
        platform.system() == "Linux" and platform.machine() == "x86_64" and release >= (6, 18),
        "the model describes Linux 6.18 on x86-64; on another kernel expect divergences that are its own",
    )


def _filesystem(base: Path | None) -> Finding:
    try:
        chosen = working_base(base)
    except Inconclusive as error:
        return Finding("file system", error.message, False, error.hint)
    return Finding("file system", f"{filesystem_of(chosen)} at {chosen}", True)


def _ptmx() -> Finding:
    try:
        os.close(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
    except OSError as error:
        return Finding(
            "pseudoterminals",
            f"/dev/ptmx: {os.strerror(error.errno or 0)}",
            False,
            "mount devpts (mount -t devpts devpts /dev/pts), or leave terminals out:"
            " --kind files --kind pipes --kind sockets",
        )
    return Finding("pseudoterminals", "/dev/ptmx opens", True)


def _proc() -> Finding:
    try:
        Path("/proc/self/status").read_text()
    except OSError as error:
        return Finding("/proc", os.strerror(error.errno or 0), False, "mount proc: mount -t proc proc /proc")
    return Finding("/proc", "readable", True)


def _shared_memory() -> Finding:
    kind = filesystem_of(MEMORY_DIRECTORY) if MEMORY_DIRECTORY.is_dir() else "missing"
    return Finding(
        str(MEMORY_DIRECTORY), kind, kind == "tmpfs", "needed only to run on tmpfs: mount -t tmpfs tmpfs /dev/shm"
    )
