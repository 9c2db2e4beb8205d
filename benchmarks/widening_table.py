"""Do neurons that the gradient chooses beat random ones? Layers that are widened, by seed.

    python benchmarks/widening_table.py [--seeds N] [--keep FOLDER]

One sweep of defconfigs/digits-widening-range, as users run it, and one of the network trained whole
with as many epochs as cost no more operations than the control. All arms of the comparison end with
the same parameters. Passes that choose neurons are paid for with whole epochs at the end, so no way
of widening costs more than random neurons. Edges and layers that come and whole networks of 40
epochs cost more, and are there to be looked at. A figure's values are test accuracies, or how far
they are from those of random neurons, one a seed. The notes have means with 95 % t-intervals, and
p, corrected by Holm.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import measuring
import sweeping
from measuring import Figure
from sweeping import apart, pairs, test_accuracy

from espalier.core.paths import ROOT
from espalier.core.trial import Result, Trial

RANGE = ROOT / "defconfigs" / "digits-widening-range"
CONTROL, SHORT = "random_neurons", "none, equal operations"
CHOSEN = ("gradmax_neurons", "firefly")  # by the gradient
OTHERS = ("net2net", "net2deeper", "grow", "none", SHORT)
EQUAL = (CONTROL, "net2net", *CHOSEN, SHORT)  # in operations, at most
NETWORK = ("CONFIG_DATASET=", "CONFIG_MODEL=", "CONFIG_MLP_")
Arms = Mapping[str, Mapping[str, Result]]
"""By arm: the results by seed."""


def method(trial: Trial) -> str:
    """What the trial's network is trained by."""
    return str(trial.config["PRUNING_METHOD"])


def operations(result: Result) -> float:
    """What updates and passes cost, in operations with live weights."""
    return float(result.measures["flops_total"])


def whole_epochs(control: Mapping[str, Result], whole: Mapping[str, Result]) -> int:
    """Return the epochs of the whole network that cost no more than the control."""
    shares = (operations(ours) / operations(theirs) for ours, theirs in pairs(control, whole))
    return int(min(shares) * len(next(iter(whole.values())).history))


def network() -> str:
    """Return the lines of the range file that say what the network is, and its data."""
    lines = RANGE.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith(NETWORK))


def measured(place: Path, args: argparse.Namespace) -> Arms:
    """Run both sweeps, unless they are there."""
    seeds = f"CONFIG_SEED=1:1:{args.seeds}\n"
    arms = dict(sweeping.arms(sweeping.once(place / "arms", RANGE, seeds), method))
    epochs = whole_epochs(arms[CONTROL], arms["none"])
    whole = place / "whole-range"
    wishes = f"CONFIG_PRUNING_METHOD=none\nCONFIG_NUM_EPOCHS={epochs}\n{seeds}"
    whole.write_text(f"{network()}{wishes}", encoding="utf-8")
    short = sweeping.arms(sweeping.once(place / "short", whole), method)
    return {**arms, SHORT: short["none"]}


def figures(arms: Arms) -> Iterator[Figure]:
    """Each arm itself, what it cost, and how far it is from random neurons."""
    for arm, results in arms.items():
        yield Figure(f"{arm}, test accuracy", [*map(test_accuracy, results.values())], "%")
    for arm, results in arms.items():
        shares = [operations(a) / operations(b) for a, b in pairs(results, arms[CONTROL])]
        goal = "<= 1" if arm in EQUAL else ""
        yield Figure(f"{arm}, operations over those of {CONTROL}", shares, "x", goal)
    for arm in (*CHOSEN, *OTHERS):
        if arm in arms:
            differences = apart(test_accuracy, arms[arm], arms[CONTROL])
            yield Figure(f"{arm} - {CONTROL}", differences, "points", family="digits")


def parameters(arms: Arms) -> str:
    """Return the final parameters of every trial of the arms."""
    each = {r.measures["live_parameters"] for rs in arms.values() for r in rs.values()}
    return ", ".join(f"{int(number):,}" for number in sorted(each))


def main() -> None:
    args = measuring.of_seeds(__doc__).parse_args()
    with measuring.place(args) as place:
        arms = measured(place, args)
    made = list(figures(arms))
    notes = [f"final parameters of every trial: {parameters(arms)}", *measuring.summaries(made)]
    measuring.tell(args, made, notes)


if __name__ == "__main__":
    main()
