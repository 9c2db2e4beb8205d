"""What hangs together beside the rungs of a ladder: where it breaks, by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from trial_results import passed, sweep, trial

from espalier.analysis import connectivity_threshold
from espalier.analysis.dose_response import Ladder, ladders
from espalier.analysis.logistic_fit import Logistic
from espalier.analysis.rank import TrialResult, rank
from espalier.report import dose_response_report

SCORES = {"0.01": 10.0, "0.1": 20.0, "1": 95.0, "10": 96.0}
UNITS = {"0.01": 0.0, "0.1": 0.25, "1": 0.75, "10": 1.0}
HOLDING = {"0.01": 0.25, "0.1": 0.75, "1": 1.0, "10": 1.0}


def wired(units: dict[str, float] = UNITS) -> Ladder:
    results: list[TrialResult] = []
    for value, score in SCORES.items():
        for seed in (1, 2, 3):
            item = trial(len(results) + 1, seed, DENSITY=value)
            part = {"units_on_path": units[value], "fan_in": 8 * units[value], "fan_out": 2.0}
            results.append(passed(item, score + seed, **part))
    (ladder,) = ladders(rank(results), "DENSITY")
    return ladder


def test_a_share_is_interpolated_in_the_logarithm() -> None:
    assert connectivity_threshold.crossing([0.1, 1.0], [0.25, 0.75]) == pytest.approx(10**-0.5)
    assert (
        connectivity_threshold.crossing([0.1, 1.0], [0.5, 0.75]) is None
    )  # a half is not below it
    assert connectivity_threshold.crossing([0.1, 1.0], [0.1, 0.2]) is None  # nor was it ever above


def test_the_rung_where_units_lose_their_paths() -> None:
    ladder = wired()
    assert connectivity_threshold.crossings(ladder) == {"units": pytest.approx(10**-0.5)}
    assert connectivity_threshold.predicted(ladder) == 0.1
    assert connectivity_threshold.measured(ladder) == 0.1


def test_a_network_that_holds_longer_than_it_learns() -> None:
    ladder = wired(HOLDING)
    assert dose_response_report.as_json(ladder)["rung_predicted"] == 0.01


@pytest.mark.parametrize(("name", "units"), [("same_rung", UNITS), ("another_rung", HOLDING)])
def test_text(name: str, units: dict[str, float], golden: Callable[[str, str], None]) -> None:
    curve = Logistic(low=12.0, high=98.0, d50=0.2, slope=4.0)
    ladder = replace(wired(units), curve=curve, ends=(0.1, 0.25))
    golden(f"connectivity_{name}", dose_response_report.render_ladder(ladder))


def test_trials_that_say_nothing_of_it_add_nothing() -> None:
    (plain,) = ladders(rank(sweep({value: [score] for value, score in SCORES.items()})))
    assert connectivity_threshold.heading(plain) == []
    assert "wiring" not in dose_response_report.render_ladder(plain)
    assert connectivity_threshold.predicted(plain) is None
    assert dose_response_report.as_json(plain)["structure_below_half_at"] == {}
