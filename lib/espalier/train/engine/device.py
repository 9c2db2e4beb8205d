"""The device of a trial, and deterministic computation on it."""

from __future__ import annotations

import os

import torch

from espalier.core.errors import UserError


def choose_device(setting: str, amp: str) -> torch.device:
    """Return the device of a setting `auto`, `cpu` or `cuda`. Raises UserError.

    The device must support the number format `amp`. The runner has already limited each worker to
    the one GPU it may use.
    """
    if setting == "cuda" and not uses_gpu(setting):
        raise UserError("CONFIG_DEVICE_CUDA=y: no NVIDIA GPU is visible; set CONFIG_DEVICE_AUTO=y")
    device = torch.device("cuda" if uses_gpu(setting) else "cpu")
    if amp == "fp16" and device.type == "cpu":
        raise UserError("CONFIG_AMP_FP16=y: needs a GPU; on a CPU set CONFIG_AMP_BF16=y")
    return device


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
