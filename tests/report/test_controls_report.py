from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_controls import PLAIN, arms, run, trial
from test_reports import stored
from trial_results import ended

from espalier.analysis.confidence import Interval
from espalier.analysis.controls import comparisons
from espalier.analysis.rank import TrialResult, rank
from espalier.core.measures import MEASURES
from espalier.core.records import PackShare, Provenance
from espalier.core.trial import Result, Status
from espalier.report.controls_report import controls_text, said, told
from espalier.report.reports import write_reports


def lines(results: list[TrialResult], by: str = "val_loss") -> list[str]:
    ranking = rank(results, by)
    text = told(comparisons(ranking, PLAIN), ranking)
    assert "\n".join(text).isascii()
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


def test_what_is_told_of_a_method() -> None:
    assert lines(with_events()) == [
        "AGAINST CONTROLS:",
        "----------------------------------------",
        "Differences of the validation loss, configuration minus control (less is better),",
        "  in pairs of equal seeds, with 95% t-intervals that are not corrected for their number",
        "config_003 CONFIG_METHOD=turn CONFIG_TURN_RATE=0.1",
        "  against config_001 (CONFIG_METHOD=none)",
        "    equal steps: -0.5000 nats +/- 3.1766 (n=2): not distinguishable",
        "    equal time: +0.4000 nats (n=2, no spread): the same on each seed, no verdict, "
        "at 50% of its steps",
        "    UNEQUAL parameters: 1,200, control 1,000",
        "  events: 6, loss jumps by +0.0123 nats, at most +0.0500, back after 12.5 steps, "
        "1 never, 5.00 ms each, 0.5% of the time",
        "",
    ]


def test_failed_seeds_and_arms_without_a_control_are_told() -> None:
    results = arms()
    results[2] = ended(results[2].trial, Status.FAILED, "diverged")
    results.append(run(trial(7, 1, METHOD="turn", TURN_RATE="0.1", LR="2"), [1.0]))
    results += [run(trial(8, 1, METHOD="none", LR="3"), [9.0])]
    found = lines(results)
    assert "  INCOMPLETE: 1 of 2 seeds (1 did not pass)" in found
    assert "    equal steps: -0.7500 nats (n=1: no interval): one seed, no verdict" in found
    # config_007 has LR, config_001 has none that would contradict it
    assert not any(line.startswith("Without a control") for line in found)
    apart = [run(trial(9, 1, METHOD="turn", LR="4"), [1.0])]
    only = [item for item in results if item.trial.number > 6]
    assert lines([*only, *apart, run(trial(10, 1, METHOD="turn", LR="3"), [8.0])])[-2] == (
        "Without a control that agrees in all else: 2 configurations (config_007, config_009)"
    )


def test_packs_make_times_doubtful() -> None:
    item = arms()[2]
    packed = Result(**{**vars(item.result), "provenance": Provenance(pack=PackShare(size=4))})
    found = lines([arms()[0], TrialResult(item.trial, packed, 1)])
    assert found[4].startswith("Times are shares of those of packs")


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
    assert said(difference, MEASURES[by]) == verdict


def test_the_same_as_data() -> None:
    (found,) = json.loads(controls_text(comparisons(rank(with_events(), "val_loss"), PLAIN)))
    assert (found["config_file"], found["n"], found["planned"]) == ("config_003", 2, 2)
    assert found["values"] == {"CONFIG_METHOD": "turn", "CONFIG_TURN_RATE": 0.1}
    (against,) = found["against"]
    assert (against["config_file"], against["symbol"], against["value"]) == (
        "config_001",
        "CONFIG_METHOD",
        "none",
    )
    assert against["equal_steps"]["difference"] == -0.5
    assert against["equal_steps"]["said"] == "not distinguishable"
    assert against["equal_time_share_of_steps"] == 0.5
    assert against["unequal"] == {"parameters": {"own": 1200.0, "control": 1000.0}}
    assert found["events"]["seconds"] == 0.005


def test_the_reports_of_a_sweep_with_a_control(tmp_path: Path) -> None:
    folder = stored(tmp_path / "s", arms(), by="val_loss", controls=PLAIN)
    text = write_reports(folder)
    assert "\nAGAINST CONTROLS:\n" in text
    assert text.index("TOP 10") < text.index("AGAINST CONTROLS") < text.index("FAILED TESTS")
    assert len(json.loads((folder / "sweep_controls.json").read_text())) == 2


def test_a_sweep_without_controls_says_nothing_of_them(tmp_path: Path) -> None:
    folder = stored(tmp_path / "s", arms()[2:], by="val_loss", controls=PLAIN)
    assert "AGAINST CONTROLS" not in write_reports(folder)
    assert not (folder / "sweep_controls.json").exists()
