"""Which NVIDIA GPUs are there, as their driver says. Never asks torch.

`nvidia-smi` names them all. Where it is missing, as in many containers, CUDA's own library counts
what a process finds that has a given CUDA_VISIBLE_DEVICES. It is queried in a process of its own:
what it has once found it keeps, and a driver that is broken must not break the runner.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from espalier.core.errors import UserError

PATIENCE = 60.0
"""Seconds that a driver may take; the first question after a boot takes several."""
_COUNT = """\
import ctypes
count = ctypes.c_int(0)
try:
    cuda = ctypes.CDLL("libcuda.so.1")
    cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count))
except OSError:
    pass
print(count.value)
"""


def smi(*question: str) -> str | None:
    """Return what nvidia-smi answers; None if there is no such program or it has no answer."""
    return _answer(["nvidia-smi", *question]) if shutil.which("nvidia-smi") else None


def count(visible: str | None = None) -> int:
    """Return how many GPUs CUDA finds with this CUDA_VISIBLE_DEVICES; None: with our own."""
    environ = {**os.environ, **({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})}
    answer = _answer([sys.executable, "-I", "-S", "-c", _COUNT], environ)
    return int(answer) if answer and answer.strip().isdecimal() else 0


def existing(names: Sequence[str]) -> list[str]:
    """Return those of `names`, up to the first that is not, that are GPUs or slices of them here.

    A name is one of CUDA_VISIBLE_DEVICES: an index, or a UUID or the beginning of one, as GPU-...,
    MIG-... or MIG-GPU-.../1/0.
    """
    listing = smi("-L") if names else None
    if listing is None:
        return list(takewhile(count, names))
    uuids: list[str] = re.findall(r"UUID: ([^\s)]+)", listing)
    return list(takewhile(lambda name: _is_listed(name, uuids), names))


def _is_listed(name: str, uuids: Sequence[str]) -> bool:
    gpus = [uuid for uuid in uuids if uuid.startswith("GPU-")]
    if name.isdecimal():
        return int(name[-9:]) < len(gpus) and not name[:-9].strip("0")
    if name.startswith("MIG-GPU-"):
        return name.removeprefix("MIG-").split("/")[0] in gpus
    return sum(uuid.startswith(name) for uuid in uuids) == 1


def _answer(command: list[str], environ: dict[str, str] | None = None) -> str | None:
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", env=environ, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        what = f"no answer of the GPU's driver within {PATIENCE:.0f} s"
        fix = "mend the driver, or set CONFIG_DEVICE_CPU=y"
        raise UserError(f"{Path(command[0]).name}: {what}; {fix}") from None
    return answer.stdout if answer.returncode == 0 else None
