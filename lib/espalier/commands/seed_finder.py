"""`seed-finder`: find the smallest network of a range file that learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from espalier.commands.options.option_types import (
    PATH,
    POSITIVE,
    make_option,
    new,
    number_between,
    parallel,
    together,
)
from espalier.commands.options.placement_options import placement_options, take_placement
from espalier.commands.options.range_options import assignments, read_assignments
from espalier.core.atomic_write import atomic_write
from espalier.core.component import KINDS
from espalier.core.paths import RESULTS
from espalier.core.process import disk_full
from espalier.core.texts.program_name import MAKE
from espalier.kconfig import range_file
from espalier.plan import range_requests
from espalier.search import halving, seed_plan, seed_report
from espalier.search.halving import Candidate, CandidateScore, Train
from espalier.search.learning import Bar
from espalier.search.search_runs import Means
from espalier.search.seed_plan import CandidateSpace, CandidateTrainer, SeedTrials

PORTFOLIO = "defconfigs/digits-seeds-range"
"""The range file to search by default."""
DATASET = KINDS["dataset"][1]
WINNER = "smallest-range"
"""The range file of the winner, beside its report."""

bar_options = together(
    click.option(
        "--margin",
        type=number_between(0, 100),
        default=5.0,
        help="points of accuracy above the most frequent class",
    ),
    click.option(
        "--alpha",
        type=number_between(0, 1),
        default=0.01,
        help="chance that a network passes without learning",
    ),
)


seed_options = together(
    click.argument(
        "range_config",
        envvar="RANGE_CONFIG",
        default=PORTFOLIO,
        help=f"range file of architectures, densities and seeds  [default: {PORTFOLIO}]",
    ),
    make_option("DATASET", "--dataset", help="data set, in place of the range file's"),
    assignments,
    bar_options,
    click.option(
        "--rungs", type=POSITIVE, default=4, help="rounds of training, one more than halvings"
    ),
    parallel,
    placement_options,
    new,
    click.option("--output-dir", type=PATH, default=RESULTS, help="folder of the results"),
)
"""Everything that a search for the smallest network takes."""


@dataclass(frozen=True)
class SmallestNetwork:
    """The smallest network that learns: its trials, and the range file it was left as."""

    trials: SeedTrials
    name: str
    edges: float  # live edges, or live parameters where trials do not count edges
    file: Path


@click.command()
@seed_options
def command(**options: Any) -> int:
    """Find the smallest network that learns.

    Trains every candidate of a range file for a few epochs, the better half of them for twice as
    many, and so on, and measures on validation samples. The same command continues a search that
    was stopped. The winner is left as a range file with its weights. The exit code is 0 if a
    network learns, else 1.
    """
    smallest = find_smallest(read_space(**options), **options)
    if smallest is None:
        return 1
    for path in smallest.trials.weights.values():
        print(f"weights: {path}")
    print(f"{MAKE} sweep RANGE_CONFIG={smallest.file}")
    return 0


def read_space(
    range_config: str, dataset: str | None, assignments: str | None, **options: Any
) -> CandidateSpace:
    """Return the candidates that `seed_options` name. Raises UserError."""
    chosen = [range_file.assign(DATASET, dataset, "--dataset")] if dataset else []
    over = [*read_assignments(assignments), *chosen]
    return seed_plan.read(range_requests.find(range_config), over)


def find_smallest(space: CandidateSpace, rungs: int, **options: Any) -> SmallestNetwork | None:
    """Search and report, as `seed_options` say; return the winner, whose range file is written."""
    bar = Bar(options["margin"] / 100, options["alpha"])
    counts = halving.epochs(space.epochs, rungs)
    trainer = CandidateTrainer(space, search_means(options))
    print(
        f"{options['range_config']}: {len(space.candidates)} candidates; epochs {counts}",
        flush=True,
    )
    result = halving.find(space.candidates, _announced(trainer, space), counts, bar)
    print("\n" + seed_report.render_seeds(result, trainer.size), end="")
    folder = options["output_dir"] / f"seeds_{space.identity(counts, bar)}"
    print("\n".join(map(str, seed_report.write(result, trainer.size, folder))))
    if result.smallest is None:
        return None
    best = result.smallest
    trials, name = trainer.trained(best.candidate), seed_report.candidate_name(best)
    winner = SmallestNetwork(trials, name, best.size, folder / WINNER)
    heading = [f"The smallest that learns, {winner.name}, of {trials.folder}"]
    with disk_full.reported(folder):
        atomic_write(winner.file, trials.range_text(heading))
    return winner


def search_means(options: dict[str, Any]) -> Means:
    """Return how the options of a command say that its sweeps run."""
    results = options["output_dir"].absolute()
    means = Means(results, options["parallel"] or 0, new=options["new"], verbose=False)
    return replace(means, placement=take_placement(options))


def _announced(
    train: Train, space: CandidateSpace
) -> Callable[[Sequence[Candidate], int], list[CandidateScore]]:
    """Return `train` such that it prints a line a rung, its start before and its best after."""
    seeds = len(space.whole.trials) // len(space.candidates)

    def announce(candidates: Sequence[Candidate], epochs: int) -> list[CandidateScore]:
        print(f"{len(candidates)} candidates x {seeds} seeds, {epochs} epochs", end=" ", flush=True)
        scores = list(train(candidates, epochs))
        print(f"... best {max(score.accuracy for score in scores):.1%}", flush=True)
        return scores

    return announce
