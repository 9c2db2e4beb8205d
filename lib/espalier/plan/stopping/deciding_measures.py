"""The measures by which a sweep decides what it trains: those of its sampler and of its rungs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from espalier.core.measures import RANK_BY
from espalier.core.records import PlanHeader
from espalier.core.trial import Trial
from espalier.plan.samplers import sampling
from espalier.plan.samplers.model_based.model_sampler import ModelSampler
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord
from espalier.plan.stopping.stop_rules import check_stop, keep_decider


def ranked_by(header: PlanHeader, by: str | None) -> PlanHeader:
    """Return the header of a plan that `by` ranks, a text of RANK_BY; None leaves it as it is."""
    if not by:
        return header
    return replace(header, settings={**keep_decider(header.settings), RANK_BY: by})


def check_deciders(header: PlanHeader, trials: Sequence[Trial]) -> None:
    """Raise UserError if a measure of a plan's settings cannot decide what is trained."""
    check_stop(header, trials)
    if SamplerRecord.of(header.design) and header.race is None:
        sampling.of_settings(header.settings, ModelSampler).check()
