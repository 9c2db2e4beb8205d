"""Does apoptosis help? Every strategy against no method and against random deaths, paired by seed.

    python benchmarks/apoptosis_table.py [--only stationary|shift|plasticity] [--keep FOLDER]

Runs three range files as users do: `apoptosis-strategies-range` (one text), `apoptosis-shift-range`
(prose, code, prose) and `apoptosis-plasticity-range` (200 tasks of permuted digits). A figure's
values are differences of a validation measure, one a seed: the strategy minus its control after
equal steps, at least an interval after the last event. The notes have means with 95 % t-intervals,
and p, by itself and corrected by Holm for all comparisons of that measure. For losses less is
better, for accuracies more. Growth ends with more parameters than its control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import measuring
import sweeping
from measuring import Figure

from espalier.core.paths import ROOT
from espalier.core.trial import Status

CONTROL, CHANCE = "none", "random"


@dataclass(frozen=True)
class Scenario:
    """A range file, and what is compared in it."""

    range_file: str
    measures: Sequence[str]
    unit: str


SCENARIOS = {
    "stationary": Scenario("apoptosis-strategies-range", ["val_loss"], "nats"),
    "shift": Scenario("apoptosis-shift-range", ["mean_val_loss", "forgetting"], "nats"),
    "plasticity": Scenario(
        "apoptosis-plasticity-range", ["mean_val_acc", "first_tasks_acc", "last_tasks_acc"], "%"
    ),
}
Arm = tuple[str, str]
Scores = dict[Arm, dict[str, dict[str, float]]]
"""(method, fitness or nothing) -> seed -> measure -> value."""


def arm(config: Mapping[str, str]) -> Arm:
    """Return the method of a trial, and what it goes by, if anything."""
    return config["PRUNING_METHOD"], config.get("APOPTOSIS_FITNESS", "")


def scores(place: Path, arm_of: Callable[[Mapping[str, str]], Arm]) -> Scores:
    """Of the trials that passed."""
    by_arm: Scores = {}
    for trial, result in sweeping.results(place):
        if result.status is not Status.PASSED:
            measuring.say(f"{trial.name} {result.status}: {result.message}")
            continue
        by_arm.setdefault(arm_of(trial.config), {})[trial.config["SEED"]] = result.measures
    return by_arm


def differences(
    by_arm: Scores, arm: tuple[str, str], control: tuple[str, str], by: str
) -> list[float]:
    """The measure of `arm` minus that of `control`, seed by seed."""
    ours, theirs = by_arm[arm], by_arm.get(control, {})
    return [ours[seed][by] - theirs[seed][by] for seed in ours if seed in theirs]


def compared(name: str, scenario: Scenario, by_arm: Scores) -> Iterator[Figure]:
    """Every arm against no method; those led by fitness against those led by chance."""
    for by in scenario.measures:
        level = [measures[by] for measures in by_arm[CONTROL, ""].values()]
        yield Figure(f"{name}, {by}: no method, itself", level, scenario.unit)
        for own in by_arm:
            method, fitness = own
            title = f"{name}, {by}: {' by '.join(part for part in own if part)}"
            controls = [] if method == CONTROL else [("none", (CONTROL, ""))]
            controls += [("random", (method, CHANCE))] if fitness not in ("", CHANCE) else []
            for word, control in controls:
                if values := differences(by_arm, own, control, by):
                    unit = "points" if scenario.unit == "%" else scenario.unit
                    yield Figure(f"{title} - {word}", values, unit, family=f"{name}, {by}")


def swept(place: Path, name: str) -> None:
    """Run the range file of a scenario."""
    sweeping.sweep(place, ROOT / "defconfigs" / SCENARIOS[name].range_file)


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--only", choices=SCENARIOS, help="one of the three")
    parser.add_argument("--keep", type=Path, help="sweeps there are read, others stay there")
    args = parser.parse_args()
    figures: list[Figure] = []
    with measuring.place(args) as kept:
        for name, place in sweeping.each(kept, [args.only] if args.only else SCENARIOS, swept):
            figures += compared(name, SCENARIOS[name], scores(place, arm))
    measuring.tell(args, figures, measuring.summaries(figures, places=4))


if __name__ == "__main__":
    main()
