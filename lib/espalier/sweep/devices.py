"""How many trials run at a time, and on what. Asks the driver, never torch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from espalier.errors import UserError

CPU = "cpu"
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def slots(device: str, parallel: int, threads: int) -> list[str]:
    """The device of each worker: `cpu`, or the value of CUDA_VISIBLE_DEVICES it gets.

    `device` is auto, cpu or cuda; `parallel` 0 means one worker a GPU, or one for every
    `threads` cores. Raises UserError if a GPU is asked for and there is none.
    """
    gpus = [] if device == CPU else visible_gpus()
    if device == "cuda" and not gpus:
        raise UserError("CONFIG_DEVICE_CUDA=y: no NVIDIA GPU is visible; set CONFIG_DEVICE_AUTO=y")
    if not gpus:
        return [CPU] * (parallel or max(1, cores() // threads))
    return [gpus[index % len(gpus)] for index in range(parallel or len(gpus))]


def cores() -> int:
    """CPU cores this process may use, by affinity and by the container's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _QUOTA.read_text().split() if _QUOTA.is_file() else ["max"]
    return count if quota[0] == "max" else max(1, min(count, int(quota[0]) // int(quota[1])))


def visible_gpus() -> list[str]:
    """The GPUs this process may use; an inherited CUDA_VISIBLE_DEVICES is respected."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [part.strip() for part in allowed.split(",") if part.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi"):
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            return listed(answer.stdout)
    return [str(index) for index, _ in enumerate(Path("/proc/driver/nvidia/gpus").glob("*"))]


def listed(text: str) -> list[str]:
    """The ids in the answer of `nvidia-smi -L`: of MIG slices where there are any, else of GPUs."""
    ids = re.findall(r"UUID: ((?:GPU|MIG)-[^\s)]+)", text)
    return [name for name in ids if name.startswith("MIG")] or ids
