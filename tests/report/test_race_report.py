"""The head of the report of a race, sweep_race.json, and the line of a round."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import ended, passed, trial

from espalier.analysis.race_standing import RaceStanding, standing
from espalier.analysis.rank import TrialResult
from espalier.core.records import RaceRecord
from espalier.core.trial import Status
from espalier.report.race_report import race_json, render_race, round_line
from espalier.report.report_request import ReportRequest
from espalier.report.reports import ANALYSIS, RACE, write_reports

NOISE = {
    "even": [0.0, 0.2, -0.2, 0.1, -0.1, 0.0],
    "near": [0.1, -0.1, 0.1, 0.0, -0.2, 0.1],
    "far": [-4.0, -4.3, -3.9, -4.1, -4.0, -4.2],
}


def record(margin: float = 0.0, by: str = "val_acc", seeds: int = 6) -> RaceRecord:
    return RaceRecord(alpha=0.05, margin=margin, max_seeds=seeds, by=by, seeds=["1"])


def raced(names: str, seeds: int, **more: float) -> list[TrialResult]:
    made: list[TrialResult] = []
    for name in names.split():
        for seed in range(1, seeds + 1):
            item = trial(len(made) + 1, seed, ARM=name)
            if name == "lost":
                made.append(ended(item, Status.FAILED, "diverged", "loss is not finite"))
            else:
                score = 90.0 + seed + NOISE[name][seed - 1]
                made.append(passed(item, score, test_acc=score - 1, val_loss=1 / score, **more))
    return made


SCENARIOS: dict[str, Callable[[], RaceStanding]] = {
    "best": lambda: standing(raced("even far", 4), record()),
    "undecided": lambda: standing(raced("even near far lost", 6), record()),
    "within": lambda: standing(raced("even near far", 6), record(margin=3.0)),
    "between_rounds": lambda: standing(raced("even near far", 4), record()),
    "no_round_yet": lambda: standing(raced("even far", 2), record()),
    "test_data": lambda: standing(raced("even far", 3, final_sparsity=0.5), record(by="test_acc")),
    "loss": lambda: standing(raced("even far", 3), record(by="val_loss")),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_head_of_the_report(name: str, golden: Callable[[str, str], None]) -> None:
    race = SCENARIOS[name]()
    golden(f"race_{name}", render_race(race) + round_line(race) + "\n")


def test_the_file_has_every_configuration() -> None:
    text = json.loads(race_json(SCENARIOS["undecided"]()))
    assert {
        name: text[name] for name in ("alpha", "margin", "trials", "ended", "rounds", "by")
    } == {
        "alpha": 0.05,
        "margin": 0.0,
        "trials": 24,
        "ended": True,
        "rounds": 6,
        "by": "val_acc",
    }
    assert text["trials_of_all_seeds"] == 24
    assert text["configurations"][2] == {
        "config_file": "config_013",
        "swept": {"CONFIG_ARM": "far"},
        "status": "behind",
        "seeds": 3,
        "left_in_round": 3,
        "reason": "",
        "mean": pytest.approx(92 - 12.2 / 3),
        "trials": 6,
    }
    assert [each["status"] for each in text["configurations"]] == [
        "undecided",
        "undecided",
        "behind",
        "undecided",
    ]
    assert text["configurations"][3]["reason"] and text["configurations"][3]["mean"] is None


def test_only_a_race_has_a_head(tmp_path: Path) -> None:
    plain = stored(tmp_path / "plain", raced("even far", 3))
    assert write_reports(plain).startswith("Hyperparameter Sweep Analysis")
    assert not (plain / RACE).exists()
    folder = stored(tmp_path / "race", raced("even far", 3), race=record().as_json())
    assert write_reports(folder).startswith("RACE (validation accuracy, alpha 0.05")
    assert (folder / ANALYSIS).read_text(encoding="utf-8").count("RACE (") == 1
    assert json.loads((folder / RACE).read_text(encoding="utf-8"))["ended"] is True


def test_the_measure_of_a_race_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK_BY", raising=False)
    rules = record(by="val_loss").as_json()
    folder = stored(tmp_path / "race", raced("even far", 3), race=rules)
    assert "Ranked by: validation loss" in write_reports(folder)
    assert "Ranked by: validation accuracy" in write_reports(folder, ReportRequest("val_acc"))
