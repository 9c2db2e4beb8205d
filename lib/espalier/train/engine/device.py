"""The device of a trial, and deterministic computation on it."""

from __future__ import annotations

import os

import torch

from espalier.core.errors import UserError
from espalier.core.process.memory import SHARERS


def choose_device(setting: str, amp: str) -> torch.device:
    """Return the device of a setting `auto`, `cpu` or `cuda`. Raises UserError.

    The device must support the number format `amp`. The runner has already limited each worker to
    the one GPU it may use. A worker that was given one and cannot use it does not use the CPU in
    its place: the records would be wrong.
    """
    if setting == "cuda" and not uses_gpu(setting):
        raise UserError("CONFIG_DEVICE_CUDA=y: no NVIDIA GPU is visible; set CONFIG_DEVICE_AUTO=y")
    if setting != "cpu" and (given := _given_gpu()) and not uses_gpu(setting):
        raise UserError(
            f"GPU {given}: its driver has it, but torch {torch.__version__} cannot use it; install "
            "a torch for this driver, or set CONFIG_DEVICE_CPU=y"
        )
    device = torch.device("cuda" if uses_gpu(setting) else "cpu")
    if amp == "fp16" and device.type == "cpu":
        raise UserError("CONFIG_AMP_FP16=y: needs a GPU; on a CPU set CONFIG_AMP_BF16=y")
    return device


def _given_gpu() -> str:
    """Return the GPU that the runner gave this process; empty if none, or if there is no runner."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "") if SHARERS in os.environ else ""


def uses_gpu(setting: str) -> bool:
    """Return whether a setting means a GPU on this machine."""
    return setting != "cpu" and torch.cuda.is_available()


def make_deterministic(threads: int) -> None:
    """Fix the number of threads and choose deterministic kernels: same seed, same numbers."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    # not use_deterministic_algorithms: that imports torch's compiler, which takes 3 s
    torch.set_deterministic_debug_mode("warn")
