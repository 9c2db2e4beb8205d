"""`seed-finder`: the smallest network of a range file that learns."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from espalier.component import KINDS
from espalier.errors import UserError
from espalier.paths import RESULTS
from espalier.search import halving, seed_plan, seed_report
from espalier.search.halving import Candidate, Found, Measured, Train
from espalier.search.learning import Bar
from espalier.search.runs import Means
from espalier.search.seed_plan import CandidateTrainer, Space
from espalier.sweep import planning, space
from espalier.sweep.results_dir import write_atomically

PORTFOLIO = "defconfigs/digits-seeds-range"
"""What is searched unless a range file is given."""
JSON, CSV, TABLE, PICTURE = "seeds.json", "seeds.csv", "seeds.txt", "seeds.png"
DATASET = KINDS["dataset"][1]


def find(argv: Sequence[str]) -> int:
    """Find the smallest network that learns; 0 if there is one, else 1.

    Trains every candidate of a range file for a few epochs, the better half for twice as many, and
    so on; all of it on validation samples. A search that was stopped is gone on with.
    """
    args = _arguments(argv)
    bar = Bar(_number("--margin", args.margin, 100) / 100, _number("--alpha", args.alpha, 1))
    found_space = seed_plan.read(planning.find(args.range), _settings(args.dataset))
    counts = halving.epochs(found_space.epochs, args.rungs)
    trainer = CandidateTrainer(found_space, _means(args))
    said = _said(trainer, found_space)
    print(f"{args.range}: {len(found_space.candidates)} candidates; epochs {counts}", flush=True)
    found = halving.find(found_space.candidates, said, counts, bar)
    folder = args.output_dir / f"seeds_{found_space.identity(counts, bar)}"
    _write(found, trainer.size, folder)
    return 0 if found.smallest else 1


def _means(args: argparse.Namespace) -> Means:
    new = args.new or os.environ.get("NEW", "") not in ("", "0")
    results = args.output_dir.absolute()
    return Means(results=results, parallel=args.parallel, new=new, verbose=False)


def _said(train: Train, about: Space) -> Callable[[Sequence[Candidate], int], list[Measured]]:
    """`train`, telling of every rung before and after."""
    seeds = len(about.whole.trials) // len(about.candidates)

    def told(wanted: Sequence[Candidate], epochs: int) -> list[Measured]:
        print(f"{len(wanted)} candidates x {seeds} seeds, {epochs} epochs", end=" ", flush=True)
        measured = list(train(wanted, epochs))
        best = max(one.accuracy for one in measured)
        print(f"... best {best:.1%}", flush=True)
        return measured

    return told


def _write(found: Found, size: str, folder: Path) -> None:
    """Print the table and write all files."""
    lines = seed_report.told(found, size)
    print("\n" + "\n".join(lines))
    with space.needed(folder):
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(seed_report.as_json(found, size), indent=2)
        write_atomically(folder / JSON, text + "\n")
        write_atomically(folder / CSV, seed_report.as_csv(found))
        write_atomically(folder / TABLE, "\n".join(lines) + "\n")
    seed_report.write_picture(found, size, folder / PICTURE)
    print("\n".join(str(folder / name) for name in (JSON, CSV, TABLE, PICTURE)))


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="seed-finder", description=find.__doc__)
    add = parser.add_argument
    given = os.environ.get("RANGE_CONFIG") or PORTFOLIO
    about = "range file of architectures, densities and seeds (default: %(default)s)"
    add("range", nargs="?", metavar="RANGE_CONFIG", default=given, help=about)
    add("--dataset", default=os.environ.get("DATASET") or None, help="in place of the file's")
    add("--margin", default="5", help="points above the most frequent class (default: %(default)s)")
    add("--alpha", default="0.01", help="error rate of `learns` (default: %(default)s)")
    add("--rungs", type=_positive, default=4, help="halvings and one (default: %(default)s)")
    parallel = os.environ.get("PARALLEL") or "0"
    add("--parallel", type=_count, default=parallel, help="trials at a time (0: by device)")
    add("--new", action="store_true", help="begin new results instead of going on")
    add("--output-dir", type=Path, default=RESULTS, help="(default: %(default)s)")
    return parser.parse_args(argv)


def _settings(dataset: str | None) -> dict[str, str]:
    return {} if dataset is None else {DATASET: dataset}


def _number(option: str, text: str, most: float) -> float:
    """A number above 0 and below `most`. Raises UserError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < most:
        raise UserError(f"{option} {text}: must be a number above 0 and below {most:g}")
    return value


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: must be an integer of at least 0")
    return int(text)


def _positive(text: str) -> int:
    if not _count(text):
        raise argparse.ArgumentTypeError(f"{text!r}: must be an integer of at least 1")
    return int(text)
