"""Configurations that enter a race: a new one's, a wider range file's, or a finished sweep's."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.analysis.rank import sampling
from espalier.core.errors import UserError
from espalier.core.records import PlanHeader
from espalier.core.trial import REPETITION, Trial
from espalier.plan.race_plan import ConfigText, join
from espalier.store.results_dir import SweepDir

_, SPLIT_SEED = REPETITION


def check(trials: Sequence[Trial], where: str) -> None:
    """Raise UserError unless these trials can be raced: what they are of is `where`."""
    if len({trial.config.get(SPLIT_SEED) for trial in trials}) > 1:
        rule = f"CONFIG_{SPLIT_SEED} must have one value: a race pairs by CONFIG_SEED"
        raise UserError(f"{where}: {rule}")
    if len({trial.configuration for trial in trials}) < 2:
        raise UserError(f"{where}: has one configuration beside seeds; a race takes 2 or more")
    samples = [sampling(trial, "VALIDATION_FRACTION") for trial in trials]
    for each in samples:
        if odd := sorted(dict(each.items() ^ samples[0].items())):
            rule = "must have one value: scores on other samples cannot be compared"
            raise UserError(f"{where}: CONFIG_{odd[0]} {rule}")


def enter(sweep: SweepDir, header: PlanHeader, trials: Sequence[ConfigText]) -> PlanHeader:
    """Let the plan of an open sweep have these configurations too; return its header.

    The sweep becomes a race by that, if it is none yet.
    """
    store = sweep.store
    growth = join(store.header, store.trials(), header, trials)
    if growth.added or growth.changed:
        sweep.grow(*growth)
    return growth.header
