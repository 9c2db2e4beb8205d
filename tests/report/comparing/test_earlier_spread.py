from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import passed, sweep, trial

from espalier.core.measures import VAL_ACC, VAL_LOSS
from espalier.report.comparing import earlier_spread
from espalier.report.comparing.earlier_spread import Spreads, kind_of, latest_spreads

THREE = sweep({"a": [90, 91, 92], "b": [90, 92, 94]})
KIND = kind_of(THREE[0].trial)


def looked(results: Path, entry: str | None = None) -> Spreads:
    return latest_spreads(results, {KIND}, {VAL_ACC}, entry)


def test_the_latest_sweep_of_the_kind_shows_its_spread(tmp_path: Path) -> None:
    stored(tmp_path / "sweep_1", THREE)
    stored(tmp_path / "sweep_2", sweep({"a": [90, 91, 92], "b": [90, 93, 96]}))
    assert looked(tmp_path)[KIND, VAL_ACC].sweep == "sweep_2"
    assert looked(tmp_path)[KIND, VAL_ACC].spread.sd == pytest.approx(2.0)


def test_a_sweep_without_enough_seeds_is_passed_over(tmp_path: Path) -> None:
    stored(tmp_path / "sweep_1", THREE)
    stored(tmp_path / "sweep_2", sweep({"a": [90, 91], "b": [90, 93]}))
    assert looked(tmp_path)[KIND, VAL_ACC].sweep == "sweep_1"


def test_another_model_other_samples_another_entry_say_nothing(tmp_path: Path) -> None:
    others = [
        passed(trial(3 * place + seed, seed, B=str(place), **change), 90.0 + seed**place)
        for place, change in enumerate([{"MODEL": "lenet5"}] * 2)
        for seed in (1, 2, 3)
    ]
    stored(tmp_path / "sweep_1", others)
    stored(tmp_path / "sweep_2", THREE, entry="mine:train")
    assert looked(tmp_path) == {}
    assert looked(tmp_path, "mine:train")[KIND, VAL_ACC].sweep == "sweep_2"


def test_each_measure_has_its_own(tmp_path: Path) -> None:
    stored(tmp_path / "sweep_1", THREE)
    assert [*latest_spreads(tmp_path, {KIND}, {VAL_ACC, VAL_LOSS}, None)] == [(KIND, VAL_ACC)]


def test_only_the_latest_sweeps_are_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(tmp_path / "sweep_1", THREE)
    stored(tmp_path / "sweep_2", sweep({"a": [90], "b": [91]}))
    monkeypatch.setattr(earlier_spread, "LOOKED_THROUGH", 1)
    assert looked(tmp_path) == {}


def test_an_empty_or_missing_folder_of_results(tmp_path: Path) -> None:
    assert looked(tmp_path) == looked(tmp_path / "none") == {}


def test_programs_are_of_a_kind_if_their_command_is_the_same() -> None:
    first, same, other = (
        replace(THREE[0].trial, config={"SCRIPT": script, "SEED": seed})
        for script, seed in (("a", "1"), ("a", "2"), ("b", "1"))
    )
    assert kind_of(first) == kind_of(same) != kind_of(other)
