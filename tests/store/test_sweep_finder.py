"""A sweep whose store is no use is neither begun again in silence nor in the way of others."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fake_sweep import HERE, created, request, trial

from espalier.__main__ import main
from espalier.core.errors import UserError
from espalier.core.trial import Trial
from espalier.run import launch
from espalier.run.opening import sweep_opening
from espalier.store.results_dir import STORE, newest_sweep, sweeps
from espalier.store.sweep_files import SWEEP

TRIALS = [trial(1), trial(2)]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / STORE)) as db, db:
        db.execute(statement)


HEADER = "UPDATE meta SET value = {} WHERE key = 'header'"
DAMAGES = {
    "no text": HEADER.format("cast(x'22ff22' AS text)"),
    "no JSON": HEADER.format("'{'"),
    "another shape": HEADER.format("'[1]'"),
    "another type": HEADER.format("""'{"settings": 5}'"""),
    "nested": HEADER.format("'" + "[" * 100_000 + "'"),
    "a blob": HEADER.format("x'00'"),
    "no row": "DELETE FROM meta",
    "no table": "DROP TABLE meta",
    "a view": "CREATE VIEW more AS SELECT 1",
    "a trigger": "CREATE TRIGGER more AFTER INSERT ON attempts BEGIN DELETE FROM meta; END",
    "another schema": "UPDATE meta SET value = '0' WHERE key = 'schema'",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_in_one_folder_touches_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    results = Path("test_matrix_results")
    sound = created(request(results, TRIALS))
    other = created(request(results, TRIALS, plan_id="other"))
    change(other, DAMAGES[damage])
    assert sweep_opening.existing(request(results, TRIALS)) == sound
    notes = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1].strip() for line in notes] == ["left out"]
    assert main(["sweep-status"]) == 0
    assert capsys.readouterr().out.startswith(f"{sound}\n")
    for verb in ("sweep-status", "sweep-leaderboard"):
        assert main([verb, "--dir", str(other)]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {other / STORE}: ") and error.count("\n") == 1


@pytest.mark.parametrize("damage", [*DAMAGES, "renamed", "replaced"])
def test_the_runner_stops_at_a_damaged_store_of_its_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    launch.run(request(tmp_path, TRIALS))
    (folder,) = sweeps(tmp_path)
    match damage:
        case "renamed":
            (folder / STORE).rename(folder / "kept.db")
        case "replaced":
            (folder / STORE).unlink()
            (folder / STORE).mkdir()
        case _:
            change(folder, DAMAGES[damage])
    for output in (None, folder):
        with pytest.raises(UserError, match="`make sweep-rebuild DIR=") as error:
            launch.run(request(tmp_path, TRIALS, output=output))
        assert "\n" not in str(error.value)
    capsys.readouterr()
    launch.run(request(tmp_path, TRIALS, new=True))
    launch.run(request(tmp_path, TRIALS))  # there is a later sweep of this plan that is sound
    assert "finished already" in capsys.readouterr().out
    assert len(sweeps(tmp_path)) == 1


def test_a_sweep_that_lost_its_store_is_named_where_an_older_one_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    older, newer = (created(request(Path("test_matrix_results"), TRIALS)) for _ in range(2))
    (newer / STORE).rename(newer / "kept.db")
    (newer / SWEEP).write_text("{}", encoding="utf-8")
    capsys.readouterr()
    assert main(["sweep-status"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(f"{older}\n")
    assert shown.err.startswith(f"note: left out: {newer}: has results but no sweep.db; ")
    assert f"make sweep-rebuild DIR={newer}" in shown.err


def test_a_folder_without_plan_files_is_known_by_its_trials(tmp_path: Path) -> None:
    launch.run(request(tmp_path, TRIALS))
    (folder,) = sweeps(tmp_path)
    (folder / SWEEP).unlink()
    (folder / STORE).write_bytes(b"noise" * 999)
    with pytest.raises(UserError, match="NEW=1"):
        sweep_opening.existing(request(tmp_path, TRIALS))
    others = [Trial(n, f"config_{n}", f"other{n}", TRIALS[0].config) for n in (1, 2)]
    assert sweep_opening.existing(request(tmp_path, others, plan_id="other")) is None


def test_of_two_sweeps_of_a_plan_the_later_one_is_gone_on_with(tmp_path: Path) -> None:
    first, second = (created(request(tmp_path, TRIALS)) for _ in range(2))
    assert sweep_opening.existing(request(tmp_path, TRIALS)) == second
    shutil.rmtree(second)
    assert sweep_opening.existing(request(tmp_path, TRIALS)) == first


def test_a_sweep_begun_while_the_clock_ran_ahead_does_not_stay_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 4e9)
    ahead = created(request(tmp_path, TRIALS, plan_id="ahead"))
    change(ahead, "DELETE FROM meta WHERE key = 'order'")  # as versions wrote it that had no order
    monkeypatch.undo()
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    for plan in ("one", "two"):
        folder = created(request(tmp_path, TRIALS, plan_id=plan))
        assert newest_sweep(tmp_path) == folder
    assert sweeps(tmp_path)[-1] == ahead
