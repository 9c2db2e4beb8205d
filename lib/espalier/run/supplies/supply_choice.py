"""Which supply a sweep has, by what its plan says."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from espalier.plan.samplers.model_based.proposal_records import SamplerRecord
from espalier.run.races import race_supply
from espalier.run.races.race_supply import RaceSupply
from espalier.run.samplers.sampler_supply import SamplerSupply
from espalier.run.supplies.supply import NO_SUPPLY, Supply
from espalier.store.results_dir import SweepDir


def open_supply(sweep: SweepDir, earlier: Path | None = None) -> Supply:
    """Return what gives a sweep more trials; the results of `earlier` sweeps may be taken over."""
    if sweep.store.header.race is not None:
        return RaceSupply(sweep, earlier)
    if SamplerRecord.of(sweep.store.header.design):
        return SamplerSupply(sweep, earlier)
    return NO_SUPPLY


def undecided(sweep: SweepDir, unfinished: Collection[int]) -> bool:
    """Return whether a sweep whose trials are all done but the `unfinished` may get more."""
    if sweep.store.header.race is not None:
        return not race_supply.current(sweep.store, unfinished).state.ended
    record = SamplerRecord.of(sweep.store.header.design)
    return record is not None and not record.complete
