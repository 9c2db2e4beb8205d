"""The line on how far a sampler is."""

from __future__ import annotations

from espalier.plan.samplers.model_based.proposal_records import ProposalRecord, SamplerRecord
from espalier.report.sampler_report import (
    nothing_line,
    proposals_line,
    render_sampler,
    share_line,
)

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


def test_the_head_of_a_report_says_that_scores_chose_what_was_trained() -> None:
    record = SamplerRecord(sampler="tpe", seed=3, trials=50, proposals=[ONE])
    lines = render_sampler(record).splitlines()
    assert lines[0] == "SAMPLER (tpe, seed 3):"
    assert lines[2] == "tpe: 1 of 50 configurations proposed"
    assert "looks better than it is" in lines[3]
    assert render_sampler(record).endswith("how good it is.\n\n")


def test_an_estimate_says_of_how_many_configurations_it_is() -> None:
    record = SamplerRecord(sampler="tpe", seed=0, trials=50, proposals=[ONE] * 10)
    assert share_line(record) == (
        "That is of 10 of 50 configurations; all take about 5.0 times that. "
        "The others follow from results."
    )
    assert "times" not in share_line(
        SamplerRecord(sampler="tpe", seed=0, trials=1, proposals=[ONE])
    )


def test_a_sampler_that_has_nothing_to_learn_from_says_so() -> None:
    record = SamplerRecord(sampler="tpe", seed=0, trials=50, proposals=[ONE] * 10)
    assert nothing_line(record).startswith("tpe: none of its 10 configurations passed with a score")
