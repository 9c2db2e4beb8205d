from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from control_arms import PLAIN, arms, run, trial
from stored_sweeps import stored
from trial_results import ended

from espalier.analysis.confidence import Interval
from espalier.analysis.controls import comparisons
from espalier.analysis.rank import TrialResult, rank
from espalier.core.measures import MEASURES
from espalier.core.records import PackShare, Provenance
from espalier.core.trial import Result, Status
from espalier.report.controls_report import (
    controls_json,
    deltas_json,
    describe_verdict,
    render_controls,
)
from espalier.report.reports import write_reports


def text(results: list[TrialResult], by: str = "val_loss") -> str:
    ranking = rank(results, by)
    text = render_controls(comparisons(ranking, PLAIN), ranking)
    assert text.isascii()
    return text


EVENTS = {
    "events": 6,
    "event_jump": 0.01234,
    "event_jump_max": 0.05,
    "recovery_steps": 12.5,
    "unrecovered": 1,
    "event_seconds": 0.03,
    "total_time": 6.0,
}


def with_events() -> list[TrialResult]:
    """`arms`, where the first rate has events and is a larger network."""
    results = [run(o.trial, [r["val_loss"] for r in o.result.history], 1.0) for o in arms()[:2]]
    for item in arms()[2:4]:
        measures = {**item.result.measures, **EVENTS, "parameters": 1200}
        result = Result(Status.PASSED, "", "", measures, item.result.history)
        results.append(TrialResult(item.trial, result, 1))
    for item in results[:2]:
        item.result.measures["parameters"] = 1000
    return results


def with_a_failed_seed() -> list[TrialResult]:
    """`arms`, and a rate with a control that has no learning rate that would contradict it."""
    results = arms()
    results[2] = ended(results[2].trial, Status.FAILED, "diverged")
    results.append(run(trial(7, 1, METHOD="turn", TURN_RATE="0.1", LR="2"), [1.0]))
    return [*results, run(trial(8, 1, METHOD="none", LR="3"), [9.0])]


def without_a_control() -> list[TrialResult]:
    rates = {7: ("turn", "2", 1.0), 8: ("none", "3", 9.0), 9: ("turn", "4", 1.0)}
    rates[10] = ("turn", "3", 8.0)
    return [run(trial(n, 1, METHOD=m, LR=rate), [loss]) for n, (m, rate, loss) in rates.items()]


def of_packs() -> list[TrialResult]:
    item = arms()[2]
    packed = Result(**{**vars(item.result), "provenance": Provenance(pack=PackShare(size=4))})
    return [arms()[0], TrialResult(item.trial, packed, 1)]


SCENARIOS: dict[str, Callable[[], list[TrialResult]]] = {
    "events": with_events,
    "failed_seed": with_a_failed_seed,
    "no_control": without_a_control,
    "packs": of_packs,
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_text(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"controls_{name}", text(SCENARIOS[name]()))


def of_three_rates() -> list[TrialResult]:
    """A control and three rates on four seeds: surely better, better on its own, and alike.

    t is 48, 3.6 and 0.6 with 3 degrees of freedom: p is 0.00002, 0.037 and 0.60, of which Holm
    makes 0.00006, 0.075 and 0.60.
    """
    losses = {
        "none": (1.0, 1.1, 1.2, 1.3),
        "0.1": (0.5, 0.58, 0.7, 0.83),
        "0.2": (0.9, 1.05, 1.0, 1.2),
        "0.3": (1.1, 1.0, 1.15, 1.25),
    }
    made = []
    for rate, values in losses.items():
        swept = {"METHOD": "none"} if rate == "none" else {"METHOD": "turn", "TURN_RATE": rate}
        for seed, loss in enumerate(values, 1):
            made.append(run(trial(len(made) + 1, seed, **swept), [2.0, loss]))
    return made


def test_what_the_correction_leaves_is_marked() -> None:
    lines = text(of_three_rates()).splitlines()
    assert "Marked * is what Holm's correction leaves: " in lines[4]
    assert "1 of 3 differences at equal steps" in lines[4]
    ends = [line for line in lines if "equal steps: " in line]
    assert [line.endswith(": better*") for line in ends] == [True, False, False]
    assert ends[1].endswith(": better")


def test_the_correction_as_data() -> None:
    compared = comparisons(rank(of_three_rates(), "val_loss"), PLAIN)
    records = json.loads(controls_json(compared))
    ends = [record["against"][0]["equal_steps"] for record in records]
    assert [each["survives_holm"] for each in ends] == [True, False, False]
    assert [each["comparisons"] for each in ends] == [3, 3, 3]
    (mean,) = json.loads(deltas_json(compared))
    assert mean["equal_steps"]["comparisons"] == 1 and mean["equal_steps"]["p_holm"] < 0.05


@pytest.mark.parametrize(
    ("difference", "by", "verdict"),
    [
        (Interval(0.5, 3, 0.1), "val_acc", "better"),
        (Interval(0.5, 3, 0.1), "val_loss", "worse"),
        (Interval(-0.5, 3, 0.1), "val_loss", "better"),
        (Interval(-0.5, 3, 0.6), "val_loss", "not distinguishable"),
        (Interval(-0.5, 1, None), "val_loss", "one seed, no verdict"),
        (Interval(-0.5, 3, 0.0), "val_loss", "the same on each seed, no verdict"),
    ],
)
def test_what_is_said_of_a_difference(difference: Interval, by: str, verdict: str) -> None:
    assert describe_verdict(difference, MEASURES[by]) == verdict


def test_the_same_as_data() -> None:
    (record,) = json.loads(controls_json(comparisons(rank(with_events(), "val_loss"), PLAIN)))
    assert (record["config_file"], record["n"], record["planned"]) == ("config_003", 2, 2)
    assert record["values"] == {"CONFIG_METHOD": "turn", "CONFIG_TURN_RATE": 0.1}
    (against,) = record["against"]
    assert (against["config_file"], against["symbol"], against["value"]) == (
        "config_001",
        "CONFIG_METHOD",
        "none",
    )
    assert against["equal_steps"]["difference"] == -0.5
    assert against["equal_steps"]["said"] == "not distinguishable"
    assert against["equal_time_share_of_steps"] == 0.5
    assert against["unequal"] == {"parameters": {"own": 1200.0, "control": 1000.0}}
    assert record["events"]["seconds"] == 0.005


def test_the_reports_of_a_sweep_with_a_control(tmp_path: Path) -> None:
    folder = stored(tmp_path / "s", arms(), by="val_loss", controls=PLAIN)
    text = write_reports(folder)
    assert "\nAGAINST CONTROLS:\n" in text
    assert text.index("TOP 10") < text.index("AGAINST CONTROLS") < text.index("FAILED TESTS")
    assert len(json.loads((folder / "sweep_controls.json").read_text(encoding="utf-8"))) == 2


def test_a_sweep_without_controls_says_nothing_of_them(tmp_path: Path) -> None:
    folder = stored(tmp_path / "s", arms()[2:], by="val_loss", controls=PLAIN)
    assert "AGAINST CONTROLS" not in write_reports(folder)
    assert not (folder / "sweep_controls.json").exists()
