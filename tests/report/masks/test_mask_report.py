"""What sweep_analysis.txt, frames, exports and pages say of mask events, from tables by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from html_pages import Page
from mask_tables import BEFORE_TRAINING, EVENTS, HOSTILE, leave_masks, sweep_with_masks

from espalier.report.comparing.opened_sweeps import open_sweep
from espalier.report.exports.csv_tables import frames_of, read_csv, write_csv
from espalier.report.frames.loaded_sweep import load_sweep
from espalier.report.masks.logged_masks import LoggedMasks, logged_masks
from espalier.report.masks.mask_report import render_masks
from espalier.report.report_request import USUAL
from espalier.report.reports import ANALYSIS, read_sweep, write_reports
from espalier.report.tables.trial_tables import open_folders


def logs_of(folder: Path) -> list[LoggedMasks]:
    page = read_sweep(folder, USUAL)
    return list(logged_masks(page.header, page.ranking, open_folders(folder)))


def test_one_run_of_each_configuration_the_best_first(tmp_path: Path) -> None:
    folder = sweep_with_masks(tmp_path, ["config_001", "config_003", "config_004"])
    assert [log.trial.trial.name for log in logs_of(folder)] == ["config_003", "config_001"]


def test_the_first_step_is_no_later_event(tmp_path: Path) -> None:
    (log,) = logs_of(sweep_with_masks(tmp_path, ["config_001"]))
    assert [event.step for event in log.events] == [0, 10, 20]
    assert [event.step for event in log.later] == [10, 20]
    assert log.layer_densities() == [(0.5, 0.5), (0.25, 0.75), (0.5, 0.5)]


def test_the_only_events_may_be_those_of_the_first_step(tmp_path: Path) -> None:
    folder = sweep_with_masks(tmp_path, ["config_001"], BEFORE_TRAINING)
    (log,) = logs_of(folder)
    assert [event.step for event in log.later] == [0]


def test_the_part_of_the_report(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    folder = sweep_with_masks(tmp_path, ["config_001", "config_003"])
    golden("masks", render_masks(logs_of(folder)))
    write_reports(folder)
    assert "\nMASK EVENTS:\n" in (folder / ANALYSIS).read_text(encoding="utf-8")


def test_without_a_log_nothing_is_said(tmp_path: Path) -> None:
    assert render_masks(logs_of(sweep_with_masks(tmp_path, []))) == ""
    folder = sweep_with_masks(tmp_path / "off", ["config_001"], logs="n")
    assert logs_of(folder) == []
    write_reports(folder)
    assert "MASK EVENTS" not in (folder / ANALYSIS).read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [HOSTILE, "event\n1\n", ""])
def test_a_damaged_table_is_left_out(tmp_path: Path, text: str) -> None:
    folder = sweep_with_masks(tmp_path, ["config_001", "config_003"])
    (folder / "config_003_mlp" / "mask_events.csv").write_text(text, encoding="utf-8")
    assert [log.trial.trial.name for log in logs_of(folder)] == ["config_001"]


def test_a_frame_has_every_row_of_every_trial(tmp_path: Path) -> None:
    events = load_sweep(sweep_with_masks(tmp_path, ["config_001", "config_004"])).mask_events
    assert len(events) == 2 * len(EVENTS)
    assert list(events["config_file"].unique()) == ["config_001", "config_004"]
    whole = events[events["layer"] == ""]
    assert whole["churn"].tolist() == [0.5, 0.25, 0.125] * 2
    assert whole["explored"].tolist() == [0.0, 0.5, 0.75] * 2
    assert str(events["step"].dtype) == "Int64" and str(events["milliseconds"].dtype) == "float64"
    assert HOSTILE in set(events["layer"])


def test_a_sweep_without_a_log_has_an_empty_frame(tmp_path: Path) -> None:
    folder = sweep_with_masks(tmp_path, [], logs="n")
    assert len(load_sweep(folder).mask_events) == 0
    assert "mask_events.csv" not in frames_of(open_sweep(folder))


def test_the_export_gives_the_frame_back(tmp_path: Path) -> None:
    folder = sweep_with_masks(tmp_path, ["config_001"])
    write_csv(frames_of(open_sweep(folder)), tmp_path / "csv")
    assert read_csv(tmp_path / "csv")["mask_events.csv"].equals(load_sweep(folder).mask_events)


def test_a_page_has_the_events_as_columns(tmp_path: Path) -> None:
    folder = sweep_with_masks(tmp_path, ["config_001"])
    leave_masks(folder, "config_003", EVENTS)
    write_reports(folder)
    logged = Page((folder / "report.html").read_text(encoding="utf-8")).data["masks"]
    assert [each["name"] for each in logged] == ["config_003", "config_001"]
    assert logged[0] == {
        "name": "config_003",
        "place": 1,
        "step": [0, 10, 20],
        "churn": [0.5, 0.25, 0.125],
        "before": [0.5, 0.6, 0.77778],
        "largest": [0.33333, 0.6, 1.0],
        "explored": [0.0, 0.5, 0.75],
        "end": [20, 0.75],
        "density": [0.5, 0.5, 0.5],
        "sparsest": [0.5, 0.25, 0.5],
        "densest": [0.5, 0.75, 0.5],
    }


def test_the_share_ever_live_goes_on_to_the_end_of_the_run(tmp_path: Path) -> None:
    (log,) = logs_of(sweep_with_masks(tmp_path, ["config_001"], steps=30, explored_share=0.9))
    assert log.explored == [(0, 0.0), (10, 0.5), (20, 0.75), (30, 0.9)]
