"""Does it help to train on small images first? Multi-scale training on the digits, by seed.

    python benchmarks/multi_scale.py [--seeds N] [--keep FOLDER]

One sweep of defconfigs/digits-multiscale-range, as users run it, with 40 epochs for every arm and
with as many as cost no more operations than 40 of whole images. Arms of a seed begin with the same
weights; they see whole images at once (`none`), or after small ones, either with what they learnt
on those (`exact`) or with that in the wrong places (`shuffled`). The notes have means with 95 %
t-intervals, not corrected for their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import measuring
import sweeping
from measuring import Figure
from sweeping import apart, test_accuracy

from espalier.core.paths import ROOT
from espalier.core.trial import Result, Trial

RANGE = ROOT / "defconfigs" / "digits-multiscale-range"
EPOCHS, AS_COSTLY = "40", "47"
GOAL = 93.0  # % of the validation samples
NONE, EXACT, SHUFFLED = "none", "exact", "shuffled"
Arms = Mapping[tuple[str, str], Mapping[str, Result]]
"""By arm and epochs: the results by seed."""


def arm(trial: Trial) -> tuple[str, str]:
    """Of a trial: how weights pass to whole images, and its epochs."""
    return trial.config.get("MULTISCALE_HANDOVER", NONE), trial.config["NUM_EPOCHS"]


def passage(result: Result) -> int:
    """The epoch at whose end images are first seen whole, in the history from 1; 0: always were."""
    places = (i for i, epoch in enumerate(result.history, 1) if epoch.get("pooled_by", 1) == 1)
    return next(places) if "pooled_by" in result.history[0] else 0


def fine_epochs(result: Result) -> float:
    """Epochs of whole images until validation reaches the goal; all of any, if it does not."""
    fine = result.history[passage(result) :]
    reached = (i for i, epoch in enumerate(fine, 1) if epoch["val_acc"] >= GOAL)
    return float(next(reached, len(result.history)))


def kept(result: Result) -> float:
    """Validation accuracy after the first epoch of whole images, minus that before it."""
    before, after = result.history[passage(result) - 1 : passage(result) + 1]
    return float(after["val_acc"] - before["val_acc"])


Reading = Callable[[Result], float]


def values(read: Reading, results: Mapping[str, Result]) -> list[float]:
    """A number of each seed's result."""
    return [read(result) for result in results.values()]


def figures(by_arm: Arms) -> Iterator[Figure]:
    """The passage itself, how fast it is behind it, and what comes of it."""
    none, exact, shuffled = (by_arm[arm, EPOCHS] for arm in (NONE, EXACT, SHUFFLED))
    jumps = values(lambda r: float(r.measures["passage_difference"]), exact)
    yield Figure("largest change of a logit at the passage, exact", [max(jumps)], "", "<= 0.00001")
    for name, results in ((NONE, none), (EXACT, exact), (SHUFFLED, shuffled)):
        what = f"epochs of whole images to {GOAL:g} % of validation, {name}"
        yield Figure(what, values(fine_epochs, results), "epochs")
    spent = values(spent_to_goal, exact)
    yield Figure(f"operations to {GOAL:g} %, exact", spent, "epochs of whole images")
    faster = [change < 0 for change in apart(fine_epochs, exact, none)]
    share = [sum(faster) / len(faster)]
    yield Figure("seeds in which exact needs fewer of them than none", share, "share", ">= 0.8")
    worst = [min(values(kept, exact))]
    yield Figure("worst first epoch of whole images, exact", worst, "points", ">= -2")
    yield Figure("test accuracy, none", values(test_accuracy, none), "%")
    equal = by_arm[EXACT, AS_COSTLY]
    for what, ours, theirs in (
        ("exact - none, equal epochs", exact, none),
        ("exact - none, equal operations", equal, none),
        ("exact - shuffled, equal epochs", exact, shuffled),
    ):
        yield Figure(what, apart(test_accuracy, ours, theirs), "points", family="digits")
    shares = values(operations, equal)
    yield Figure("operations of the equal-operations arm, over those of none", shares, "x", "<= 1")


def operations(result: Result) -> float:
    """What training cost, over what the usual number of epochs of whole images costs."""
    return float(result.measures["training_operations"]) / (whole_epoch(result) * int(EPOCHS))


def spent_to_goal(result: Result) -> float:
    """What training cost until validation reached the goal, in epochs of whole images."""
    reached = min(passage(result) + int(fine_epochs(result)), len(result.history))
    return float(result.history[reached - 1]["training_operations"]) / whole_epoch(result)


def whole_epoch(result: Result) -> float:
    """What an epoch of whole images costs, such as the last one."""
    *_, before, after = (epoch["training_operations"] for epoch in result.history)
    return float(after - before)


def main() -> None:
    args = measuring.of_seeds(__doc__).parse_args()
    wishes = f"CONFIG_NUM_EPOCHS={EPOCHS}|{AS_COSTLY}\nCONFIG_SEED=1:1:{args.seeds}\n"
    with measuring.place(args) as place:
        made = list(figures(sweeping.arms(sweeping.once(place, RANGE, wishes), arm)))
    notes = measuring.summaries([figure for figure in made if len(figure.values) > 1])
    measuring.tell(args, made, notes)


if __name__ == "__main__":
    main()
