"""The line on how far a sampler is."""

from __future__ import annotations

from typing import Any

import pytest

from espalier.core.decoding import ContentError
from espalier.plan.samplers.model_based.proposal_records import ProposalRecord, SamplerRecord
from espalier.report.sampler_report import (
    LONGEST,
    nothing_line,
    proposals_line,
    render_sampler,
    sampler_lines,
    share_line,
)

ONE = ProposalRecord(ask=0, trial="a" * 12)
FIRST = {"drawn": 8, "draws": 9, "intervals": {"LEARNING_RATE": "0.0001~*0.1"}}
"""What the header of a plan has of any draw."""


def test_how_many_are_proposed_and_what_was_left_out() -> None:
    record = SamplerRecord(sampler="tpe", seed=0, trials=50, proposals=[ONE])
    assert proposals_line(record) == "tpe: 1 of 50 configurations proposed"
    record = SamplerRecord(
        sampler="gp", seed=0, trials=9, proposals=[ONE], repeated=1, refused=2, exhausted=True
    )
    assert proposals_line(record) == (
        "gp: 1 of 9 configurations proposed, 1 repeat left out, 2 would not run; it proposes "
        "nothing new any more"
    )


def test_the_head_of_a_report_says_that_scores_chose_what_was_trained() -> None:
    record = SamplerRecord(sampler="tpe", seed=3, trials=50, proposals=[ONE])
    text = render_sampler({**record.as_json(), **FIRST})
    lines = text.splitlines()
    assert lines[0] == "SAMPLER (tpe, seed 3):"
    assert lines[2] == "tpe: 1 of 50 configurations proposed, seed 3"
    assert lines[3] == "CONFIG_LEARNING_RATE: in 0.0001~*0.1"
    assert "looks better than it is" in lines[4]
    assert text.endswith("how good it is.\n\n")


def test_a_draw_has_its_seed_its_number_and_its_intervals() -> None:
    design = {"sampler": "sobol", "seed": 5, **FIRST}
    assert render_sampler(design).splitlines()[2:] == [
        "sobol: 8 configurations in 9 draws, seed 5",
        "CONFIG_LEARNING_RATE: in 0.0001~*0.1",
        "",
    ]
    listed = {"sampler": "random", "seed": 5, "drawn": 8, "combinations": 12}
    assert sampler_lines(listed) == ["random: 8 of 12 feasible combinations, seed 5"]


def test_an_array_and_a_grid_draw_nothing() -> None:
    array = {"array": "L9", "rows": 9, "combinations": 81}
    assert (render_sampler(array), sampler_lines(array)) == ("", ["L9: 9 of 81 combinations"])
    assert (render_sampler({}), sampler_lines({})) == ("", [])


def test_what_a_store_says_of_a_draw_stays_one_line_of_text() -> None:
    hostile = {"A\x1b[2J\n<b>": "0~1\n" + "x" * 10_000} | {f"S{n}": "0~1" for n in range(40)}
    lines = sampler_lines({"sampler": "s\n", "seed": 0, **FIRST, "intervals": hostile})
    assert len(lines) == 21 and lines[-1] == "and 22 more"
    assert all(line.isprintable() for line in lines)
    assert len(lines[1]) == LONGEST and lines[1].startswith(r"CONFIG_A\x1b[2J\n<b>: in 0~1\nxx")


@pytest.mark.parametrize("change", [{"seed": "x"}, {"intervals": ["a"]}, {"drawn": None}])
def test_a_design_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ContentError):
        sampler_lines({"sampler": "sobol", "seed": 5, **FIRST, **change})


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
