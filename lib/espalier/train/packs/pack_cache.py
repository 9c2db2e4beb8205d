"""The cache of pack sizes that were measured on this machine, kept between sweeps.

One small JSON file in the user's cache folder. It may be lost or damaged at no cost but time.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from espalier.core import revision
from espalier.core.atomic_write import atomic_write
from espalier.core.paths import cache_folder
from espalier.core.process.memory import SHARERS, WORKERS
from espalier.core.trial import Record
from espalier.train.engine.provenance import device_name

LIMIT = 1000  # choices kept, the newest


@dataclass(frozen=True)
class PackChoice:
    """How many trials to train together; `why` is the reason where it is only 1.

    `steps` holds the seconds that a step of one trial took, by the number trained together.
    `doubt` says why the measurement may be wrong; empty if nothing speaks against it.
    """

    size: int
    why: str
    steps: dict[int, float]
    doubt: str = ""


def load(shape: str, device: torch.device, count: int) -> PackChoice | None:
    """Return the choice for this shape on this device, if it was of at least `count` trials."""
    try:
        record = _read()[_key(shape, device)]
        steps = {int(size): float(seconds) for size, seconds in record["steps"].items()}
        choice = PackChoice(int(record["size"]), str(record["why"]), steps)
        return choice if record["count"] >= count else None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):  # not as we write it
        return None


def save(shape: str, device: torch.device, count: int, choice: PackChoice) -> None:
    """Keep a choice that is beyond doubt; a cache that cannot be written is none."""
    if choice.doubt:
        return
    path = cache_folder() / "packs.json"
    records = {**_read(), _key(shape, device): {"count": count, **asdict(choice)}}
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, json.dumps(dict(list(records.items())[-LIMIT:])))


def _read() -> dict[str, Record]:
    try:
        records = json.loads((cache_folder() / "packs.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return records if isinstance(records, dict) else {}


def _key(shape: str, device: torch.device) -> str:
    """Hash what a choice depends on: the shape, this code, torch and the machine as shared."""
    shared = [os.environ.get(name) for name in (SHARERS, WORKERS)]
    parts = [shape, revision.sources(), torch.__version__, machine(device), shared]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def machine(device: torch.device) -> str:
    """Return the processor or GPU and how much of it there is."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{device_name(device)}, {properties.total_memory} bytes"
    return f"{_processor()}, {os.cpu_count()} cores"


@functools.cache
def _processor() -> str:
    """Return the processor's name, where Linux has it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return device_name(torch.device("cpu"))
