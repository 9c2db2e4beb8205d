"""How much of the machine's memory can still be taken. Asks the kernel, never torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_PROC, _GROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def available(proc: Path = _PROC, groups: Path = _GROUPS) -> int:
    """Bytes that can be taken without swapping and within the limits of every control group.

    Where the kernel does not say what is free, all of the machine's memory.
    """
    left = [_of_machine(proc / "meminfo"), *_of_groups(proc / "self/cgroup", groups)]
    return max(0, min(left))


def _of_machine(meminfo: Path) -> int:
    if not meminfo.is_file():
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 1024 * _numbers(meminfo)["MemAvailable:"]


def _of_groups(mine: Path, groups: Path) -> Iterator[int]:
    """What is left of each limit on this process: of its control group and of those around it."""
    lines = mine.read_text().splitlines() if mine.is_file() else []
    named = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]
    for folder in [groups, *(groups / part for name in named for part in _ancestry(name))]:
        limit = _text(folder / "memory.max")
        if limit.isdigit():
            yield int(limit) - _in_use(folder)


def _ancestry(name: str) -> list[Path]:
    return [path for path in (Path(name), *Path(name).parents) if path != Path()]


def _in_use(group: Path) -> int:
    """Less what is only a cache of files and gives way."""
    cached = _numbers(group / "memory.stat").get("inactive_file", 0)
    return int(_text(group / "memory.current") or 0) - cached


def _numbers(path: Path) -> dict[str, int]:
    """The first number of each line, by the line's first word."""
    rows = [line.split() for line in _text(path).splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) > 1}


def _text(path: Path) -> str:
    return path.read_text().strip() if path.is_file() else ""
