"""Samplers at equal trials: how far the best that they found is from the best there is.

    python benchmarks/sampler_regret.py [--only tables|digits|same|conditional] [--seeds 20]
        [--gp-seeds 20] [--picture docs/figures/sampler-regret.png]

* tables: searches of recorded grids (sampler_tables.py), told one result after the other.
* digits: sweeps of digits over intervals, from the command line; the best there is is the best of
  all of them.
* same: how many proposals on a plain space are those of Optuna's own loop.
* conditional: how many proposals of Optuna are no trial where it is asked for every axis, and what
  it finds so.

The last two are in optuna_loop.py. The Gaussian process has few seeds; --gp-seeds gives it more.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import measuring
import optuna_loop
import sweeping
from measuring import Figure
from sampler_searches import TRIALS, Curve, above, regret, searched, seeds_of
from sampler_tables import BY, NAMES, RecordedTable

from espalier.core.texts.count_text import count_text
from espalier.core.trial import Result, Status

SAMPLERS = ("random", "sobol", "tpe", "gp")
SHOWN = (10, 20, 40)
"""After so many trials."""
DIGITS = """\
CONFIG_DATASET=digits
CONFIG_MODEL=mlp
CONFIG_MLP_WIDTH=32
CONFIG_NUM_EPOCHS=3
CONFIG_OPTIMIZER=sgd|adamw
CONFIG_LEARNING_RATE=0.0001~*1
CONFIG_BATCH_SIZE=16~*128
CONFIG_SGD_MOMENTUM=0~0.99
CONFIG_ADAMW_WEIGHT_DECAY=0.001~*1
CONFIG_RANK_BY=val_loss
"""
Part = tuple[list[Figure], list[str]]


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part, whose record is its own")
    parser.add_argument("--seeds", type=int, default=20, help="(default: %(default)s)")
    how = "searches with gp, which takes a second for a proposal (default: %(default)s)"
    parser.add_argument(
        "--gp-seeds", type=int, default=5, choices=range(1, 101), metavar="N", help=how
    )
    parser.add_argument("--picture", type=Path, help="draw the curves of tables or digits there")
    args = parser.parse_args()
    figures: list[Figure] = []
    notes: list[str] = []
    for part in [args.only] if args.only else PARTS:
        own, said = PARTS[part](args)
        figures, notes = figures + own, notes + said
    measuring.tell(args, figures, [*measuring.summaries(figures, 3), *notes])


def tables(args: argparse.Namespace) -> Part:
    """Search the recorded tables."""
    figures: list[Figure] = []
    every: dict[str, dict[str, list[Curve]]] = {}
    for table in map(RecordedTable, NAMES):
        curves: dict[str, list[Curve]] = {}
        for name in SAMPLERS:
            runs = [searched(table, name, seed) for seed in seeds_of(name, args)]
            curves[name] = [regret(table, configs) for configs in runs]
            measuring.say(f"{table.name}: {name}")
        figures += compared(table.name, curves)
        every[table.name] = curves
    if args.picture:
        draw(every, args.picture)
    sizes = [
        f"{t.name}: {count_text(len(t.scores), 'configuration')}" for t in map(RecordedTable, NAMES)
    ]
    return figures, sizes


def compared(what: str, curves: Mapping[str, Sequence[Curve]]) -> list[Figure]:
    """Return the regrets, and what is left of a random search's at its end."""
    figures = [
        Figure(f"{what}: {name} after {trials}", [curve[trials - 1] for curve in runs], "nats")
        for name, runs in curves.items()
        for trials in SHOWN
    ]
    for name, runs in curves.items():
        if name != "random":
            pairs = zip(runs, curves["random"], strict=False)
            less = [own[TRIALS - 1] - other[TRIALS - 1] for own, other in pairs]
            figures.append(Figure(f"{what}: {name} - random", less, "nats", family=what))
    return figures


def digits(args: argparse.Namespace) -> Part:
    """Run whole sweeps."""
    losses: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "digits-range"
        file.write_text(DIGITS, encoding="utf-8")
        for seed in range(args.seeds):
            for name in (name for name in SAMPLERS if seed in seeds_of(name, args)):
                also = f"CONFIG_SAMPLER={name}\nCONFIG_SAMPLER_TRIALS={TRIALS}\n"
                place = Path(folder) / f"{name}_{seed}"
                place.mkdir()
                also = f"{also}CONFIG_SAMPLER_SEED={seed}\n"
                swept = sweeping.sweep(place, file, also, PARALLEL=2)
                losses.setdefault(name, []).append([loss(r) for _, r in swept.results()])
                measuring.say(f"{place.name}: {min(losses[name][-1]):.4f} in {swept.whole:.1f} s")
    best = min(each for runs in losses.values() for run in runs for each in run)
    curves = {name: [above(best, run) for run in runs] for name, runs in losses.items()}
    if args.picture:
        draw({"digits": curves}, args.picture)
    return compared("digits", curves), [f"digits: the best of all {best:.4f}"]


def loss(result: Result) -> float:
    """Return the validation loss of a trial, without end if it did not pass."""
    seen = result.measures.get(BY)
    passed = result.status is Status.PASSED and isinstance(seen, float)
    return seen if passed else math.inf


def draw(every: Mapping[str, Mapping[str, Sequence[Curve]]], file: Path) -> None:
    """Draw the mean regret over the seeds, a panel for each table."""
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=(3.4 * len(every), 3.0), dpi=130, layout="constrained")
    panels = picture.subplots(1, len(every), squeeze=False)[0]
    for panel, (what, curves) in zip(panels, every.items(), strict=True):
        for name, runs in curves.items():
            means = [sum(values) / len(values) for values in zip(*runs, strict=True)]
            panel.plot(range(1, len(means) + 1), means, label=f"{name} ({len(runs)} seeds)")
        panel.set(title=what.replace("_", " "), xlabel="configurations", yscale="log")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("validation loss above the best (nats)")
    panels[0].legend(frameon=False)
    picture.savefig(file)


PARTS = {
    "tables": tables,
    "digits": digits,
    "same": optuna_loop.same,
    "conditional": optuna_loop.conditional,
}

if __name__ == "__main__":
    main()
