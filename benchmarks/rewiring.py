"""Edges past layers, and ways over dead units: what they are worth on the digits, by seed.

    python benchmarks/rewiring.py [--seeds 10] [--keep FOLDER]

Sweeps through the command line, as a user runs them. *Proportional*: the arms of
defconfigs/digits-proportional-range, half of the new edges as skips besides, and static, set and
rigl of defconfigs/digits-sparse-range, which have as many live edges in a perceptron of the same
sizes; those draw their first edges differently from the same seed. *Highways*: the arms of
defconfigs/digits-highways-range, with and without clones. "Worth" are the points of validation
accuracy lost without the edges that came, 15 epochs after the last moment. *Gradient*: the norm of
the loss's gradient by the values of the sources over validation samples, by all paths over that by
paths without those edges, signals being what they are; a median over sources, one a seed.
Differences are of test accuracy, paired by seed; no arm was tuned by itself, and intervals are not
corrected for their number.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import measuring
import sweeping
import torch
from measuring import Figure
from torch import Tensor
from torch.nn import functional as F

from espalier.core.paths import ROOT
from espalier.core.trial import Result, Task, Trial
from espalier.layers.masked_blocks import Blocks, Trace
from espalier.methods.growth.placement.feedforward_highways import without_grown
from espalier.plan import planning
from espalier.train import worker_entry
from espalier.train.loop import Loop

DEFCONFIGS = ROOT / "defconfigs"
PROPORTIONAL, SPARSE, HIGHWAYS = (
    DEFCONFIGS / f"digits-{name}-range" for name in ("proportional", "sparse", "highways")
)
SHARES = "CONFIG_PROPORTIONAL_SKIPS=0|0.2|0.5\n"
REWIRED = "CONFIG_PRUNING_METHOD=static|set|rigl\n"
KINDS = "CONFIG_HIGHWAYS_KIND=both|highways\n"
ONE = "CONFIG_PRUNING_METHOD=highways\nCONFIG_HIGHWAYS_WHERE=extrema\n"

Arms = Mapping[str, Mapping[str, Result]]
"""By name, then by seed."""
PROPORTIONAL_PAIRS = (
    ("gradient, skips 0", "none", ">= 8"),
    ("gradient, skips 0.2", "none", ">= 8"),
    ("gradient, skips 0.5", "none", ""),
    ("random, skips 0", "none", ""),
    ("gradient, skips 0.2", "gradient, skips 0", ""),
    ("gradient, skips 0.5", "gradient, skips 0", ""),
    ("random, skips 0.2", "random, skips 0", ""),
    ("gradient, skips 0", "random, skips 0", ""),
    ("gradient, skips 0.2", "random, skips 0.2", ""),
    ("gradient, skips 0", "rigl", ""),
    ("gradient, skips 0.2", "rigl", ""),
    ("gradient, skips 0.2", "set", ""),
    ("gradient, skips 0.2", "static", ">= 8"),
)
HIGHWAYS_PAIRS = tuple(
    (f"{kind}, extrema", other if other == "none" else f"{kind}, {other}", "")
    for kind in ("both", "highways")
    for other in ("none", "random", "scattered")
)


def arm(trial: Trial) -> str:
    """What a trial's arm is called."""
    config = trial.config
    method = config["PRUNING_METHOD"]
    if method == "proportional":
        return f"{config['PROPORTIONAL_WHERE']}, skips {config['PROPORTIONAL_SKIPS']}"
    if method == "highways":
        return f"{config['HIGHWAYS_KIND']}, {config['HIGHWAYS_WHERE']}"
    return method


def swept(place: Path, file: Path, also: str) -> Arms:
    """Every arm of a sweep."""
    return sweeping.arms(sweeping.once(place, file, also), arm)


def each(arms: Arms, measure: str, unit: str, words: str = "", goal: str = "") -> Iterator[Figure]:
    """A measure of every arm that has it."""
    for name, seeds in arms.items():
        measured = [result.measures for result in seeds.values()]
        values = [float(measures[measure]) for measures in measured if measure in measures]
        if values:
            yield Figure(f"{name}{words}", values, unit, goal)


