from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from method_grid import method_grid
from stored_sweeps import stored
from trial_results import ended, trial

from espalier.analysis.comparing.best_per import best_per
from espalier.analysis.rank import rank
from espalier.core.errors import UserError
from espalier.core.trial import Status
from espalier.report.comparing.best_per_report import best_per_json, render_best_per
from espalier.report.report_request import ReportRequest
from espalier.report.reports import write_reports


@pytest.mark.parametrize(
    ("name", "symbols"), [("pair", "PRUNING_METHOD,TARGET_SPARSITY"), ("alone", "DECAY")]
)
def test_text(name: str, symbols: str, golden: Callable[[str, str], None]) -> None:
    page = render_best_per(best_per(rank(method_grid()), symbols))
    assert page.isascii()
    golden(f"best_per_{name}", page)


def test_the_same_as_data() -> None:
    table = best_per(rank(method_grid()), "PRUNING_METHOD,TARGET_SPARSITY")
    data = json.loads(best_per_json(table))
    assert (data["symbol"], data["at"]) == ("CONFIG_PRUNING_METHOD", "CONFIG_TARGET_SPARSITY")
    first, second, _ = data["groups"][0]["best"]
    assert (data["groups"][0]["level"], first["verdict"], first["difference"]) == (0.9, None, None)
    assert (second["value"], second["verdict"]) == ("magnitude", "behind")
    assert second["difference"] == pytest.approx(-1.0)


def test_it_is_a_part_of_the_reports_on_request(tmp_path: Path) -> None:
    folder = stored(tmp_path / "s", method_grid())
    text = write_reports(folder, ReportRequest(best_per="PRUNING_METHOD,TARGET_SPARSITY"))
    assert "\nBEST PER PRUNING_METHOD AT EACH TARGET_SPARSITY:\n" in text
    assert (folder / "sweep_best_per.json").is_file()
    with pytest.raises(UserError, match="BEST_PER=LUCK: LUCK is not swept"):
        write_reports(folder, ReportRequest(best_per="LUCK"))


def test_before_any_trial_has_passed_there_is_nothing_to_tell() -> None:
    results = [ended(trial(1, 1, LR="1"), Status.NOTRUN), ended(trial(2, 1, LR="2"), Status.NOTRUN)]
    assert render_best_per(best_per(rank(results), "LR")) == ""
