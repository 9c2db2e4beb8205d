"""The line on how far a sampler is."""

from __future__ import annotations

from espalier.plan.samplers.model_based.proposal_records import ProposalRecord, SamplerRecord
from espalier.report.sampler_report import proposals_line

ONE = ProposalRecord(ask=0, trial="a" * 12)


def test_how_many_are_proposed_and_what_was_left_out() -> None:
    record = SamplerRecord(sampler="tpe", seed=0, trials=50, proposals=[ONE])
    assert proposals_line(record) == "tpe: 1 of 50 configurations proposed"
    record = SamplerRecord(
        sampler="gp", seed=0, trials=9, proposals=[ONE], repeated=1, refused=2, ended="no more"
    )
    assert proposals_line(record) == (
        "gp: 1 of 9 configurations proposed, 1 repeat left out, 2 would not run; no more"
    )
