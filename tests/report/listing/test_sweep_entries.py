"""The sweeps of a folder as the list has them, fresh and out of the cache."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from listed_sweeps import TWO, placed, several, with_faults
from stored_sweeps import stored
from trial_results import ended, passed, sweep, trial

from espalier.core.records import RaceRecord
from espalier.core.trial import Status
from espalier.plan.sweep_naming import SweepNaming
from espalier.report.listing import list_cache, sweep_entries
from espalier.report.listing.listed_sweep import ListedSweep, SweepFacts
from espalier.report.listing.sweep_entries import read_entries
from espalier.store.locks import locked
from espalier.store.results_dir import STORE
from espalier.store.store import Store

Reader = Callable[[Path, str | None], SweepFacts]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RANK_BY", raising=False)
    return tmp_path / "cache" / "espalier" / "sweeps"


def settle(folder: Path) -> None:
    """Let the last change of a store be an hour old."""
    for path in folder.glob(f"{STORE}*"):
        os.utime(path, (time.time() - 3600,) * 2)


def listed(results: Path, by: str | None = None) -> list[ListedSweep]:
    return read_entries(results, by)[0]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the folders whose stores are read."""
    names: list[str] = []
    read: Reader = sweep_entries.read_facts

    def noted(folder: Path, by: str | None) -> SweepFacts:
        names.append(folder.name)
        return read(folder, by)

    monkeypatch.setattr(sweep_entries, "read_facts", noted)
    return names


def test_the_newest_comes_first_and_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    folders, faults = several(tmp_path), with_faults(tmp_path)
    entries, unreadable = read_entries(tmp_path)
    assert [entry.folder for entry in entries] == folders[::-1]
    assert [each.folder for each in unreadable] == faults[:3]


def test_a_sweep_that_has_not_changed_is_not_read_again(tmp_path: Path, reads: list[str]) -> None:
    folder = placed(tmp_path, 0, sweep(TWO), name="first")
    settle(folder)
    first, again = listed(tmp_path), listed(tmp_path)
    assert first == again and len(reads) == 1
    listed(tmp_path, "test_acc")  # ranked otherwise
    listed(tmp_path, "test_acc")
    assert len(reads) == 2
    with Store.open(folder / STORE) as store, store.writing():
        store.set_naming(SweepNaming(note="changed"))
    settle(folder)
    assert listed(tmp_path)[0].facts.note == "changed"
    assert len(reads) == 3


def test_a_store_that_was_just_written_is_not_kept(tmp_path: Path, reads: list[str]) -> None:
    folder = placed(tmp_path, 0, sweep(TWO))
    os.utime(folder / STORE, (time.time() + 60,) * 2)
    assert listed(tmp_path) == listed(tmp_path)
    assert len(reads) == 2


@pytest.mark.parametrize("damage", ["", "x", "{}\n{}", "[\n[]", "\xff"])
def test_a_damaged_cache_costs_nothing_but_time(
    damage: str, tmp_path: Path, cache: Path, reads: list[str]
) -> None:
    settle(placed(tmp_path, 0, sweep(TWO)))
    first = listed(tmp_path)
    (file,) = cache.iterdir()
    file.write_text(damage, encoding="latin-1")
    assert listed(tmp_path) == first and len(reads) == 2
    key, place = file.read_text(encoding="utf-8").split("\n")[:2]
    file.write_text(f'{key}\n{place}\n{{"configurations": [7]}}', encoding="utf-8")
    assert listed(tmp_path) == first and len(reads) == 3


def test_without_a_cache_folder_all_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    settle(placed(tmp_path, 0, sweep(TWO)))
    assert listed(tmp_path) == listed(tmp_path)
    assert len(reads) == 2


def test_a_cache_that_cannot_be_written_is_none(
    tmp_path: Path, cache: Path, reads: list[str]
) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file in its place", encoding="utf-8")
    settle(placed(tmp_path, 0, sweep(TWO)))
    assert listed(tmp_path) == listed(tmp_path)
    assert len(reads) == 2


