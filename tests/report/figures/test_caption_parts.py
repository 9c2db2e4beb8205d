"""Sentences of captions."""

from __future__ import annotations

from figure_sources import grid
from trial_results import passed, trial

from espalier.analysis.rank import rank
from espalier.core.measures import VAL_ACC
from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.caption_parts import (
    best_of,
    joined,
    more_panels,
    of_race,
    rows_left_out,
    symbols_left_out,
    unequal_steps,
)


def test_what_there_is_nothing_to_say_of_is_left_out() -> None:
    ranking = rank(grid())
    assert joined([best_of(VAL_ACC, 1, "Here", AxisNames()), more_panels(6)]) == ""
    assert joined([unequal_steps(ranking.ranked), of_race(ranking), "Lines."]) == "Lines."


def test_sentences() -> None:
    assert best_of(VAL_ACC, 3, "At each place", AxisNames()) == (
        "At each place the best by validation accuracy of up to 3 configurations."
    )
    assert more_panels(7) == "1 more panel not drawn."
    assert of_race(rank(grid(), raced=True)) == "A race gave out the seeds: who did well has more."
    assert (rows_left_out(0), rows_left_out(1)) == ("", "The last 1 row left out (TOP=).")
    assert (symbols_left_out(-1), symbols_left_out(2)) == ("", "2 symbols left out (BY=).")


def test_unequal_training_is_said() -> None:
    ranking = rank([passed(trial(n, 1, A=str(n)), 90.0, steps=1000 * n) for n in (1, 2)])
    assert unequal_steps(ranking.ranked) == "Not trained equally long: 1,000 to 2,000 steps."
