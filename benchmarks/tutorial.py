"""The tutorial: every command of docs/tutorial.md in its order, and what its question came to.

    python benchmarks/tutorial.py [--keep FOLDER]

What a block prints is kept for the page. The comparison is that of the page's last sweep: by how
much AdamWPrune ends better than magnitude pruning on the test images, seed by seed, at each
sparsity. With `--keep` the copy of the checkout stays in FOLDER with its sweeps.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import measuring
import page_commands
import sweeping
from measuring import Figure
from page_commands import Block, Said

from espalier import load_sweep
from espalier.core.paths import RESULTS, ROOT
from espalier.report.frames.loaded_sweep import LoadedSweep
from espalier.store.results_dir import STORE
from espalier.store.store import Store

PAGE = ROOT / "docs" / "tutorial.md"
OURS, THEIRS = "state", "magnitude"
FAMILY = f"{OURS} - {THEIRS}"
WORDS = ("first", "second")
Accuracies = dict[tuple[str, str], dict[str, float]]
"""Test accuracies by method and sparsity, and by seed."""
BUSY = "error: no estimate: epochs took so unlike times"  # of a machine that does much else
TRIES = 5
SWEEP = re.compile(r"sweep_\d{8}_\d{6}")
TRIAL = re.compile(r"\[ *\d+/\d+\] ")


def excerpt(text: str) -> str:
    """Return what the page shows of what a block printed, in a block of code, cut at `...`.

    Of the lines of trials the first and the last stay, without what came before.
    """
    lines = SWEEP.sub("sweep_YYYYMMDD_HHMMSS", text).strip("\n").splitlines()
    trials = [place for place, line in enumerate(lines) if TRIAL.match(line)]
    if trials:
        lines = [lines[trials[0]], "...", *lines[trials[-1] :]]
    return "\n".join(["```text", *(line.rstrip() for line in lines), "```"])


def follow(place: Path) -> dict[str, str]:
    """Run the page in a copy of the checkout and return what it shows, by name."""
    copy = page_commands.copy_checkout(place)
    shown: dict[str, str] = {}
    for block in page_commands.blocks(PAGE.read_text(encoding="utf-8")):
        for said in _patiently(copy, block):
            measuring.say(f"exit code {said.code}: {said.block.commands}{said.text}")
            if said.code:
                sys.exit(f"a command of {PAGE.name} failed: {said.block.commands}")
            if said.block.shown_as:
                shown[said.block.shown_as] = excerpt(said.text)
    return shown


def _patiently(copy: Path, block: Block) -> list[Said]:
    """Run a block, again while the machine is too busy for an estimate; nothing for the clone."""
    for _ in range(TRIES):
        done = list(page_commands.follow(copy, [block]))
        if not any(BUSY in said.text for said in done):
            break
    return done


def figures_of(place: Path) -> list[Figure]:
    """Return what the page's sweeps came to: trials, their seconds, means and differences."""
    sweeps = [load_sweep(folder) for folder in sorted((place / RESULTS).glob("sweep_*"))]
    counts = [
        figure for word, sweep in zip(WORDS, sweeps, strict=True) for figure in _costs(word, sweep)
    ]
    accuracies = _accuracies(sweeps[-1])
    means = [
        Figure(f"{method} at {sparsity}", list(seeds.values()), "%")
        for (method, sparsity), seeds in accuracies.items()
    ]
    return [*counts, *means, *_differences(accuracies)]


def _costs(word: str, sweep: LoadedSweep) -> Iterator[Figure]:
    """Yield how many trials a sweep has, and the minutes from its first to the end of its last."""
    with Store.open(sweep.folder / STORE, readonly=True) as store:
        attempts = store.attempts()
    ends = [attempt.finished for attempt in attempts if attempt.finished is not None]
    seconds = max(ends) - min(attempt.started for attempt in attempts)
    yield Figure(f"{word} sweep: trials", [len(sweep.opened.results)], "")
    yield Figure(f"{word} sweep: time", [seconds / 60], "minutes")


def _accuracies(sweep: LoadedSweep) -> Accuracies:
    """Return test accuracies by seed of each method at each sparsity, in percent."""
    accuracies: Accuracies = {}
    for item in sweep.opened.results:
        config = item.trial.config
        arm = accuracies.setdefault((config["PRUNING_METHOD"], config["TARGET_SPARSITY"]), {})
        arm[config["SEED"]] = sweeping.test_accuracy(item.result)
    return accuracies


def _differences(accuracies: Accuracies) -> Iterator[Figure]:
    """Yield AdamWPrune minus magnitude pruning at each sparsity, in pairs of equal seeds."""
    for (method, sparsity), seeds in accuracies.items():
        if method == OURS:
            other = accuracies[THEIRS, sparsity]
            pairs = [value - other[seed] for seed, value in seeds.items()]
            yield Figure(f"{OURS} - {THEIRS} at {sparsity}", pairs, "points", family=FAMILY)


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--keep", type=Path, help="where the copy of the checkout stays")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = args.keep or Path(folder) / "espalier"
        shown = follow(place)
        figures = figures_of(place)
    measuring.tell(args, figures, measuring.summaries(figures), texts=shown)


if __name__ == "__main__":
    main()