@pytest.mark.parametrize(("limit", "left"), [("KEPT", 2), ("MOST_BYTES", 0)])
def test_the_cache_keeps_the_newest(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, limit: str, left: int
) -> None:
    for folder in several(tmp_path):
        settle(folder)
    assert len(listed(tmp_path)) == 4
    monkeypatch.setattr(list_cache, limit, 2)
    listed(tmp_path)  # adds nothing, so nothing is looked through
    assert len(list(cache.iterdir())) == 4
    listed(tmp_path, "test_acc")
    assert len(list(cache.iterdir())) == left


def test_the_cache_forgets_what_is_gone_or_old_or_no_entry(tmp_path: Path, cache: Path) -> None:
    gone, stays = (placed(tmp_path / name, 0, sweep(TWO)) for name in ("gone", "stays"))
    for folder in (gone, stays):
        settle(folder)
    listed(gone.parent)
    (cache / ".left.json.7.json").write_text("half", encoding="utf-8")
    shutil.rmtree(gone)
    listed(stays.parent)
    (kept,) = cache.iterdir()
    assert str(stays) in kept.read_text(encoding="utf-8")
    os.utime(kept, (time.time() - list_cache.LONGEST - 60,) * 2)
    settle(placed(tmp_path, 1, sweep(TWO)))
    listed(tmp_path)
    (newest,) = cache.iterdir()
    assert newest != kept


def test_who_runs_and_who_was_stopped(tmp_path: Path) -> None:
    race = RaceRecord(alpha=0.05, margin=0.0, max_seeds=40, by="val_acc", seeds=["1", "2", "3"])
    close = sweep({"0.9": [97.0, 98.0, 97.5], "0.8": [97.1, 97.8, 97.6]})
    placed(tmp_path, 0, sweep(TWO))
    running = placed(tmp_path, 1, sweep(TWO))
    placed(tmp_path, 2, [*sweep({"0.9": [97.0]}), ended(trial(2, 2), Status.NOTRUN)])
    placed(tmp_path, 3, close, race=race.as_json())
    with locked(running):
        states = [(entry.state, entry.ended, entry.total) for entry in listed(tmp_path)]
    assert states == [
        *[("stopped", 6, 6), ("stopped", 1, 2), ("running", 6, 6), ("finished", 6, 6)]
    ]


def test_the_best_of_a_race_is_one_that_is_still_in(tmp_path: Path) -> None:
    """The first one left after 3 seeds; a later seed, which decides nothing, looks good."""
    scores = {"0.8": [90.0, 91.2, 90.5], "0.9": [97.0, 98.0, 97.5]}
    trials = [*sweep(scores), passed(trial(7, 4, ADAMWPRUNE_BETA1="0.8"), 5000.0)]
    rules = RaceRecord(alpha=0.05, margin=0.0, max_seeds=40, by="val_acc", seeds=["1", "2", "3"])
    folder = stored(tmp_path / "sweep_race", trials, race=rules.as_json())
    (entry,) = listed(tmp_path)
    assert entry.folder == folder and entry.best is not None
    assert entry.facts.configurations[0].values == {"ADAMWPRUNE_BETA1": "0.8"}
    assert entry.best.values == {"ADAMWPRUNE_BETA1": "0.9"}


def test_what_a_configuration_has_under_a_name(tmp_path: Path) -> None:
    results = sweep({"0.9": [97.0, 98.0], "0.8": [90.0, 91.0]})
    stored(tmp_path / "sweep_a", results, name="n", note="why", tags=["a", "b"])
    (entry,) = listed(tmp_path)
    best, _ = entry.facts.configurations
    names = ("ADAMWPRUNE_BETA1", "SEED", "MODEL", "RANK_BY", "val_acc", "luck", "tag", "note")
    assert [entry.values_of(best, name) for name in names] == [
        *[["0.9"], ["1", "2"], ["mlp"], ["val_acc"], [97.5], [], ["a", "b"], ["why"]]
    ]
    assert entry.values_of(best, "name") == ["n"]
