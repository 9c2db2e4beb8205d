"""A tree of one's own, swept in packs: the same numbers as alone, and the contract tests.

    python benchmarks/own_tree.py [--pack 8]

Begins a component of each kind in a folder outside, as `make new` writes them, and sweeps them
together: their model, data set, optimizer, schedule, and their method against none. The trials are
trained alone, in packs, and as it comes. Then `check-external` runs the contract tests.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measuring
import sweeping
from measuring import Figure
from pack_equality import GATE, difference
from sweeping import Swept

from espalier.commands.starters.starter_files import starter_files
from espalier.core import component
from espalier.core.paths import ROOT
from espalier.core.trees import own_trees

PARTS = {kind: f"own_{kind}" for kind in component.KINDS}
SWEPT = """CONFIG_PRUNING_METHOD=own_method|none
CONFIG_LEARNING_RATE=0.001|0.003|0.01
CONFIG_NUM_EPOCHS=10
CONFIG_BATCH_SIZE=20
CONFIG_SEED=1|2|3|4
"""
ALONE = "alone"
PASSED = re.compile(r"(\d+) passed")


def main() -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("--pack", type=int, default=8, help="trials of a pack (default: 8)")
    args = parser.parse_args()
    ways: dict[str, dict[str, int]] = {ALONE: {"PACK": 1}, "packed": {"PACK": args.pack}}
    ways["as it comes"] = {}
    with tempfile.TemporaryDirectory() as folder:
        use_tree(Path(folder) / "tree")
        by_way = {name: swept(Path(folder) / name, given) for name, given in ways.items()}
        figures = [figure for name, way in by_way.items() for figure in of_way(name, way)]
        largest = max(difference(way, by_way[ALONE]) for way in by_way.values())
        packs = [f"{name}: packs of {way.packs}" for name, way in by_way.items()]
        figures += of_contracts()
    del os.environ[own_trees.VARIABLE]  # it is gone, and the record is of this code
    figures.append(Figure("largest difference of a loss from alone", [largest], "", f"<= {GATE}"))
    measuring.tell(args, figures, packs)
    return 0 if largest <= GATE else 1


def use_tree(tree: Path) -> None:
    """Begin a component of each kind in a folder, and name it as the tree outside."""
    for kind, name in PARTS.items():
        for path, text in starter_files(kind, name, tree).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    os.environ[own_trees.VARIABLE] = str(tree)


def swept(place: Path, given: dict[str, int]) -> Swept:
    """The sweep in one of the ways, by one worker."""
    place.mkdir()
    choices = {component.KINDS[kind][1]: name for kind, name in PARTS.items() if kind != "method"}
    lines = "".join(f"CONFIG_{choice}={name}\n" for choice, name in choices.items())
    (place / "range").write_text(lines + SWEPT, encoding="utf-8")
    return sweeping.sweep(place, place / "range", PARALLEL=1, **given)


def of_way(name: str, way: Swept) -> list[Figure]:
    """How many trials passed, how many of them in packs, and how long the run took."""
    results = [result for _, result in way.results()]
    shared = sum(result.provenance.pack_size > 1 for result in results)
    passed = sum(result.status.name == "PASSED" for result in results)
    return [
        Figure(f"trials that passed, {name}", [passed], ""),
        Figure(f"trials in packs, {name}", [shared], ""),
        Figure(f"seconds of the run, {name}", [way.run], "s"),
    ]


def of_contracts() -> list[Figure]:
    """How many tests of the contract pass for the tree, and in how long. Ends if one fails."""
    clock = time.perf_counter()
    command = [sys.executable, "-P", "-m", "espalier", "check-external"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    seconds = time.perf_counter() - clock
    if done.returncode or not (passed := PASSED.search(done.stdout)):
        sys.exit(done.stdout + done.stderr)
    counted = Figure("contract tests and tests of the tree that passed", [int(passed[1])], "")
    return [counted, Figure("seconds of lint and tests", [seconds], "s")]


if __name__ == "__main__":
    sys.exit(main())
