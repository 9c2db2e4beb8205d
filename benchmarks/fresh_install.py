"""A fresh environment: what the wheel costs over torch, and a sweep in an empty folder.

Run: `python benchmarks/fresh_install.py`

torch is installed first, and then the wheel of this checkout with all that trains, so that the
package index must be there. Times of installing are of the clock, without a cache; the others are
of the processor, which a busy machine changes little.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path

import measuring
from measuring import Figure

from espalier.core.paths import ROOT

REPEATS = 3
RANGE = """CONFIG_MODEL_SELECT_MLP=y
CONFIG_PRUNING_METHOD="none"
CONFIG_NUM_EPOCHS=2
CONFIG_LEARNING_RATE=0.001|0.01
CONFIG_SEED=1|2
"""
UV = (sys.executable, "-P", "-m", "uv")


def build_wheel(place: Path) -> Path:
    """Build the wheel of what is committed, which leaves the checkout as it is."""
    source = place / "source"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(source)], check=True)
    command = [*UV, "build", "-q", "--wheel", "--no-build-isolation", "-p", sys.executable]
    subprocess.run([*command, "-o", str(place), str(source)], check=True)
    (wheel,) = place.glob("*.whl")
    return wheel


def megabytes(folder: Path) -> float:
    """Return what the files of a folder take on disk, in MB of 10^6 bytes; links count once."""
    seen = {(s.st_dev, s.st_ino): s.st_blocks * 512 for s in map(os.lstat, folder.rglob("*"))}
    return sum(seen.values()) / 1e6


def installed(environment: Path, *packages: str) -> float:
    """Install packages with uv, and return how many seconds that took."""
    python = environment / "bin" / "python"
    began = time.perf_counter()
    command = [*UV, "pip", "install", "-q", "-p", str(python), *packages]
    subprocess.run(command, check=True)
    return time.perf_counter() - began


def spent(command: Sequence[str | Path], place: Path) -> float:
    """Return the seconds of processor of a command and of what it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(list(map(str, command)), cwd=place, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def sweep(programs: Path, place: Path) -> float:
    """Return the seconds of processor of a sweep in an empty folder."""
    folder = Path(tempfile.mkdtemp(dir=place))
    (folder / "my-range").write_text(RANGE, encoding="utf-8")
    return spent([programs / "espalier", "sweep", "my-range", "PARALLEL=1"], folder)


def main() -> None:
    args = measuring.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        place = Path(name)
        wheel, environment = build_wheel(place), place / "env"
        venv.create(environment)
        installed(environment, "torch")
        torch = megabytes(environment)
        seconds = installed(environment, "--no-cache", f"{wheel}[train]")
        programs = environment / "bin"
        sweeps = [sweep(programs, place) for _ in range(REPEATS + 1)][1:]
        imports = [spent([programs / "python", "-c", "import torch"], place) for _ in sweeps]
        figures = [
            Figure("torch alone", [torch], "MB"),
            Figure("espalier and all that trains, over it", [megabytes(environment) - torch], "MB"),
            Figure("to install that", [seconds], "s"),
            Figure("a sweep of 4 trials in an empty folder", sweeps, "s"),
            Figure("to import torch alone", imports, "s"),
        ]
    measuring.tell(args, figures)


if __name__ == "__main__":
    main()
