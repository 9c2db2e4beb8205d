"""Which supply a sweep has, by what its plan says."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from espalier.plan.stopping.stop_rules import stop_rules
from espalier.run.entries import LIBRARY, entry_of
from espalier.run.races.race_supply import RaceSupply
from espalier.run.samplers.sampler_supply import SamplerSupply
from espalier.run.supplies.plan_growth import may_grow
from espalier.run.supplies.stop_supply import StopSupply
from espalier.run.supplies.supply import NO_SUPPLY, Supply
from espalier.store.results_dir import SweepDir


def open_supply(
    sweep: SweepDir, unfinished: Collection[int], earlier: Path | None = None
) -> Supply:
    """Return what gives a sweep trials, whose trials are all done but the `unfinished`.

    The results of `earlier` sweeps may be taken over.
    """
    header = sweep.store.header
    if may_grow(sweep.store, unfinished):
        return RaceSupply(sweep, earlier) if header.race else SamplerSupply(sweep, earlier)
    if (rules := stop_rules(header.settings)) is not None:
        entry = header.entry or entry_of(header.settings)
        return StopSupply(sweep, rules, pauses=entry == LIBRARY)
    return NO_SUPPLY
