"""What a trial computes on, and that it computes the same there every time."""

from __future__ import annotations

import os

import torch

from espalier.core.errors import UserError


def choose_device(wish: str, amp: str) -> torch.device:
    """The device a setting asks for: `auto`, `cpu` or `cuda`; it must be able to do `amp`.

    The runner has already limited each worker to the one GPU it may use.
    """
    if wish == "cuda" and not uses_gpu(wish):
        raise UserError("CONFIG_DEVICE_CUDA=y: no NVIDIA GPU is visible; set CONFIG_DEVICE_AUTO=y")
    device = torch.device("cuda" if uses_gpu(wish) else "cpu")
    if amp == "fp16" and device.type == "cpu":
        raise UserError("CONFIG_AMP_FP16=y: needs a GPU; on a CPU set CONFIG_AMP_BF16=y")
    return device


def uses_gpu(wish: str) -> bool:
    """Whether a setting means a GPU on this machine."""
    return wish != "cpu" and torch.cuda.is_available()


def make_deterministic(threads: int) -> None:
    """Same seed, same numbers: fixed thread count and deterministic kernels."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    # not use_deterministic_algorithms: that imports torch's compiler, which takes 3 s
    torch.set_deterministic_debug_mode("warn")
