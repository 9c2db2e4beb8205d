"""How many trials run at a time, and on what. Asks the driver, never torch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from espalier.core.errors import UserError

CPU = "cpu"
HERE = "this process"
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def slots(device: str, parallel: int, threads: int, ranks: int = 1) -> list[str]:
    """The device of each worker: `cpu`, or the value of CUDA_VISIBLE_DEVICES it gets.

    Of `ranks` workers that train together there is one text with the devices of all (see `each`).
    `device` is auto, cpu or cuda; `parallel` 0 means one worker a GPU, or one for every
    `threads` cores. Raises UserError if a GPU is asked for and there is none, or too few devices.
    """
    gpus = [] if device == CPU else visible_gpus()
    if device == "cuda" and not gpus:
        raise UserError("CONFIG_DEVICE_CUDA=y: no NVIDIA GPU is visible; set CONFIG_DEVICE_AUTO=y")
    _check_enough(ranks, gpus)
    if not gpus:
        together = ",".join([CPU] * ranks)
        return [together] * (parallel or max(1, cores() // (threads * ranks)))
    groups = [",".join(gpus[n : n + ranks]) for n in range(0, len(gpus) - ranks + 1, ranks)]
    return [groups[index % len(groups)] for index in range(parallel or len(groups))]


def each(slot: str) -> list[str]:
    """The devices of the workers of a slot, one of `slots`."""
    return slot.split(",")


def _check_enough(ranks: int, gpus: Sequence[str]) -> None:
    there, what = (len(gpus), "visible GPUs") if gpus else (cores(), "CPU cores")
    if ranks > max(1, there):
        raise UserError(
            f"CONFIG_DEVICES_PER_TRIAL={ranks}: must be at most {there}, the number of {what} here"
        )


def described(devices: Sequence[str]) -> str:
    """What the workers of `devices` compute on, in words: `on the CPU`, `on 2 GPUs`."""
    known = [one for slot in devices for one in each(slot)]
    first, count = known[0], len(set(known))
    one = "GPU slice" if first.startswith("MIG") else "GPU"
    return _PLACES.get(first) or f"on {count} {one}{'s' * (count > 1)}"


_PLACES = {CPU: "on the CPU", HERE: "in this process"}


def cores() -> int:
    """CPU cores this process may use, by affinity and by the container's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _QUOTA.read_text().split() if _QUOTA.is_file() else ["max"]
    return count if quota[0] == "max" else max(1, min(count, int(quota[0]) // int(quota[1])))


def visible_gpus() -> list[str]:
    """The GPUs this process may use, each once; an inherited CUDA_VISIBLE_DEVICES is respected.

    Of that variable CUDA heeds what comes before the first name that cannot be one.
    """
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        names = (part.strip() for part in allowed.split(","))
        return list(dict.fromkeys(takewhile(re.compile(r"\d+$|GPU-|MIG-").match, names)))
    answer = _driver("-L")
    if answer is not None:
        return listed(answer)
    return [str(index) for index, _ in enumerate(Path("/proc/driver/nvidia/gpus").glob("*"))]


def listed(text: str) -> list[str]:
    """The ids in the answer of `nvidia-smi -L`: of MIG slices where there are any, else of GPUs."""
    ids = re.findall(r"UUID: ((?:GPU|MIG)-[^\s)]+)", text)
    return [name for name in ids if name.startswith("MIG")] or ids


def free_memory() -> dict[str, int]:
    """Bytes free on each GPU, by its index and by its UUID; empty if the driver does not say.

    Not told of MIG slices. An index is the driver's, which is CUDA's on machines of equal GPUs.
    """
    query = ("--query-gpu=index,uuid,memory.free", "--format=csv,noheader,nounits")
    return measured(_driver(*query) or "")


def measured(text: str) -> dict[str, int]:
    """The answer to that question, lines of `0, GPU-1234, 81000` in MiB."""
    rows = re.findall(r"^(\d+), (GPU-\S+), (\d+)$", text, re.M)
    return {name: int(mib) << 20 for index, uuid, mib in rows for name in (index, uuid)}


def _driver(*question: str) -> str | None:
    if not shutil.which("nvidia-smi"):
        return None
    command = ["nvidia-smi", *question]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout if answer.returncode == 0 else None
