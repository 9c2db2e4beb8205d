"""What is needed to know where a result came from and to produce it again."""

from __future__ import annotations

import platform

import torch

from espalier.core import revision
from espalier.core.records import Provenance


def collect(device: torch.device) -> Provenance:
    """Return the code revision, as the worker found it when it started, versions and device."""
    return Provenance(
        code=revision.code(),
        versions=revision.versions(),
        device=device_name(device),
        platform=platform.platform(),
    )


def device_name(device: torch.device) -> str:
    """The device as its maker calls it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu ({platform.processor() or platform.machine()})"
