"""The plan of a sampler that learns: it begins with what needs no results, and grows by proposals.

A trial has the id that a plain sweep would give it. Trials that are there keep their numbers and
names; those that come are numbered on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from espalier.core.records import PlanHeader
from espalier.core.trial import Record, Trial
from espalier.kconfig import number_range
from espalier.kconfig.symbols import Symbols
from espalier.plan import expand, plan
from espalier.plan.expand import Config
from espalier.plan.outside_files import script_plan
from espalier.plan.plan import Plan
from espalier.plan.race_plan import ConfigText, PlanGrowth, add_trials
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord


def grow(
    header: PlanHeader, trials: Sequence[Trial], fresh: Sequence[ConfigText], names: Iterable[str]
) -> PlanGrowth:
    """Return what a plan grows by to have new trials too; `names` are the symbols that vary."""
    values = {str(axis["symbol"]): list(axis["values"]) for axis in header.axes}
    axes = [{"symbol": name, "values": values.get(name, [])} for name in names]
    growth = add_trials(replace(header, axes=axes), trials, fresh)
    varied = [_ordered(axis) for axis in growth.header.axes if len(axis["values"]) > 1]
    return growth._replace(header=replace(growth.header, axes=varied))


def _ordered(axis: Record) -> Record:
    """Return an axis with its values by size, if they are numbers."""
    values = axis["values"]
    if not all(map(number_range.is_number, values)):
        return axis
    return {**axis, "values": sorted(values, key=Decimal)}


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

    What has been proposed stays; how many there are to be may be another number by now.
    """
    before, now = (SamplerRecord.from_json(each.design) for each in (header, planned))
    record = replace(
        before, trials=now.trials, ended=before.ended if before.trials == now.trials else None
    )
    kept = {name: getattr(header, name) for name in ("axes", "trials", "counts", "packs")}
    return replace(planned, **kept, design=record.as_json())
