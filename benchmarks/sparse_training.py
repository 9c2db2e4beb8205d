"""Where should the edges of a sparse network be? Five methods on the digits, by seed.

    python benchmarks/sparse_training.py [--seeds N] [--density D] [--keep FOLDER]

One sweep of defconfigs/digits-sparse-range, as users run it, with both ways to begin. A figure's
values are test accuracies, or differences from the static network that begins in the same way, one
a seed; all arms have the same number of live edges. The notes have means with 95 % t-intervals, not
corrected for their number. The rate is not tuned for each method by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import measuring
import sweeping
from measuring import Figure

from espalier.core.paths import ROOT

RANGE = ROOT / "defconfigs" / "digits-sparse-range"
CONTROL, METHODS = "static", ("set", "rigl", "snfs", "dsr")
INITS = {"full": "weights as in the dense network", "live": "weights enlarged"}
GOALS = {("rigl", "full"): ">= 8"}
FAMILY = "digits"  # comparisons that are decided together
Scores = dict[str, float]
"""Seed -> test accuracy in percent."""
Arms = Mapping[tuple[str, str], Scores]
"""By method and way to begin."""


def format_overrides(seeds: int, density: float) -> str:
    """Return what differs from the range file, a line for each symbol."""
    wishes = {
        "SEED": f"1:1:{seeds}",
        "SPARSE_DENSITY": f"{density:g}",
        "SPARSE_INIT": "|".join(INITS),
    }
    return "".join(f"CONFIG_{name}={value}\n" for name, value in wishes.items())


def scores(place: Path) -> Arms:
    """What the seeds of each arm came to."""
    results = sweeping.arms(place, lambda t: (t.config["PRUNING_METHOD"], t.config["SPARSE_INIT"]))
    return {
        arm: {seed: sweeping.test_accuracy(result) for seed, result in seeds.items()}
        for arm, seeds in results.items()
    }


def live(place: Path) -> set[int]:
    """The numbers of live parameters that there are among the trials."""
    return {int(result.measures["live_parameters"]) for _, result in sweeping.results(place)}


def figures(by_arm: Arms) -> Iterator[Figure]:
    """Every arm itself, and those that rewire against static edges."""
    for init, words in INITS.items():
        plain = by_arm.get((CONTROL, init), {})
        for method in (CONTROL, *METHODS):
            ours = by_arm.get((method, init), {})
            if ours:
                yield Figure(f"{method}, {words}", list(ours.values()), "%")
            paired = [ours[seed] - plain[seed] for seed in ours if seed in plain]
            if paired and method != CONTROL:
                goal = GOALS.get((method, init), "")
                yield Figure(f"{method} - {CONTROL}, {words}", paired, "points", goal, FAMILY)


def main() -> None:
    parser = measuring.of_seeds(__doc__)
    parser.add_argument("--density", type=float, default=0.1, help="(default: %(default)s)")
    args = parser.parse_args()
    with measuring.place(args) as place:
        sweeping.once(place, RANGE, format_overrides(args.seeds, args.density))
        made = list(figures(scores(place)))
        counts = ", ".join(map(str, sorted(live(place))))
    notes = [
        f"live parameters of every trial: {counts}",
        *measuring.summaries(made),
    ]
    measuring.tell(args, made, notes)


if __name__ == "__main__":
    main()
