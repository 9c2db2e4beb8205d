"""What was measured about packs on this machine, kept between sweeps.

One small JSON file in the user's cache folder. It may be lost or damaged at no cost but time.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import torch

from espalier import revision
from espalier.atomic_write import atomic_write
from espalier.memory import SHARERS, WORKERS
from espalier.train.choosing import Choice
from espalier.train.provenance import device_name
from espalier.trial import Record

MOST = 1000  # answers kept, the newest


def folder() -> Path:
    """Where the file is: $XDG_CACHE_HOME/espalier, by default ~/.cache/espalier.

    Who has no home has no cache: then it is a folder that cannot be made.
    """
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(given) if given else Path.home() / ".cache") / "espalier"
    except RuntimeError:
        return Path(os.devnull) / "espalier"


def recall(shape: str, device: torch.device, count: int) -> Choice | None:
    """What was found for this shape on this device, if it was for at least `count` trials."""
    try:
        found = _read()[_key(shape, device)]
        steps = {int(size): float(seconds) for size, seconds in found["steps"].items()}
        choice = Choice(int(found["size"]), str(found["why"]), steps)
        return choice if found["count"] >= count else None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):  # not as we write it
        return None


def remember(shape: str, device: torch.device, count: int, choice: Choice) -> None:
    """Keep what was found; a cache that cannot be written is none."""
    path = folder() / "packs.json"
    known = {**_read(), _key(shape, device): {"count": count, **asdict(choice)}}
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, json.dumps(dict(list(known.items())[-MOST:])))


def _read() -> dict[str, Record]:
    try:
        found = json.loads((folder() / "packs.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _key(shape: str, device: torch.device) -> str:
    """What an answer depends on: the shape, this code, torch and the machine as it is shared."""
    shared = [os.environ.get(name) for name in (SHARERS, WORKERS)]
    parts = [shape, revision.code(), torch.__version__, machine(device), shared]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def machine(device: torch.device) -> str:
    """The processor or GPU and how much of it there is."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{device_name(device)}, {properties.total_memory} bytes"
    return f"{_processor()}, {os.cpu_count()} cores"


@functools.cache
def _processor() -> str:
    """The processor's name, where Linux tells it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return device_name(torch.device("cpu"))
