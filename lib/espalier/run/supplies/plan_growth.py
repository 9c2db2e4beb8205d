"""Whether the plan of a sweep may still grow, and how what it grows by stands."""

from __future__ import annotations

from collections.abc import Collection

from espalier.analysis.race_standing import standing
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord
from espalier.report.race_report import round_line
from espalier.report.sampler_report import proposals_line
from espalier.store.store import Store


def may_grow(store: Store, unfinished: Collection[int] = ()) -> bool:
    """Return whether a sweep whose trials are all done but the `unfinished` may get more."""
    if (rules := store.header.race) is not None:
        return not standing(store.final_results(), rules, unfinished).state.ended
    record = SamplerRecord.of(store.header.design)
    return record is not None and not record.complete


def growth_line(store: Store) -> str:
    """Return how a race or a sampler that learns stands; empty for a plan that stays as it is."""
    if (rules := store.header.race) is not None:
        return round_line(standing(store.final_results(), rules))
    record = SamplerRecord.of(store.header.design)
    return proposals_line(record) if record else ""
