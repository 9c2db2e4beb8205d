"""How much memory a process has to itself. Only Linux says so; elsewhere all of it is 0."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class Held(NamedTuple):
    """Bytes that a process has to itself: now, and the most it ever had."""

    now: int
    most: int


def held(process: int) -> Held:
    """What a process has to itself; libraries that it shares with others are not counted.

    Less than the truth by what its children hold, DataLoader workers for example; 0 for a
    process that has ended.
    """
    found = _table(_PROC / str(process) / "status")
    shared = found.get("RssFile", 0) + found.get("RssShmem", 0)
    now = found.get("RssAnon", 0)
    return Held(now * 1024, max(now, found.get("VmHWM", 0) - shared) * 1024)


def kills() -> int:
    """How many processes the kernel has killed since it started because memory ran out."""
    return _table(_PROC / "vmstat").get("oom_kill", 0)


def _table(path: Path) -> dict[str, int]:
    """The numbers of a file with lines such as `VmHWM:  2160 kB` or `oom_kill 0`."""
    try:
        text = path.read_text()
    except OSError:
        return {}
    return {name: int(value) for name, value in re.findall(r"^(\w+):?\s+(\d+)", text, re.M)}
