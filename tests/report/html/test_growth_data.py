"""Lineages and growth of a page, from the tables in the folders of trials."""

from __future__ import annotations

from pathlib import Path

import pytest
from html_pages import Page
from stored_sweeps import stored
from trial_results import sweep

from espalier.methods.apoptosis.neurons.lineage import Lineage
from espalier.report.html import growth_data
from espalier.report.reports import write_reports
from espalier.report.tables import trial_tables

GROWN = "op,where,added,dropped,live,step\nadd,0,5,1,14,10\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two configurations of two seeds, the second in the plan the better one; empty folders."""
    made = stored(tmp_path / "sweep_1", sweep({"0.85": [90.0, 91.0], "0.9": [95.0, 96.0]}))
    for number in range(1, 5):
        (made / f"config_00{number}_mlp").mkdir()
    return made


def growth(folder: Path) -> dict[str, list[dict[str, object]]]:
    write_reports(folder)
    made: dict[str, list[dict[str, object]]] = Page(
        (folder / "report.html").read_text(encoding="utf-8")
    ).data["growth"]
    return made


def leave_lineage(folder: Path, trial: str) -> None:
    """Three founders; after 20 steps one dies, and its place goes to a child of the others."""
    lineage = Lineage({"fc": 3})
    lineage.record_deaths(20, "fc", [1], [0.5])
    lineage.record_births(20, "fc", [1], [[(0, 0.5), (2, 0.5)]])
    lineage.write(folder / trial / "lineage.csv")


def test_lives_by_slot_with_their_parents_and_ages(folder: Path) -> None:
    leave_lineage(folder, "config_001_mlp")
    (lineage,) = growth(folder)["lineages"]
    assert (lineage["name"], lineage["place"], lineage["last"]) == ("config_001", 0, 20)
    (layer,) = lineage["layers"]  # type: ignore[misc]
    assert layer["slot"] == [0, 1, 2, 1] and layer["generation"] == [0, 0, 0, 1]
    assert layer["start"] == [0, 0, 0, 20] and layer["end"] == [20, 20, 20, 20]
    assert layer["ties"] == [[20, 0, 1], [20, 2, 1]]
    ages = [[0, 0, 0.0, 0], [20, 20, 20.0, 20], [20, 0, 13.3, 20]]
    assert layer["ages"] == ages


def test_one_trial_of_each_configuration_the_best_first(folder: Path) -> None:
    for trial in ("config_001_mlp", "config_003_mlp", "config_004_mlp"):
        (folder / trial / "growth.csv").write_text(GROWN, encoding="utf-8")
    grown = growth(folder)["grown"]
    assert [each["name"] for each in grown] == ["config_003", "config_001"]
    assert [each["place"] for each in grown] == [1, 0]
    assert {key: grown[0][key] for key in ("step", "live", "added", "dropped")} == {
        "step": [10],
        "live": [14],
        "added": [5],
        "dropped": [1],
    }


def test_what_is_no_such_table_is_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "config_001_mlp" / "lineage.csv").write_text("</script>", encoding="utf-8")
    (folder / "config_003_mlp" / "growth.csv").mkdir()
    leave_lineage(folder, "config_004_mlp")
    assert [each["name"] for each in growth(folder)["lineages"]] == ["config_004"]
    monkeypatch.setattr(trial_tables, "LARGEST", 10)
    assert growth(folder) == {"lineages": [], "grown": []}


def test_a_page_has_no_more_lives_than_it_can_draw(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for trial in ("config_001_mlp", "config_003_mlp"):
        leave_lineage(folder, trial)
    monkeypatch.setattr(growth_data, "LIVES", 7)
    assert [each["name"] for each in growth(folder)["lineages"]] == ["config_003"]
