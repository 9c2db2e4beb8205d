"""What growth without an end set beforehand comes to: the digits, from 16 hidden units.

    python benchmarks/indefinite_growth.py [--seeds 10] [--keep FOLDER]

One sweep of defconfigs/digits-indefinite-range, as users run it, and one of the control: static
blocks of 64 units with the number of edges at which growth has to end, for as many epochs. The
goals are those of the criterion: 90 % on validation with at most half of the edges of a dense
network of 64-64-10 units, and accuracy on validation unchanged, to 0.2 points, by every event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import measuring
import sweeping
from measuring import Figure

from espalier.core.paths import ROOT
from espalier.core.trial import Result

RANGE = ROOT / "defconfigs" / "digits-indefinite-range"
MOST = 2000  # edges, CONFIG_INDEFINITE_MOST by default
DENSE = 64 * 64 + 64 * 10
SAME = ("CONFIG_MODEL", "CONFIG_OPTIMIZER", "CONFIG_LEARNING_RATE", "CONFIG_NUM_EPOCHS")
CONTROL = f'CONFIG_BLOCKS_SIZES="64"\nCONFIG_BLOCKS_DENSITY={MOST / DENSE}\n'
Arm = dict[str, Result]
"""By seed."""


def arms(place: Path, seeds: int) -> dict[str, Arm]:
    """Every arm by name."""
    again = f"CONFIG_SEED=1:1:{seeds}\n"
    control = place / "static-range"
    control.write_text(
        "".join(line for line in RANGE.open(encoding="utf-8") if line.startswith(SAME)) + CONTROL,
        encoding="utf-8",
    )
    grown = sweeping.once(place / "grown", RANGE, again)
    static = sweeping.once(place / "static", control, again)
    return {
        **sweeping.arms(grown, lambda trial: trial.config.get("INDEFINITE_WHERE", "none")),
        **sweeping.arms(static, lambda trial: "static"),
    }


def column(arm: Arm, measure: str) -> list[float]:
    """A measure of every seed."""
    return [float(result.measures[measure]) for result in arm.values()]


def figures(by_name: dict[str, Arm]) -> Iterator[Figure]:
    """Accuracies and edges of all arms, and growth by gradient against the others."""
    grown = by_name["gradient"]
    for name, arm in by_name.items():
        goal = ">= 90" if arm is grown else ""
        yield Figure(f"{name}, validation", column(arm, "val_acc"), "%", goal)
        yield Figure(f"{name}, test", column(arm, "test_acc"), "%")
        yield Figure(f"{name}, live parameters", column(arm, "live_parameters"), "")
        if arm is not grown:
            paired = sweeping.apart(sweeping.test_accuracy, grown, arm)
            yield Figure(f"gradient - {name}, test", paired, "points", family="digits")
    edges = [live / DENSE for live in column(grown, "live_edges")]
    yield Figure("edges, as a share of a dense network's", edges, "", "<= 0.5")
    falls = [abs(drop) for drop in column(grown, "event_drop")]
    yield Figure("largest change of validation at an event", falls, "points", "<= 0.2")


def main() -> None:
    args = measuring.of_seeds(__doc__).parse_args()
    with measuring.place(args) as place:
        by_name = arms(place, args.seeds)
    made = list(figures(by_name))
    ended = Counter(result.measures["growth_ended"] for result in by_name["gradient"].values())
    why = ", ".join(f"{name}: {count}" for name, count in ended.items())
    measuring.tell(args, made, [f"why growth ended: {why}", *measuring.summaries(made)])


if __name__ == "__main__":
    main()
