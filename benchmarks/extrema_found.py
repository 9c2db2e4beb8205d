"""Are the same units found to stand out whatever samples are looked at, and how fast?

    python benchmarks/extrema_found.py [--seeds N] [--epochs N]

Networks of 64-64-10 units at several densities are trained on the digits, and their extrema (dead,
saturated and hot units) are found on two draws of 1,000 samples each that share none. As there are
too few images for that, both draws come from the images and their copies a pixel to the right.
Jaccard is the number of units found in both draws over those found in either, of the networks of
one seed together. A figure's values are one a seed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import measuring
import torch
from measuring import Figure
from torch import Tensor, nn

from espalier.core.contracts import Run
from espalier.core.trial import Task
from espalier.layers.masked_blocks import Blocks
from espalier.layers.reachability import reach
from espalier.methods.growth.placement import missing_edge_scores
from espalier.methods.growth.placement.extrema import Activity, find_extrema
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.timing.growth_state import GrowthState, Memory
from espalier.plan.planning import plan_from_rows
from espalier.train import worker_entry
from espalier.train.loop import Loop

DENSITIES = ("0.02", "0.05", "0.2", "1")
CATEGORIES = ("dead", "saturated", "hot")
KINDS = {"all": CATEGORIES, **{category: (category,) for category in CATEGORIES}}
DRAW = 1000
Units = set[tuple[str, int]]
BASE = {"MODEL": "blocks", "BLOCKS_SIZES": "64", "OPTIMIZER": "adam", "PRUNING_METHOD": "none"}
SETTINGS = {"DEVICE": "cpu", "DATA_DIR": "data", "DATA_MEMORY": "0", "DATA_WORKERS": "0"}
SETTINGS |= {"MICRO_BATCH": "0", "DOWNLOAD": "n", "DEBUG_CHECKS": "n"}


def trained(density: str, seed: int, epochs: int) -> Run:
    """A run at its end."""
    row = {"BLOCKS_DENSITY": density, "SEED": str(seed), "NUM_EPOCHS": str(epochs)}
    (trial,) = plan_from_rows({**BASE, **row}, [{}]).trials
    trainer, _ = worker_entry.prepare(Task.single(trial, SETTINGS, Path()))
    for _ in Loop([trainer]).epochs():
        pass
    return trainer.run


def draws(run: Run) -> tuple[Tensor, Tensor]:
    """Two times 1,000 samples (n, 1, 8, 8); no sample is in both."""
    x = torch.cat([run.train.x, run.validation.x])
    pool = torch.cat([x, x.roll(1, 3)])
    order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(0))
    return pool[order[:DRAW]], pool[order[DRAW : 2 * DRAW]]


@torch.no_grad()
def extrema(net: nn.Module, x: Tensor) -> Units:
    """The units found on samples, each with its category."""
    assert isinstance(net, Blocks)
    marked = find_extrema(Activity.of(net.trace(x).values[1]))
    return {
        (c, unit) for c in CATEGORIES for unit in getattr(marked, c).nonzero().flatten().tolist()
    }


def jaccard(pairs: Sequence[tuple[Units, Units]], categories: Sequence[str]) -> float:
    """Of all networks together; 1 if nothing was found in any."""
    both = either = 0
    for pair in pairs:
        first, second = ({unit for unit in units if unit[0] in categories} for units in pair)
        both += len(first & second)
        either += len(first | second)
    return both / either if either else 1.0


def seconds(run: Run) -> float:
    """What it takes to find the extrema of a whole network, as methods do."""
    assert isinstance(run.model, Blocks)
    run.method_state = GrowthState(NetworkEditor(run.model, run.generators["method"]), Memory())
    began = time.perf_counter()
    missing_edge_scores.find_hidden_extrema(run)
    return time.perf_counter() - began


def figures(args: argparse.Namespace, notes: list[str]) -> Iterator[Figure]:
    """By category, over all densities; the notes get what was found."""
    same: dict[str, list[float]] = {kind: [] for kind in KINDS}
    clock: list[float] = []
    for seed in range(1, args.seeds + 1):
        pairs = []
        for density in DENSITIES:
            run = trained(density, seed, args.epochs)
            first, second = (extrema(run.model, x) for x in draws(run))
            pairs.append((first, second))
            clock.append(seconds(run))
            notes.append(f"density {density}, seed {seed}: {count_units(run.model, first)}")
        for kind, values in same.items():
            values.append(jaccard(pairs, KINDS[kind]))
    for kind, values in same.items():
        yield Figure(f"Jaccard of two draws, {kind} units", values, "", ">= 0.9")
    yield Figure("finding the extrema of a network", clock, "s", "<= 1")


def count_units(net: nn.Module, units: Units) -> str:
    """Say how many units each category has, and how many are on no path, another thing."""
    counts = [f"{sum(c == category for c, _ in units)} {category}" for category in CATEGORIES]
    assert isinstance(net, Blocks)
    off = reach(net.masks()).dead[1]
    return f"{', '.join(counts)}; {int(off.sum())} of {len(off)} on no path"


def main() -> None:
    parser: argparse.ArgumentParser = measuring.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help="(default: %(default)s)")
    args = parser.parse_args()
    notes: list[str] = []
    measuring.tell(args, list(figures(args, notes)), notes)


if __name__ == "__main__":
    main()
