"""How many trials run at a time, and on what. Asks the driver, never torch."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.texts.count_text import count_text
from espalier.run import gpu_driver

CPU = "cpu"
HERE = "this process"
VISIBLE = "CUDA_VISIBLE_DEVICES"
HIDING = ("", "-1", "NoDevFiles")
"""What users put there so that no GPU is seen."""
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def slots(device: str, parallel: int, threads: int, ranks: int = 1) -> list[str]:
    """Return the device of each worker: `cpu`, or the value of CUDA_VISIBLE_DEVICES it gets.

    For `ranks` workers that train together there is one text with the devices of all (see `each`).
    `device` is auto, cpu or cuda; `parallel` 0 means one worker a GPU, or one for every
    `threads` cores. A note is printed where CUDA_VISIBLE_DEVICES names GPUs that are not there.
    Raises UserError if a GPU is required and there is none, or too few devices.
    """
    gpus = [] if device == CPU else visible_gpus()
    absent = "" if device == CPU else _absent(gpus)
    if device == "cuda" and not gpus:
        rule = absent or "no NVIDIA GPU is visible"
        raise UserError(f"CONFIG_DEVICE_CUDA=y: {rule}; set CONFIG_DEVICE_AUTO=y")
    if absent:
        print(f"note: {absent}; trials run {describe_devices(gpus or [CPU])}", flush=True)
    _check_enough(ranks, gpus)
    if not gpus:
        together = ",".join([CPU] * ranks)
        return [together] * (parallel or max(1, cores() // (threads * ranks)))
    groups = [",".join(gpus[n : n + ranks]) for n in range(0, len(gpus) - ranks + 1, ranks)]
    return [groups[index % len(groups)] for index in range(parallel or len(groups))]


def each(slot: str) -> list[str]:
    """Return the devices of the workers of a slot, which is one of `slots`."""
    return slot.split(",")


def is_on_cpu(slot: str) -> bool:
    """Return whether the workers of a slot compute on the CPU."""
    return each(slot)[0] == CPU


def _check_enough(ranks: int, gpus: Sequence[str]) -> None:
    there, what = (len(gpus), "visible GPUs") if gpus else (cores(), "CPU cores")
    if ranks > max(1, there):
        raise UserError(
            f"CONFIG_DEVICES_PER_TRIAL={ranks}: must be at most {there}, the number of {what} here"
        )


def describe_devices(devices: Sequence[str]) -> str:
    """Return what the workers of `devices` compute on, in words: `on the CPU`, `on 2 GPUs`."""
    names = [name for slot in devices for name in each(slot)]
    first, count = names[0], len(set(names))
    unit = "GPU slice" if first.startswith("MIG") else "GPU"
    return _PLACES.get(first) or f"on {count_text(count, unit)}"


_PLACES = {CPU: "on the CPU", HERE: "in this process"}


def cores() -> int:
    """Return how many CPU cores this process may use, by affinity and by the container's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _QUOTA.read_text(encoding="utf-8").split() if _QUOTA.is_file() else ["max"]
    return count if quota[0] == "max" else max(1, min(count, int(quota[0]) // int(quota[1])))


def visible_gpus() -> list[str]:
    """Return the GPUs this process may use, each once; CUDA_VISIBLE_DEVICES is respected.

    Of that variable CUDA takes what comes before the first name that is not one of a GPU here.
    """
    if VISIBLE in os.environ:
        return gpu_driver.existing(_named_gpus())
    answer = gpu_driver.smi("-L")
    return [str(n) for n in range(gpu_driver.count())] if answer is None else parse_ids(answer)


def _named_gpus() -> list[str]:
    """Return what CUDA_VISIBLE_DEVICES names, each once, before the first part that is no name."""
    parts = (part.strip() for part in os.environ[VISIBLE].split(","))
    return list(dict.fromkeys(takewhile(re.compile(r"[0-9]+$|GPU-|MIG-").match, parts)))


def _absent(gpus: Sequence[str]) -> str:
    """Return what is wrong with CUDA_VISIBLE_DEVICES if it names more than the `gpus` there are."""
    value = os.environ.get(VISIBLE, "")
    names = (name.strip() for name in value.split(","))
    missing = next((name for name in names if name not in gpus), "")
    return "" if missing in HIDING else f"{VISIBLE}={value}: there is no GPU {missing!r} here"


def parse_ids(text: str) -> list[str]:
    """Return the ids that `nvidia-smi -L` printed: of MIG slices if there are any, else of GPUs."""
    ids = re.findall(r"UUID: ((?:GPU|MIG)-[^\s)]+)", text)
    return [name for name in ids if name.startswith("MIG")] or ids


def free_memory() -> dict[str, int]:
    """Return the bytes free on each GPU, by index and by UUID; empty if the driver does not say.

    MIG slices are not among them. An index is the driver's, which is CUDA's where GPUs are equal.
    """
    query = ("--query-gpu=index,uuid,memory.free", "--format=csv,noheader,nounits")
    return parse_free_memory(gpu_driver.smi(*query) or "")


def parse_free_memory(text: str) -> dict[str, int]:
    """Return the bytes free by GPU, from lines of `0, GPU-1234, 81000` in MiB."""
    rows = re.findall(r"^(\d+), (GPU-\S+), (\d+)$", text, re.M)
    return {name: int(mib) << 20 for index, uuid, mib in rows for name in (index, uuid)}
