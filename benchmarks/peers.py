"""The environment of the peers: requirements/bench.txt, with this one's torch and data.

It is made on first use in .venv/peers, where `make distclean` finds it and nothing else does.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from espalier.core.paths import ROOT

REQUIREMENTS = ROOT / "requirements" / "bench.txt"
VENV = ROOT / ".venv" / "peers"
NAMES = ("optuna", "ray", "hydra-core")
NOT_MEASURED = "NOT MEASURED: the peers' packages could not be installed (no network?)"


def python() -> Path | None:
    """The interpreter of the peers' environment, made if it is missing; None if that fails.

    What the peers do not bring themselves, torch above all, is found in the environment that this
    program runs in, which comes behind theirs on the path.
    """
    stamp, interpreter = VENV / REQUIREMENTS.name, VENV / "bin" / "python"
    if stamp.exists() and stamp.read_bytes() == REQUIREMENTS.read_bytes():
        return interpreter
    options = ["-p", str(interpreter), "-r", str(REQUIREMENTS)]
    for arguments in (["venv", "-q", "--clear", str(VENV)], ["pip", "install", "-q", *options]):
        if subprocess.run([sys.executable, "-m", "uv", *arguments], check=False).returncode:
            print(NOT_MEASURED)
            return None
    for packages in VENV.glob("lib/python*/site-packages"):
        (packages / "train.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    shutil.copy(REQUIREMENTS, stamp)
    return interpreter


def versions() -> str:
    """The peers' pinned versions, as one line."""
    pins = dict(
        line.split(" ")[0].split("==")
        for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    )
    return ", ".join(f"{name} {pins[name]}" for name in NAMES)
