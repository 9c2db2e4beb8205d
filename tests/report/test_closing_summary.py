"""What a sweep ends with: which lines, in what order, and which stay where there is no room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from claim_cases import CLAIM, arms, made_seal
from stored_sweeps import stored
from trial_results import ended, nets, passed, sweep, trial

from espalier.analysis.rank import TrialResult
from espalier.core.trial import Result, Status
from espalier.report.closing_summary import WIDTH, next_step, summary_lines
from espalier.report.html.page_input import PageInput
from espalier.report.report_request import ReportRequest
from espalier.report.reports import read_sweep

HOSTILE = "</script><img src=x onerror=alert(1)>\x1b[2J $x^$ _{a} \\ 日本 👩 " + "x" * 10_000
EVEN = {"0.85": [90.0, 91.0, 90.5], "0.87": [90.2, 90.9, 90.4], "0.9": [80.0, 81.0, 80.2]}


def claimed() -> dict[str, Any]:
    seal = vars(made_seal(CLAIM.format("0.3"), alpha="0.2"))
    return {"claims": seal, "seals": [seal]}


def raced(*scores: float) -> tuple[list[TrialResult], dict[str, Any]]:
    race = {"alpha": 0.05, "margin": 0.0, "max_seeds": 4, "by": "val_acc", "seeds": ["1"]}
    return sweep({"0.85": [*scores], "0.87": [score - 9 for score in scores]}), {"race": race}


def failing() -> list[TrialResult]:
    """A configuration that lost a seed, and failures for four reasons."""
    made = sweep({"0.85": [90.0, 91.0]})
    reasons = ["loss is not finite"] * 3 + ["out of memory", HOSTILE, "no such file"]
    for number, reason in enumerate(reasons, 3):
        item = trial(number, number, ADAMWPRUNE_BETA1="0.85")
        made.append(ended(item, Status.FAILED, "diverged", reason))
    return made


def hostile() -> list[TrialResult]:
    many = {f"S{n}": "1" for n in range(40)}
    items = [trial(n, n, ADAMWPRUNE_BETA1=HOSTILE, **many) for n in (1, 2)]
    return [passed(item, 90.0 + item.number) for item in items]


def short() -> list[TrialResult]:
    return [passed(trial(n, n), 90.0 + n, final_sparsity=0.4) for n in (1, 2)]


SCENARIOS: Mapping[str, Callable[[], tuple[list[TrialResult], dict[str, Any]]]] = {
    "tied_and_behind": lambda: (sweep(EVEN), {}),
    "one_seed": lambda: (sweep({"0.85": [90.0], "0.87": [91.0]}), {}),
    "nothing_passed": lambda: ([ended(trial(1, 1), Status.ERROR, "crash", "broken")], {}),
    "failures": lambda: (failing(), {}),
    "missed_target": lambda: (short(), {}),
    "hostile": lambda: (hostile(), {}),
    "claims": lambda: (arms([1.0, 2.0, 3.0]), claimed()),
    "race_ended": lambda: raced(90.0, 90.1, 89.9),
    "race_undecided": lambda: raced(90.0),
}


def page_of(folder: Path, name: str, request: ReportRequest | None = None) -> PageInput:
    results, header = SCENARIOS[name]()
    return read_sweep(stored(folder / name, results, **header), request or ReportRequest())


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_lines(name: str, tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    page = page_of(tmp_path, name)
    lines = [*summary_lines(page, 20), f"next: {next_step(page)}"]
    golden(f"closing_{name}", "\n".join(lines) + "\n")


def test_before_anything_has_ended_nothing_is_said(tmp_path: Path) -> None:
    folder = stored(tmp_path / "s", [ended(trial(n, n), Status.NOTRUN) for n in (1, 2)])
    page = read_sweep(folder, ReportRequest())
    assert (summary_lines(page, 20), next_step(page)) == ([], "")


def test_after_a_sampler_that_learns_a_race_gives_the_seeds(tmp_path: Path) -> None:
    for name in ("tied_and_behind", "one_seed"):
        page = page_of(tmp_path / name, name)
        proposed = replace(page, header=replace(page.header, design={"proposals": []}))
        assert "race DIR=" in next_step(proposed)
        assert "CONFIG_SEED" not in next_step(proposed)


def test_the_front_of_several_measures_has_its_configurations(tmp_path: Path) -> None:
    sizes = [(100 * n, [80.0 + n, 80.2 + n]) for n in range(1, 8)]
    folder = stored(tmp_path / "s", nets(*sizes, (900, [70.0, 71.0])), "val_acc,live_parameters")
    lines = summary_lines(read_sweep(folder, ReportRequest()), 50)
    at = lines.index("Front of validation accuracy and live parameters: 7 of 8 configurations")
    assert lines[at + 1] == "  config_001: 81.10%, 100"
    assert lines[at + 5 : at + 7] == ["  config_009: 85.10%, 500", "  and 2 more"]
    alone = read_sweep(folder, ReportRequest("val_acc"))
    assert not any("Front" in line for line in summary_lines(alone, 50))


def test_differences_to_a_baseline(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    request = ReportRequest(baseline="ADAMWPRUNE_BETA1=0.85")
    lines = summary_lines(page_of(tmp_path, "tied_and_behind", request), 20)
    golden("closing_baseline", "\n".join(lines) + "\n")


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("room", [0, 1, 5, 12])
def test_no_more_lines_than_room_and_the_best_stays(tmp_path: Path, name: str, room: int) -> None:
    page = page_of(tmp_path, name)
    lines, whole = summary_lines(page, room), summary_lines(page, 100)
    assert len(lines) == min(room, len(whole))
    assert [line for line in whole if line in lines] == lines  # their order stays
    if room > 2:
        assert any(line.startswith("Best") for line in lines)


@pytest.mark.parametrize("name", SCENARIOS)
def test_lines_are_short_and_plain(tmp_path: Path, name: str) -> None:
    for line in summary_lines(page_of(tmp_path, name), 100):
        assert len(line) <= WIDTH and "\n" not in line and "\x1b" not in line


def test_a_program_that_has_no_sparsity_has_no_word_on_it(tmp_path: Path) -> None:
    result = Result(Status.PASSED, measures={"val_acc": 90.0})
    bare = [TrialResult(trial(n, n), result, 1) for n in (1, 2)]
    lines = list(summary_lines(read_sweep(stored(tmp_path / "s", bare), ReportRequest()), 20))
    assert lines[0].startswith("Best of ")
    assert not any("sparsity" in line for line in lines)
