"""The memory of a device that a worker may take."""

from __future__ import annotations

import os

import torch

from espalier.core.process import memory


def free_bytes(device: torch.device) -> int:
    """Return the bytes for a trial on `device`: what is free, divided by the sharers."""
    if device.type == "cuda":
        reserved = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        free = torch.cuda.mem_get_info(device)[0] + reserved
    else:
        free = memory.available()
    return free // int(os.environ.get(memory.SHARERS, "1"))
