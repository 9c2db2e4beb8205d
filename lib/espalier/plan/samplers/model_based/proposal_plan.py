"""The plan of a sampler that learns: it begins with what needs no results, and grows by proposals.

A trial has the id that a plain sweep would give it. Trials that are there keep their numbers and
names; those that come are numbered on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from espalier.core.records import PlanHeader
from espalier.core.trial import Trial
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan import combinations, expand, plan
from espalier.plan.expand import Config
from espalier.plan.outside_files import script_plan
from espalier.plan.plan import Plan
from espalier.plan.race_plan import ConfigText, PlanGrowth, add_trials
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord


def grow(
    header: PlanHeader, trials: Sequence[Trial], fresh: Sequence[ConfigText], requests: Requests
) -> PlanGrowth:
    """Return what a plan grows by to have new trials too; `requests` are those of its space."""
    names = [name for name, request in requests.items() if request.is_axis]
    begun = replace(header, axes=[{"symbol": name, "values": []} for name in names])
    growth = add_trials(begun, trials, fresh)
    configs = {trial.id: trial.config for trial in [*trials, *(new for new, _ in growth.added)]}
    axes = combinations.axes(requests.values(), configs)
    return growth._replace(header=replace(growth.header, axes=axes))


def with_texts(
    configs: Iterable[Config], settings: Mapping[str, str], symbols: Symbols
) -> list[ConfigText]:
    """Return a trial, without a number of the plan, for each configuration, and its `.config`."""
    shape = script_plan.shape_symbols(symbols, settings)
    ids = {expand.identity(config): config for config in configs}
    trials = plan.number(ids, (), shape)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        plan.write_configs(Plan(trials=trials, settings=settings), folder, symbols)
        return plan.config_texts(folder, trials)


def go_on(header: PlanHeader, planned: PlanHeader) -> PlanHeader:
    """Return the header of a plan that is gone on with, with the settings of one made anew.

    What has been proposed stays; how many there are to be may be another number by now, but no
    less than that.
    """
    before, now = (SamplerRecord.from_json(each.design) for each in (header, planned))
    trials = max(now.trials, len(before.proposals))
    exhausted = before.exhausted and before.trials == trials
    record = replace(before, trials=trials, exhausted=exhausted)
    kept = {name: getattr(header, name) for name in ("axes", "trials", "counts", "packs")}
    return replace(planned, **kept, design=record.as_json())
