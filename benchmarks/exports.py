"""Exports of 10,000 trials of 20 epochs: seconds of the first and of the second, and the size.

Run: `python benchmarks/exports.py`

Trials are made up. Each export is the command itself, with a process that reads back everything.
The second finds all runs there, so its time is that of reading. Without the trackers (`make
setup-trackers`) it is CSV alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measuring
from large_sweeps import large_sweep
from measuring import Figure

from espalier.core.paths import ROOT
from espalier.report.exports.export_formats import CSV, FORMATS
from espalier.report.exports.export_process import PYTHON

TRIALS = 10_000


def export(form: str, folder: Path) -> float:
    """Seconds of the command."""
    command = [sys.executable, "-P", "-m", "espalier", "export", "--to", form, "--dir", str(folder)]
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def megabytes(folder: Path) -> float:
    """The size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def measured(form: str, folder: Path) -> list[Figure]:
    """What one format takes."""
    first, second = export(form, folder), export(form, folder)
    return [
        Figure(f"{form}: {TRIALS:,} trials written and read back", [first], "s"),
        Figure(f"{form}: exported again, nothing to write", [second], "s"),
        Figure(f"{form}: size", [megabytes(folder / "exports" / form)], "MB"),
    ]


def main() -> None:
    args = measuring.parser(__doc__).parse_args()
    if not PYTHON.is_file():
        measuring.say("no trackers: CSV alone")
    formats = FORMATS if PYTHON.is_file() else (CSV,)
    with tempfile.TemporaryDirectory() as name:
        folder = large_sweep(Path(name) / "sweep", TRIALS)
        figures = [figure for form in formats for figure in measured(form, folder)]
    measuring.tell(args, figures)


if __name__ == "__main__":
    main()
