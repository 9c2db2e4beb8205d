"""Provenance: the code, versions and machine that a result came from."""

from __future__ import annotations

import platform

import torch

from espalier.core import revision
from espalier.core.records import Provenance


def collect_provenance(device: torch.device) -> Provenance:
    """Return the code revision, as the worker found it when it started, versions and device."""
    return Provenance(
        code=revision.code(),
        versions=revision.versions(),
        device=device_name(device),
        platform=platform.platform(),
    )


def device_name(device: torch.device) -> str:
    """Return the name that the maker gives the device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu ({platform.processor() or platform.machine()})"
