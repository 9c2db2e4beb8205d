"""The block on plasticity: by hand, and only where trials had tasks."""

from __future__ import annotations

from collections.abc import Callable

from trial_results import passed, trial

from espalier.analysis.rank import TrialResult, rank
from espalier.report.html.curve_data import PLASTICITY
from espalier.report.measures.plasticity_report import SHOWN, render_plasticity
from espalier.train.engine.plasticity import NAMES


def plastic(number: int, seed: int, method: str, acc: float, dormant: float) -> TrialResult:
    ends = {f"first_{name}": 0.25 for name in NAMES} | {f"last_{name}": 8.0 for name in NAMES}
    ends |= {"last_dormant_share": dormant, "last_dead_share": dormant / 2}
    return passed(trial(number, seed, PRUNING_METHOD=method), acc, **ends)


def test_ends_are_means_over_seeds(golden: Callable[[str, str], None]) -> None:
    results = [plastic(1, 1, "none", 80.0, 0.5), plastic(2, 2, "none", 82.0, 0.25)]
    results += [plastic(3, 1, "snr", 90.0, 0.0), passed(trial(4, 1, PRUNING_METHOD="cut"), 70.0)]
    text = render_plasticity(rank(results))
    assert "25.0% to 37.5%" in text  # 0.25, and the mean of 0.5 and 0.25
    assert "config_004" not in text  # had no tasks
    golden("plasticity", text)


def test_trials_without_tasks_have_no_block() -> None:
    assert render_plasticity(rank([passed(trial(1, 1), 80.0)])) == ""


def test_names_are_those_that_are_measured() -> None:
    assert {by.name for by in SHOWN} == set(PLASTICITY) <= set(NAMES)


def test_hostile_names_stay_text() -> None:
    hostile = plastic(1, 1, "\x1b[31m<script>\n$x^$", 80.0, 0.5)
    assert "\x1b" not in render_plasticity(rank([hostile]))
