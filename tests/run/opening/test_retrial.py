"""Trials that are run again: refused under other settings, or named by a user."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_sweep import HERE, Start, created, request, trial
from running_sweeps import attempts, running, tried, until

from espalier.core.errors import UserError
from espalier.core.trial import LOG
from espalier.run import launch
from espalier.run.status_text import status_lines
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store
from espalier.store.sweep_files import METRICS

REFUSED = [(1, "failed", "split"), (2, "error", "input")]
PASSED = [(1, "passed", ""), (2, "passed", "")]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def run(results: Path, numbers: Sequence[int] = (1, 2), **changes: Any) -> int:
    fixed = {"entry": "origin_entry:train", "in_process": True}
    trials = [trial(number) for number in numbers]
    return launch.run(request(results, trials, **{**fixed, **changes}))


def ended(results: Path) -> list[tuple[int, str, str]]:
    return sorted(tried(results), key=lambda item: item[0])


def test_a_refusal_is_tried_again_when_what_it_hangs_on_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, MICRO_BATCH="8")
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("to change a setting for them, plan the same trials with it first")
    assert ended(tmp_path) == REFUSED
    assert run(tmp_path, MICRO_BATCH="0") == 0
    assert ended(tmp_path) == [REFUSED[0], PASSED[0], REFUSED[1], PASSED[1]]
    assert run(tmp_path, MICRO_BATCH="0") == 0
    assert len(ended(tmp_path)) == 4  # what passed is never run again


def test_a_refusal_whose_settings_stay_is_final(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = [trial(1)]
    for _ in range(2):
        wish = request(
            tmp_path, trials, entry="origin_entry:train", in_process=True, MICRO_BATCH="8"
        )
        assert launch.run(wish) == 1
    assert len(attempts(tmp_path)) == 1
    assert "finished already" in capsys.readouterr().out


def test_it_is_tried_again_although_other_trials_are_left_to_run(tmp_path: Path) -> None:
    run(tmp_path, MICRO_BATCH="8")
    with Store.open(sweeps(tmp_path)[0] / STORE) as store, store.writing():
        store.run_again([1])  # as if it had never ended
    assert run(tmp_path, MICRO_BATCH="0") == 0
    assert [item[:2] for item in ended(tmp_path)] == [
        *[(1, "failed"), (1, "passed")],
        *[(2, "error"), (2, "passed")],
    ]


def test_divergence_is_no_refusal(tmp_path: Path) -> None:
    for size in ("0", "4"):
        launch.run(
            request(
                tmp_path,
                [trial(1, "diverge")],
                entry="origin_entry:train",
                in_process=True,
                MICRO_BATCH=size,
            )
        )
    assert len(attempts(tmp_path)) == 1


def test_trials_run_again_beside_what_they_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = [trial(1), trial(2, "diverge"), trial(3)]
    fixed = {"entry": "origin_entry:train", "in_process": True, "SNAPSHOT_EVERY": "1"}
    launch.run(request(tmp_path, trials, **fixed))
    place = sweeps(tmp_path)[0] / "config_001_mlp_sgd"
    for text in ("{}", '{"branch": {}}'):
        name = "start" if "branch" in text else "other"
        (place / "snapshots" / f"{name}.json").write_text(text, encoding="utf-8")
        (place / "snapshots" / f"{name}.pt").touch()
    (place / LOG).write_text("of the first attempt\n", encoding="utf-8")
    capsys.readouterr()
    assert launch.run(request(tmp_path, trials, again=[1], **fixed)) == 0
    output = capsys.readouterr().out
    assert "running again, 1 of 3 trials" in output
    assert "\n3 trials: 2 passed, 1 failed\n" in output and "\nfailed: " not in output
    assert [each.attempt for each in attempts(tmp_path)] == [1, 2, 1, 1]
    earlier = {path.name for path in (place / "attempt_1").rglob("*") if path.is_file()}
    assert earlier == {
        *("config.txt", METRICS, "model.pt", "epoch_00001.json", "other.json", "other.pt"),
    }
    kept = {path.name for path in (place / "snapshots").iterdir()}
    assert kept == {"start.json", "start.pt", "epoch_00001.json"}  # a branch begins where it did
    assert "of the first attempt" in (place / LOG).read_text(encoding="utf-8")
    assert (place / "model.pt").exists()


def test_a_trial_that_ends_in_errors_again_has_all_its_attempts(tmp_path: Path) -> None:
    trials = [trial(1, "crash"), trial(2)]
    launch.run(request(tmp_path, trials, in_process=True))
    assert launch.run(request(tmp_path, trials, in_process=True, again=[1])) == 1
    assert [each.attempt for each in attempts(tmp_path) if each.trial == 1] == [1, 2, 3, 4]


def test_killed_it_is_gone_on_with(start: Start, tmp_path: Path) -> None:
    trials = [trial(1), trial(2, "hang_once"), trial(3)]
    folder = created(request(tmp_path, trials))
    (folder / "config_002_mlp_sgd").mkdir()
    (folder / "config_002_mlp_sgd" / "tried").touch()  # so that it hangs once, when it runs again
    launch.run(request(tmp_path, trials))
    process = start(tmp_path, trials, again=[1, 2])
    hanging = folder / "config_002_mlp_sgd" / "tried"  # a worker begins after the store says so
    until(lambda: [item.trial for item in running(tmp_path)] == [2] and hanging.exists())
    process.kill()
    process.communicate()
    with Store.open(folder / STORE) as store, store.writing():
        store.interrupt_running()
    assert [line for line in status_lines(folder) if "done" in line] == ["2/3 done: 2 passed"]
    assert launch.run(request(tmp_path, trials)) == 0
    made = [(each.trial, each.attempt) for each in attempts(tmp_path)]
    assert made == [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1)]


def test_a_sweep_has_one_entry(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(UserError, match="was begun with --entry origin_entry:train, not fake_"):
        run(tmp_path, entry="fake_entry:train")


def test_an_entry_that_cannot_be_imported_binds_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        launch.run(request(tmp_path, [trial(1)], entry="no_such_module:train"))
    assert launch.run(request(tmp_path, [trial(1)])) == 0
