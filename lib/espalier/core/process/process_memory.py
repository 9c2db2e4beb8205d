"""The memory that a process shares with no other. Known on Linux alone; elsewhere it is 0."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class PrivateMemory(NamedTuple):
    """Bytes that a process has to itself."""

    now: int
    peak: int


def private_memory(process: int) -> PrivateMemory:
    """Return the memory of a process without the libraries that it shares with others.

    The memory of its children, such as DataLoader workers, is not counted. It is 0 for a process
    that has ended.
    """
    status = _table(_PROC / str(process) / "status")
    shared = status.get("RssFile", 0) + status.get("RssShmem", 0)
    now = status.get("RssAnon", 0)
    return PrivateMemory(now * 1024, max(now, status.get("VmHWM", 0) - shared) * 1024)


def kills() -> int:
    """Count the processes that the kernel has killed since it started, as memory ran out."""
    return _table(_PROC / "vmstat").get("oom_kill", 0)


def _table(path: Path) -> dict[str, int]:
    """Return the numbers of a file with lines such as `VmHWM:  2160 kB` or `oom_kill 0`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return {}
    return {name: int(value) for name, value in re.findall(r"^(\w+):?\s+(\d+)", text, re.M)}
