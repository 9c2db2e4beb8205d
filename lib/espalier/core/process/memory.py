"""Free memory of the machine, as its kernel reports it, without torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SHARERS = "ESPALIER_SHARERS"
"""The environment variable with the number of workers on this worker's device, itself included."""
WORKERS = "ESPALIER_WORKERS"
"""The environment variable with the number of workers in all."""
DEVICES = "ESPALIER_DEVICES"
"""The environment variable with the devices of all workers that train together, by commas."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""The environment variables with the threads that a process computes on."""
_PROC, _GROUPS = Path("/proc"), Path("/sys/fs/cgroup")


class GroupFiles(NamedTuple):
    """The files of a control group with its limit and its use, and the entry of its file cache."""

    limit: str
    used: str
    cached: str  # in memory.stat


_VERSION_1 = GroupFiles("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_VERSION_2 = GroupFiles("memory.max", "memory.current", "inactive_file")


def available(proc: Path = _PROC, groups: Path = _GROUPS) -> int:
    """Return the bytes that can be taken without swapping and within every control group's limit.

    Where the kernel does not say what is free, that is all of the machine's memory.
    """
    left = [_of_machine(proc / "meminfo"), *_of_groups(proc / "self/cgroup", groups)]
    return max(0, min(left))


def _of_machine(meminfo: Path) -> int:
    if not meminfo.is_file():
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 1024 * _numbers(meminfo)["MemAvailable:"]


def _of_groups(mine: Path, groups: Path) -> Iterator[int]:
    """Yield what is left of each limit: of this process's control groups and those around them.

    Version 2 has one tree of groups, version 1 a tree for each resource.
    """
    lines = mine.read_text(encoding="utf-8").splitlines() if mine.is_file() else ["0::/"]
    for _, resources, name in (line.split(":", 2) for line in lines):
        if not resources:
            yield from _left(groups, name, _VERSION_2)
        elif "memory" in resources.split(","):
            yield from _left(groups / "memory", name, _VERSION_1)


def _left(root: Path, name: str, files: GroupFiles) -> Iterator[int]:
    group = Path(name.lstrip("/"))
    for folder in (root / part for part in (group, *group.parents)):
        limit = _text(folder / files.limit)
        if limit.isdigit():
            yield int(limit) - _in_use(folder, files)


def _in_use(group: Path, files: GroupFiles) -> int:
    """Return the bytes in use, without the cache of files, which gives way."""
    cached = _numbers(group / "memory.stat").get(files.cached, 0)
    return int(_text(group / files.used) or 0) - cached


def _numbers(path: Path) -> dict[str, int]:
    """Return the first number of each line by the line's first word."""
    rows = [line.split() for line in _text(path).splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) > 1}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
