"""What a run of a sweep ends with: at most a screen, whatever came of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import ended, sweep, trial

from espalier.analysis.rank import TrialResult
from espalier.core.trial import Status
from espalier.report.report_request import USUAL, ReportRequest
from espalier.report.reports import read_sweep, write_reports
from espalier.run.closing import ROOM, SweepEnd
from espalier.run.workers.worker import HOPELESS

COMMAND = "make sweep-run DIR=here"


def ending(
    folder: Path, results: list[TrialResult], left: int = 0, request: ReportRequest = USUAL
) -> SweepEnd:
    stored(folder, results, command=COMMAND)
    write_reports(folder)
    states = {item.trial.number: item.result.status for item in results}
    return SweepEnd(read_sweep(folder, request), states, list(states), left)


def mixed() -> list[TrialResult]:
    """Forty configurations, and failures and errors for many reasons."""
    made = sweep({f"0.{place}": [50.0 + place, 51.0 + place] for place in range(10, 50)})
    for number in range(len(made) + 1, len(made) + 21):
        status = Status.FAILED if number % 2 else Status.ERROR
        made.append(ended(trial(number, 1, ADAMWPRUNE_BETA1="0.5"), status, "why", f"no {number}"))
    made.append(ended(trial(200, 1, ADAMWPRUNE_BETA1="0.6"), Status.ERROR, HOPELESS, "no data"))
    return made


def test_whatever_came_of_it_the_end_is_a_screen(tmp_path: Path) -> None:
    request = ReportRequest(baseline="ADAMWPRUNE_BETA1=0.10")
    lines = ending(tmp_path / "s", mixed(), request=request).lines()
    assert len(lines) == ROOM
    assert lines[0].startswith("Best of 40 configurations by validation accuracy: config_079")
    folder = tmp_path / "s"
    assert lines[-7:-3] == [
        "101 trials: 80 passed, 10 failed, 11 error",
        f"page: {folder / 'report.html'}",
        f"report: {folder / 'sweep_analysis.txt'}",
        "next: nearby values: narrow the range file, or `make sweep-focus AROUND=best` plans them",
    ]
    failed, error, settings = lines[-3:]
    assert failed.endswith(f"why: `cat {folder / 'config_081_mlp' / 'output.log'}`")
    assert error.startswith(f"error: `{COMMAND}` tries again whatever ended in an error; why: `cat")
    assert settings.startswith("to change a setting for them, plan the same trials")


def test_where_all_passed_nothing_else_is_said(tmp_path: Path) -> None:
    end = ending(tmp_path / "s", sweep({"0.85": [90.0, 90.1, 90.2], "0.87": [80.0, 80.3, 80.1]}))
    assert end.code == 0
    assert end.lines()[-4:] == [
        "6 trials: 6 passed",
        f"page: {tmp_path / 's' / 'report.html'}",
        f"report: {tmp_path / 's' / 'sweep_analysis.txt'}",
        "next: nearby values: narrow the range file, or `make sweep-focus AROUND=best` plans them",
    ]


def test_only_chosen_trials_decide_on_the_exit_code(tmp_path: Path) -> None:
    results = [*sweep({"0.85": [90.0]}), ended(trial(2, 2), Status.FAILED, "diverged", "nan")]
    end = ending(tmp_path / "s", results)
    assert end.code == 1
    assert SweepEnd(end.page, end.states, [1]).code == 0


@pytest.mark.parametrize("left", [0, 2])
def test_what_is_to_go_comes_before_what_is_next(tmp_path: Path, left: int) -> None:
    lines = ending(tmp_path / "s", sweep({"0.85": [90.0, 91.0]}), left).lines()
    to_go = f", 2 to go; `{COMMAND}` goes on where this stopped" if left else ""
    assert f"2 trials: 2 passed{to_go}" in lines
    assert not [line for line in lines if left and line.startswith("next: ")]
