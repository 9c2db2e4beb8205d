"""What is needed to know where a result came from and to produce it again."""

from __future__ import annotations

import functools
import platform
import subprocess
from importlib import metadata

import torch

from espalier.paths import ROOT
from espalier.trial import Record

PACKAGES = ("espalier", "torch", "torchvision", "numpy", "scikit-learn", "kconfiglib")


def collect(device: torch.device) -> Record:
    """Code revision, versions and device as plain data."""
    return {
        "code": dict(_revision()),
        "versions": {"python": platform.python_version(), **_versions()},
        "device": device_name(device),
        "platform": platform.platform(),
    }


def device_name(device: torch.device) -> str:
    """The device as its maker calls it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu ({platform.processor() or platform.machine()})"


@functools.cache
def _versions() -> dict[str, str]:
    found = {name: _version(name) for name in PACKAGES}
    return {name: version for name, version in found.items() if version}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


@functools.cache
def _revision() -> tuple[tuple[str, str | bool], ...]:
    """Commit and whether the tree differs from it, as the worker found them when it started."""
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    return (("commit", commit), ("modified", bool(changes)))


def _git(*args: str) -> str:
    """What git prints, or nothing where there is no git or no repository."""
    try:
        done = subprocess.run(
            ["git", *args], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
