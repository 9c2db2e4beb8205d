from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from fake_sweep import HERE, request, trial

from espalier.analysis.rank import rank
from espalier.core.errors import UserError
from espalier.core.trial import Trial
from espalier.plan.plan import Plan
from espalier.report.reports import SUMMARY, trial_results, write_reports
from espalier.run import launch
from espalier.run.opening import sweep_opening
from espalier.store.connections import SIDE_FILES
from espalier.store.locks import locked
from espalier.store.rebuild import rebuild
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store
from espalier.store.sweep_files import METRICS, SWEEP, TRIALS

NO_PLAN = Path("no_such_folder")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def trials(marks: Path) -> list[Trial]:
    acts = ["pass", "diverge", "crash", "pass"]
    return [trial(n, act, ENDS=str(marks)) for n, act in enumerate(acts, 1)]


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    launch.run(request(tmp_path / "results", trials(tmp_path / "marks")))
    (folder,) = sweeps(tmp_path / "results")
    return folder


def content(folder: Path) -> tuple[object, ...]:
    write_reports(folder)
    with Store.open(folder / STORE, readonly=True) as store:
        results = trial_results(store)
        return (
            *(store.header, store.round, store.created, store.order, store.directories()),
            *(store.trials(), store.attempts(), results, rank(results)),
            (folder / SUMMARY).read_text(encoding="utf-8"),
            [store.config_text(n) for n in (1, 2, 3, 4)],
        )


def damage(folder: Path, how: str) -> None:
    store = folder / STORE
    match how:
        case "gone":
            store.unlink()
        case "renamed":
            store.rename(folder / "sweep.db.bak")
        case "folder":
            store.unlink()
            store.mkdir()
        case "empty":
            store.write_bytes(b"")
        case "noise":
            store.write_bytes(b"\x55" * store.stat().st_size)
        case "half":
            store.write_bytes(store.read_bytes()[: store.stat().st_size // 2])


@pytest.mark.parametrize("how", ["gone", "renamed", "folder", "empty", "noise", "half"])
def test_a_finished_sweep_is_the_same_after_it(
    tmp_path: Path, finished: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(finished)
    damage(finished, how)
    again = request(tmp_path / "results", trials(tmp_path / "marks"))
    with pytest.raises(UserError, match="make sweep-rebuild DIR=") as error:
        launch.run(again)
    assert "NEW=1" in str(error.value) and "\n" not in str(error.value)
    assert list(rebuild(finished, NO_PLAN))[-1].endswith(
        "made again with 4 of 4 results, all of its plan"
    )
    assert content(finished) == before
    ended = (tmp_path / "marks").read_text(encoding="utf-8")
    capsys.readouterr()
    launch.run(again)  # the crash is tried again, as it would have been
    assert "trying errors again, 1 of 4 trials" in capsys.readouterr().out
    now = (tmp_path / "marks").read_text(encoding="utf-8")
    assert now.removeprefix(ended) == "config_003\n" * 2


def test_what_had_not_run_runs(tmp_path: Path, finished: Path) -> None:
    shutil.rmtree(next(finished.glob("config_004*")))
    (next(finished.glob("config_001*")) / METRICS).write_text('{"status": "pas', encoding="utf-8")
    damage(finished, "gone")
    note, last = rebuild(finished, NO_PLAN)
    assert "config_001_mlp_sgd/training_metrics.json: damaged" in note
    assert "made again with 2 of 4 results" in last
    with Store.open(finished / STORE, readonly=True) as store:
        assert store.counts() == {"failed": 1, "error": 1, "notrun": 2}
        assert store.config_text(4) == "".join(
            f"CONFIG_{name}={value}\n" for name, value in store.trials()[3].config.items()
        )  # the fakes are of no tree
    launch.run(request(tmp_path / "results", trials(tmp_path / "marks")))
    assert sweeps(tmp_path / "results") == [finished]
    with Store.open(finished / STORE, readonly=True) as store:
        assert store.counts() == {"passed": 2, "failed": 1, "error": 1}


def old_folder(folder: Path) -> None:
    """As versions left it that wrote no plan files."""
    for name in (SWEEP, TRIALS):
        (folder / name).unlink()


def test_the_old_store_is_asked_where_there_are_no_plan_files(finished: Path) -> None:
    before = content(finished)
    old_folder(finished)
    with Store.open(finished / STORE) as store, store.writing():
        store._db.execute("UPDATE meta SET value = '0' WHERE key = 'schema'")
    lines = list(rebuild(finished, NO_PLAN))
    assert lines[0].endswith("sweep.db.damaged: what was there before")
    assert "all of its plan, as the old store had it" in lines[1]
    assert content(finished) == before


def test_an_old_folder_without_a_plan_is_made_as_far_as_it_goes(
    tmp_path: Path, finished: Path
) -> None:
    before = content(finished)
    old_folder(finished)
    shutil.rmtree(next(finished.glob("config_004*")))
    damage(finished, "noise")
    with pytest.raises(UserError, match="make sweep-rebuild"):  # its trials say whose it is
        sweep_opening.existing(request(tmp_path / "results", trials(tmp_path / "marks")))
    *_, line = rebuild(finished, NO_PLAN)
    assert "made again with 3 of 3 results, those that ended" in line
    with Store.open(finished / STORE, readonly=True) as store:
        assert trial_results(store)[:3] == before[7][:3]  # type: ignore[index]
        assert store.header.settings["RANK_BY"] == "val_acc"


def test_an_old_folder_takes_the_plan_that_covers_it(tmp_path: Path, finished: Path) -> None:
    old_folder(finished)
    damage(finished, "gone")
    plan = tmp_path / "plan"
    plan.mkdir()
    with_more = Plan(trials=[*trials(tmp_path / "marks"), trial(5)])
    records = [with_more.header().as_json(), *(each.as_json() for each in with_more.trials)]
    text = "".join(json.dumps(record) + "\n" for record in records)
    (plan / "plan.jsonl").write_text(text, encoding="utf-8")
    assert list(rebuild(finished, plan))[-1].endswith(f"4 of 5 results, all of the plan in {plan}")


def test_a_sound_store_stays(finished: Path) -> None:
    before = (finished / STORE).read_bytes()
    assert list(rebuild(finished, NO_PLAN)) == [
        f"{finished / STORE}: is sound; there is nothing to make again"
    ]
    assert (finished / STORE).read_bytes() == before


def test_a_log_of_the_old_store_is_not_taken_for_one_of_the_new(finished: Path) -> None:
    damage(finished, "noise")
    for suffix in SIDE_FILES:
        (finished / f"{STORE}{suffix}").write_bytes(b"noise")
    list(rebuild(finished, NO_PLAN))
    assert not any((finished / f"{STORE}{suffix}").exists() for suffix in SIDE_FILES)
    assert (finished / f"{STORE}.damaged-wal").read_bytes() == b"noise"


def test_what_cannot_be_made_again_is_one_line(tmp_path: Path, finished: Path) -> None:
    with pytest.raises(UserError, match="must be the folder of a sweep"):
        list(rebuild(tmp_path / "nowhere", NO_PLAN))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="nothing to make a store from"):
        list(rebuild(tmp_path / "empty", NO_PLAN))
    with locked(finished), pytest.raises(UserError, match="is running this sweep"):
        list(rebuild(finished, NO_PLAN))
