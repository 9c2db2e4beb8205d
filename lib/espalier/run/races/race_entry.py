"""Configurations that enter a race: a new one's, a wider range file's, or a finished sweep's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from espalier.analysis.rank import sampling
from espalier.core.errors import UserError
from espalier.core.records import PlanHeader
from espalier.core.trial import REPETITION, Trial
from espalier.plan.race_plan import ConfigText, join
from espalier.store.results_dir import SweepDir

_, SPLIT_SEED = REPETITION


def check(trials: Sequence[Trial], where: str) -> None:
    """Raise UserError unless these trials can be raced: what they are of is `where`."""
    _check_single(trials, [SPLIT_SEED], where, "since a race pairs by CONFIG_SEED")
    if len({trial.configuration for trial in trials}) < 2:
        rule = "has 1 configuration beside its seeds, and a race takes 2 or more; sweep a symbol"
        raise UserError(f"{where}: {rule}")
    samples = [sampling(trial, "VALIDATION_FRACTION") for trial in trials]
    names = sorted({name for each in samples for name in each})
    _check_single(trials, names, where, "since scores on other samples cannot be compared")


def _check_single(trials: Sequence[Trial], names: Iterable[str], where: str, why: str) -> None:
    """Raise UserError for the first of these symbols that trials have several values of."""
    for name in names:
        values = dict.fromkeys(trial.config.get(name, "(off)") for trial in trials)
        if len(values) > 1:
            rule = f"must have one value, {why}"
            raise UserError(f"{where}: CONFIG_{name}={'|'.join(values)}: {rule}")


def enter(sweep: SweepDir, header: PlanHeader, trials: Sequence[ConfigText]) -> PlanHeader:
    """Let the plan of an open sweep have these configurations too; return its header.

    The sweep becomes a race by that, if it is none yet.
    """
    store = sweep.store
    growth = join(store.header, store.trials(), header, trials)
    if growth.added or growth.changed:
        sweep.grow(*growth)
    return growth.header