def differences(arms: Arms, pairs: Sequence[tuple[str, str, str]]) -> Iterator[Figure]:
    """Test accuracy of one arm less another's, by seed."""
    for arm, other, goal in pairs:
        values = sweeping.apart(sweeping.test_accuracy, arms[arm], arms[other])
        if values:
            yield Figure(f"{arm} - {other}", values, "points", goal, family="digits")


def proportional(place: Path, seeds: str) -> Iterator[Figure]:
    """How the arms with equal live edges compare, and what shares of skips came."""
    sparse = swept(place / "sparse", SPARSE, seeds + REWIRED)
    arms = {**sparse, **swept(place / "proportional", PROPORTIONAL, seeds + SHARES)}
    every = [(name, result.measures) for name, arm in arms.items() for result in arm.values()]
    edges = [float(measures["live_parameters"]) for _, measures in every]
    yield Figure(
        "live parameters of all arms, most less least", [max(edges) - min(edges)], "", "<= 0"
    )
    yield from each(arms, "test_acc", "%")
    yield from differences(arms, PROPORTIONAL_PAIRS)
    off = [
        100 * abs(float(measures["skip_share"]) - float(name.rpartition(" ")[2]))
        for name, measures in every
        if "skip_share" in measures
    ]
    yield Figure("skips among new edges, off what was asked for", [max(off)], "points", "<= 5")


def highways(place: Path, seeds: str) -> Iterator[Figure]:
    """How ways compare with none, random and scattered ones, and what they do."""
    arms = swept(place / "highways", HIGHWAYS, seeds + KINDS)
    yield from each(arms, "test_acc", "%", ", three hidden layers")
    yield from differences(arms, HIGHWAYS_PAIRS)
    yield from each(arms, "grown_worth", "points", ": worth")
    built = {
        name: results
        for name, results in arms.items()
        if name in ("both, extrema", "highways, extrema")
    }
    for measure in ("highways", "clones", "edges_added", "dead_units_found", "dead_units_left"):
        yield from each(built, measure, "", f": {measure.replace('_', ' ')}")
    yield from each(built, "event_drop", "points", ": validation lost at a moment", "<= 0.2")


def gradient(place: Path, seed: int) -> float:
    """The median over sources of how many times as large their gradient is by all paths."""
    file = place / "gradient-range"
    file.write_text(f"{ONE}CONFIG_SEED={seed}\n", encoding="utf-8")
    plan = planning.plan_from_files([HIGHWAYS, file])
    trainer, _ = worker_entry.prepare(Task.single(plan.trials[0], plan.settings, place))
    for _ in Loop([trainer]).epochs():
        pass
    net, data = trainer.run.method_state.net, trainer.run.validation
    trace = net.trace(data.x)
    loss = F.cross_entropy(trace.sums[-1], data.y, reduction="sum")
    (last,) = torch.autograd.grad(loss, trace.sums[-1:])
    sources = [unit for event in trainer.run.method_state.editor.events for unit in event.parents]
    whole = slopes(net, trace, last)
    with without_grown(net):
        old = slopes(net, trace, last)
    sizes = [(whole[n][:, u].norm(), old[n][:, u].norm()) for n, u in sources]
    return statistics.median([float(a / b) for a, b in sizes if b > 0])


@torch.no_grad()
def slopes(net: Blocks, trace: Trace, last: Tensor) -> dict[int, Tensor]:
    """dloss/da of each hidden node by the edges that there are now, and signals as in `trace`."""
    by_node, sums = dict[int, Tensor](), {net.last: last}
    for node in range(net.last - 1, 0, -1):
        by_node[node] = sum(
            (sums[j] @ (block.weight * block.mask) for (_, j), block in net.out_of(node)),
            torch.zeros(()),
        )
        sums[node] = by_node[node] * (trace.sums[node - 1] > 0)
    return by_node


def main() -> None:
    args = measuring.of_seeds(__doc__).parse_args()
    with measuring.place(args) as place:
        seeds = f"CONFIG_SEED=1:1:{args.seeds}\n"
        made = [*proportional(place, seeds), *highways(place, seeds)]
        grown = [gradient(place, seed) for seed in range(1, args.seeds + 1)]
    made.append(Figure("gradient at sources, all paths over old ones", grown, "x", ">= 1"))
    notes = measuring.summaries([figure for figure in made if len(figure.values) > 1])
    measuring.tell(args, made, notes)


if __name__ == "__main__":
    main()
