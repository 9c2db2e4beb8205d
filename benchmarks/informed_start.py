"""Do first edges at telling pixels help a sparse network? Four starts on the digits, by seed.

    python benchmarks/informed_start.py [--seeds N] [--density D] [--keep FOLDER]

One sweep of defconfigs/digits-start-range, as users run it. All arms have the same number of edges
in each layer and keep them. What the small network of the hierarchical start costs is taken from
its epochs; in its first epochs it is compared with the others as many epochs later as it has fewer.
The notes have means with 95 % t-intervals, not corrected for their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import measuring
import sweeping
from measuring import Figure
from sweeping import test_accuracy

from espalier.core.paths import ROOT
from espalier.core.trial import Result

RANGE = ROOT / "defconfigs" / "digits-start-range"
CONTROLS, INFORMED = ("random", "even"), ("data", "hierarchical")
EARLY = (1, 2, 3)  # epochs
FAMILY = "digits"  # comparisons that are decided together
Arms = Mapping[str, Mapping[str, Result]]
"""By start: the results by seed."""


def validation(result: Result, epoch: int, charged: int = 0) -> float:
    """Validation accuracy after an epoch, of which some were spent before the first."""
    return float(result.history[epoch + charged - 1]["val_acc"])


def early(result: Result, other: Result, epoch: int) -> float:
    """How much better validation is after an epoch; the other has had as many more as cost it."""
    charged = int(result.measures["start_epochs"])
    return validation(result, epoch) - validation(other, epoch, charged)


def figures(by_start: Arms) -> Iterator[Figure]:
    """Every arm itself, then each against those that know less."""
    for start in (*CONTROLS, *INFORMED):
        values = list(map(test_accuracy, by_start[start].values()))
        yield Figure(f"test accuracy, {start}", values, "%")
    yield from against(by_start, "even", "random")
    for start in INFORMED:
        for control in CONTROLS:
            yield from against(by_start, start, control)


def against(by_start: Arms, start: str, control: str) -> Iterator[Figure]:
    """The first epochs and the end."""
    paired = sweeping.pairs(by_start[start], by_start[control])
    judged = start in INFORMED and control == "random"
    what = f"{start} - {control}"
    for epoch in EARLY:
        gains = [early(*pair, epoch) for pair in paired]
        yield Figure(f"{what}, validation after epoch {epoch}", gains, "points", family=FAMILY)
        wins = [sum(gain > 0 for gain in gains) / len(gains)]
        goal = ">= 0.8" if judged else ""
        yield Figure(f"{what}, seeds better after epoch {epoch}", wins, "share", goal)
    ends = sweeping.apart(test_accuracy, by_start[start], by_start[control])
    yield Figure(f"{what}, test", ends, "points", ">= -1" if judged else "", FAMILY)


def notes(by_start: Arms, made: list[Figure]) -> Iterator[str]:
    """Live parameters, what was charged, and means with their intervals."""
    every = [result for arm in by_start.values() for result in arm.values()]
    counts = {int(result.measures["live_parameters"]) for result in every}
    yield f"live parameters of every trial: {', '.join(map(str, sorted(counts)))}"
    charged = {result.measures["start_epochs"] for result in by_start["hierarchical"].values()}
    yield f"epochs that the hierarchical start was charged: {', '.join(map(str, sorted(charged)))}"
    yield from measuring.summaries([figure for figure in made if len(figure.values) > 1])


def main() -> None:
    parser = measuring.of_seeds(__doc__)
    parser.add_argument("--density", type=float, default=0.1, help="(default: %(default)s)")
    args = parser.parse_args()
    wishes = f"CONFIG_SPARSE_DENSITY={args.density:g}\nCONFIG_SEED=1:1:{args.seeds}\n"
    with measuring.place(args) as place:
        sweeping.once(place, RANGE, wishes)
        by_start = sweeping.arms(place, lambda trial: trial.config["SPARSE_START"])
    made = list(figures(by_start))
    measuring.tell(args, made, list(notes(by_start, made)))


if __name__ == "__main__":
    main()
