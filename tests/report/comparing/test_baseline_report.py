from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from method_grid import method_grid
from stored_sweeps import stored
from trial_results import passed, trial

from espalier.analysis.comparing.against_baseline import against
from espalier.analysis.rank import rank
from espalier.report.comparing.baseline_report import baseline_json, render_baseline
from espalier.report.report_request import ReportRequest
from espalier.report.reports import write_reports


@pytest.mark.parametrize(
    ("name", "text"), [("values", "PRUNING_METHOD=magnitude"), ("named", "config_001")]
)
def test_text(name: str, text: str, golden: Callable[[str, str], None]) -> None:
    page = render_baseline(against(rank(method_grid()), text))
    assert page.isascii()
    golden(f"baseline_{name}", page)


def test_text_of_what_has_no_baseline(golden: Callable[[str, str], None]) -> None:
    results = [
        passed(trial(n, 1, PRUNING_METHOD=m, X=str(n)), 1.0) for n, m in ((1, "a"), (2, "b"))
    ]
    golden("baseline_none", render_baseline(against(rank(results), "PRUNING_METHOD=a")))


def test_the_same_as_data() -> None:
    data = json.loads(baseline_json(against(rank(method_grid()), "PRUNING_METHOD=magnitude")))
    assert (data["baseline"], data["by"]) == ("PRUNING_METHOD=magnitude", "val_acc")
    overall = data["means"][3]
    assert (overall["values"], overall["level"], overall["pairs"]) == (
        {"CONFIG_PRUNING_METHOD": "state"},
        None,
        2,
    )
    assert overall["parts_of_baseline"]["live_parameters"] == {"least": 1.0, "most": 1.02}
    first = data["configurations"][0]
    assert (first["config_file"], first["baseline_file"]) == ("config_007", "config_001")
    assert first["equal_steps"]["said"] == "better" and first["equal_steps"]["comparisons"] == 4
    assert first["unequal"] == {"total_time": {"own": 15.0, "baseline": pytest.approx(10.2)}}


def test_it_is_a_part_of_the_reports_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stored(tmp_path / "s", method_grid())
    assert "AGAINST BASELINE" not in write_reports(folder)
    text = write_reports(folder, ReportRequest(baseline="config_001"))
    assert text.index("TOP 10") < text.index("AGAINST BASELINE config_001:")
    monkeypatch.setenv("BASELINE", "PRUNING_METHOD=state")
    assert "\nAGAINST BASELINE PRUNING_METHOD=state:\n" in write_reports(folder)
    data = json.loads((folder / "sweep_baseline.json").read_text(encoding="utf-8"))
    assert data["baseline"] == "PRUNING_METHOD=state"
