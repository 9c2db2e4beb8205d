"""The tutorial: every command of docs/tutorial.md in its order, and what its question came to.

    python benchmarks/tutorial.py [--keep FOLDER]

What a block prints is kept for the page. The comparison is that of the page's last sweep: by how much
AdamWPrune ends better than magnitude pruning on the test images, seed by seed, at each sparsity.
`--keep` leaves the copy of the checkout with its sweeps there; one that is there is read, not run.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import measuring
import page_commands
from measuring import Figure
from page_commands import Said

from espalier import load_sweep
from espalier.core.paths import RESULTS, ROOT
from espalier.report.frames.loaded_sweep import LoadedSweep

PAGE = ROOT / "docs" / "tutorial.md"
SAID = "said.json"
FAMILY = "AdamWPrune - magnitude"
MEASURES = {"test_acc": "test accuracy", "val_acc": "validation accuracy"}
LONGEST = 30  # lines of what is shown, of which the last say most
SWEEP = re.compile(r"sweep_\d{8}_\d{6}")


def excerpt(text: str) -> str:
    """Return what the page shows of what a block printed, in a block of code, cut at `...`."""
    lines = SWEEP.sub("sweep_YYYYMMDD_HHMMSS", text).strip("\n").splitlines()
    cut = ["...", *lines[-LONGEST:]] if len(lines) > LONGEST else lines
    return "\n".join(["```text", *(line.rstrip() for line in cut), "```"])


def follow(place: Path) -> dict[str, str]:
    """Run the page in a copy of the checkout and return what it shows, by name."""
    copy = page_commands.copy_checkout(place)
    shown: dict[str, str] = {}
    for said in page_commands.follow(copy, page_commands.blocks(PAGE.read_text(encoding="utf-8"))):
        measuring.say(f"exit code {said.code}: {said.block.commands}{said.text}")
        if said.code:
            sys.exit(f"a command of {PAGE.name} failed: {said.block.commands}")
        if said.block.shown_as:
            shown[said.block.shown_as] = excerpt(said.text)
    (copy / SAID).write_text(json.dumps(shown), encoding="utf-8")
    return shown


def sweeps(place: Path) -> list[LoadedSweep]:
    """Return the sweeps that the page made, the first one first."""
    folders = sorted((place / RESULTS).glob("sweep_*"))
    return [load_sweep(folder) for folder in folders]


def figures_of(first: LoadedSweep, last: LoadedSweep) -> list[Figure]:
    """Return what the sweeps came to: trials, seconds of training, means and differences."""
    counts = [Figure(f"trials of the {word} sweep", [len(sweep.trials)], "") for word, sweep in
              (("first", first), ("last", last))]
    return [*counts, *_means(last), *_differences(last)]


def _means(sweep: LoadedSweep) -> Iterator[Figure]:
    for (method, sparsity), group in _groups(sweep):
        for measure, words in MEASURES.items():
            values = group[measure].tolist()
            yield Figure(f"{method} at {sparsity}, {words}", values, "%")
