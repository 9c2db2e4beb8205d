"""The picture of a race: the seeds of each configuration, when it left and why."""

from __future__ import annotations

import pytest
from figure_sources import HOSTILE, source_of, with_header
from trial_results import passed, sweep, trial

from espalier.analysis.rank import TrialResult
from espalier.core.records import RaceRecord
from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_check import look_at
from espalier.report.figures.figure_input import NothingToDrawError
from espalier.report.figures.figure_kinds import KINDS
from espalier.report.figures.figure_style import STYLES

GAPS = [0.0, 0.3, -0.2, 0.1, 0.0, 0.2, -0.1, 0.1]


def raced(names: tuple[str, ...] = ("a", "b"), seeds: int = 4) -> list[TrialResult]:
    """The first is the best, each other 4 points behind it on average."""
    made: list[TrialResult] = []
    for seed in range(1, seeds + 1):
        for place, name in enumerate(names):
            worse = 4.0 * bool(place) - GAPS[seed - 1] * bool(place)
            item = trial(len(made) + 1, seed, LR=name)
            made.append(passed(item, 90.0 + seed - worse))
    return made


def race(results: list[TrialResult], style: str = "page", **wishes: int) -> DrawnFigure:
    rules = RaceRecord(alpha=0.05, margin=0.5, max_seeds=8, by="val_acc", seeds=["1"])
    return KINDS["race"].draw(with_header(source_of(results, **wishes), race=rules), STYLES[style])


def test_a_bar_a_configuration_with_when_it_left_and_why() -> None:
    made = race(raced())
    (panel,) = made.figure.axes
    texts = [text.get_text() for text in panel.texts]
    # by the first three seeds: 91, 92 and 93, and 4 less with gaps of 0, 0.3 and -0.2
    assert texts[2:] == ["a", "92.00%  the best", "b", "88.03%  left after 3: behind"]
    # a seed more was trained than a decision needed
    assert [bar.get_width() for bar in panel.patches] == [3, 1, 3, 1]
    assert "error rate 0.05, margin 0.5 points" in made.caption
    assert "8 trials, 50% of the 16 of 8 seeds for every configuration." in made.caption


@pytest.mark.parametrize("style", STYLES)
def test_every_size_is_whole(style: str) -> None:
    for names in (("a", "b"), tuple(str(n) for n in range(60)), HOSTILE):
        assert look_at(race(raced(names, 3), style).figure) == []


def test_the_first_top_and_how_many_are_left_out() -> None:
    made = race(raced(tuple("abcdef")), top=2)
    assert "The last 4 rows left out (TOP=)." in made.caption


def test_a_sweep_that_is_no_race() -> None:
    with pytest.raises(NothingToDrawError, match="no race; run one with `make race"):
        KINDS["race"].draw(source_of(sweep({"a": [1.0]})), STYLES["page"])
