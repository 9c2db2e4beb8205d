"""Results that are taken over from earlier sweeps, and those that must not be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import origin_entry
import pytest
from fake_sweep import HERE, request, trial

from espalier.core import revision
from espalier.core.records import RaceRecord
from espalier.core.trial import LOG, Result, Trial
from espalier.plan import race_plan
from espalier.plan.expand import identity
from espalier.run import launch
from espalier.run.opening import sweep_opening
from espalier.store.attempt import Attempt
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store
from espalier.store.sweep_files import METRICS

OLD = [trial(1), trial(2, "diverge"), trial(3, "crash")]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.setattr(revision, "code", origin_entry.code)
    for name in ("FAKE_COMMIT", "FAKE_DATA", "FAKE_DEVICE"):
        monkeypatch.delenv(name, raising=False)


def ran(results: Path, trials: Sequence[Trial], plan: str, **changes: Any) -> list[str]:
    """Run a plan; return the names of the trials that were trained for it, by their log."""
    fixed = {"entry": "origin_entry:train", "in_process": True, "reuse": True, "MAX_ATTEMPTS": "1"}
    wish = request(results, trials, plan_id=plan, **{**fixed, **changes})
    launch.run(wish)
    folder = sweep_opening.existing(request(results, trials, plan_id=plan))
    assert folder is not None
    return [item.name for item in trials if any(each.round for each in attempts(folder, item))]


def attempts(folder: Path, item: Trial) -> list[Attempt]:
    with Store.open(folder / STORE, readonly=True) as store:
        return store.attempts(item.number)


def result(folder: Path, number: int) -> Result:
    with Store.open(folder / STORE, readonly=True) as store:
        last = store.last_conclusive(number)
    assert last is not None
    return last[1]


def renumbered(item: Trial, number: int) -> Trial:
    return Trial(number, f"config_{number:03}", item.id, item.config, item.swept)


def wider() -> list[Trial]:
    """OLD in another order, with a new trial among them."""
    return [*(renumbered(item, n) for n, item in enumerate(OLD, 2)), trial(9)]


def test_only_what_is_new_is_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran(tmp_path, OLD, "old")
    (first,) = sweeps(tmp_path)
    capsys.readouterr()
    assert ran(tmp_path, wider(), "wider") == ["config_004", "config_009"]  # a crash is no result
    second = sweeps(tmp_path)[0]
    said = f"2 of 4 results taken over from {first.name}; REUSE=0 trains them again"
    assert capsys.readouterr().out.splitlines()[0] == said
    for ours, theirs in ((2, 1), (3, 2)):
        now, then = result(second, ours).as_json(), result(first, theirs).as_json()
        name = f"config_{theirs:03}_mlp_sgd"
        origin = {"sweep": first.name, "trial": name, "attempt": 1}
        assert now["provenance"].pop("taken_over") == origin
        assert now == then
        folder = second / f"config_{ours:03}_mlp_sgd"
        assert (folder / "model.pt").samefile(first / name / "model.pt")
        log = (folder / LOG).read_text(encoding="utf-8")
        assert log.endswith(
            f"== {folder.name[:10]}: taken over from {first.name}/{name}, attempt 1\n"
        )
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        assert metrics["config_file"] == f"config_{ours:03}"
    summary = json.loads((second / "sweep_summary.json").read_text(encoding="utf-8"))
    assert [record["status"] for record in summary] == ["passed", "failed", "error", "passed"]


def seeded(rate: str, seed: int, number: int) -> Trial:
    item = trial(number, SEED=str(seed))
    config = {**item.config, "LR": rate}
    return replace(item, id=identity(config), config=config)


def test_a_race_takes_over_the_seeds_of_every_round(tmp_path: Path) -> None:
    places = {"a": (1, 4, 5, 8), "b": (2, 3, 6, 7)}  # scores go by the number: they are level
    old = [seeded(rate, n, at) for rate, every in places.items() for n, at in enumerate(every, 1)]
    old.sort(key=lambda item: item.number)
    ran(tmp_path, old, "old")
    rules = RaceRecord(alpha=0.05, margin=0.0, max_seeds=5, by="val_acc", seeds=["1"])
    plain = request(tmp_path, old, plan_id="old")
    begun = race_plan.begin(plain.header, plain.trials, rules)
    fixed = {"entry": "origin_entry:train", "in_process": True, "reuse": True}
    launch.run(replace(plain, header=begun.header, trials=begun.added, **fixed))
    folder = sweeps(tmp_path)[0]
    with Store.open(folder / STORE, readonly=True) as store:
        made = {item.number: item for item in store.trials()}
        trained = [made[each.trial].config["SEED"] for each in store.attempts() if each.round]
    assert len(made) == 10 and trained == ["5", "5"]


def test_a_result_that_was_taken_over_names_who_trained_it(tmp_path: Path) -> None:
    ran(tmp_path, OLD[:1], "a")
    first = sweeps(tmp_path)[0]
    ran(tmp_path, [*OLD[:1], trial(4)], "b")
    assert ran(tmp_path, [*OLD[:1], trial(4), trial(5)], "c") == ["config_005"]
    assert result(sweeps(tmp_path)[0], 1).provenance.taken_over["sweep"] == first.name
    assert ran(tmp_path, [trial(4), OLD[0]], "d") == []  # nothing at all is left to train


@pytest.mark.parametrize(
    ("name", "value"),
    [("FAKE_COMMIT", "b" * 40), ("FAKE_COMMIT", ""), ("FAKE_DATA", "d2"), ("FAKE_DEVICE", "h200")],
)
def test_other_code_data_or_device_trains_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    ran(tmp_path, OLD[:1], "old")
    monkeypatch.setenv(name, value)
    assert ran(tmp_path, [*OLD[:1], trial(9)], "new") == ["config_001", "config_009"]


@pytest.mark.parametrize(
    "changes",
    [
        {"MICRO_BATCH": "4"},
        {"SAVE_MODEL": "y"},
        {"SNAPSHOT_EVERY": "1"},
        {"reuse": False},
        {"reuse": None},
        {"entry": "fake_entry:train"},
    ],
)
def test_other_settings_or_another_entry_trains_again(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    ran(tmp_path, OLD[:1], "old")
    assert ran(tmp_path, [*OLD[:1], trial(9)], "new", **changes) == ["config_001", "config_009"]


def test_what_only_schedules_or_reports_changes_nothing(tmp_path: Path) -> None:
    ran(tmp_path, OLD[:1], "old")
    changes = {"PARALLEL": "1", "RANK_BY": "test_acc", "DATA_DIR": "elsewhere"}
    new = [*OLD[:1], trial(9), trial(10)]
    trained = ran(tmp_path, new, "new", in_process=False, **changes)
    assert trained == ["config_009", "config_010"]


def test_a_dry_run_says_what_may_be_taken_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(tmp_path, OLD[:1], "old")
    capsys.readouterr()
    wish = request(tmp_path, [*OLD[:1], trial(9)], plan_id="new", entry="origin_entry:train")
    for reuse, count in ((True, 1), (None, 0)):
        launch.preview(replace(wish, reuse=reuse))
        output = capsys.readouterr().out
        assert output.startswith("would run 2 of 2 trials\n")
        assert output.count("earlier sweeps have 1 of them, to be taken over if data are") == count


def test_other_versions_train_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(tmp_path, OLD[:1], "old")
    monkeypatch.setattr(revision, "versions", lambda: {"torch": "99"})
    assert ran(tmp_path, [*OLD[:1], trial(9)], "new") == ["config_001", "config_009"]


def test_an_id_without_its_configuration_is_no_match(tmp_path: Path) -> None:
    ran(tmp_path, OLD[:1], "old")
    other = Trial(1, "config_001", OLD[0].id, {**OLD[0].config, "SEED": "2"})
    assert ran(tmp_path, [other], "new") == ["config_001"]


def test_what_began_at_a_snapshot_is_not_taken_over(tmp_path: Path) -> None:
    item = trial(1, RESUMED="y")
    ran(tmp_path, [item], "branch")
    assert ran(tmp_path, [item, trial(2)], "new") == ["config_001", "config_002"]


def test_a_trial_whose_folder_has_a_snapshot_already_is_a_branch(tmp_path: Path) -> None:
    ran(tmp_path, OLD[:1], "old")
    branch = tmp_path / "sweep_branch"
    (branch / "config_001_mlp_sgd" / "snapshots").mkdir(parents=True)
    launch.run(
        request(
            tmp_path, OLD[:1], plan_id="b", output=branch, entry="origin_entry:train", reuse=True
        )
    )
    assert [each.round for each in attempts(branch, OLD[0])] == [1]


def test_a_folder_of_results_elsewhere_has_nothing_to_take_over(tmp_path: Path) -> None:
    ran(tmp_path, OLD[:1], "old")
    mine = tmp_path / "elsewhere" / "mine"
    launch.run(request(tmp_path, OLD[:1], output=mine, entry="origin_entry:train", reuse=True))
    assert [each.round for each in attempts(mine, OLD[0])] == [1]


def test_reuse_0_trains_again_what_was_taken_over(tmp_path: Path) -> None:
    ran(tmp_path, OLD[:1], "old")
    new = [*OLD[:1], trial(9)]
    ran(tmp_path, new, "new")
    for _ in range(2):  # once is enough
        assert ran(tmp_path, new, "new", reuse=False) == ["config_001", "config_009"]
    folder = sweeps(tmp_path)[0]
    assert [each.round for each in attempts(folder, OLD[0])] == [0, 1]
    assert result(folder, 1).provenance.taken_over is None
    assert (folder / "config_001_mlp_sgd" / "attempt_1" / "model.pt").exists()


def test_what_a_killed_runner_had_begun_to_take_over_is_done_or_undone(tmp_path: Path) -> None:
    ran(tmp_path, OLD[:1], "old")
    new = [*OLD[:1], trial(9)]
    ran(tmp_path, new, "new")
    folder = sweeps(tmp_path)[0]
    place = folder / "config_001_mlp_sgd"
    (place / METRICS).unlink()
    place.rename(folder / ".taken_over.config_001_mlp_sgd")
    (folder / ".taken_over.config_009_mlp_sgd").mkdir()
    ran(tmp_path, new, "new")
    assert {path.name for path in place.iterdir()} >= {LOG, METRICS, "model.pt", "config.txt"}
    assert list(folder.glob(".taken_over.*")) == []


def test_the_lost_folder_of_an_earlier_trial_costs_its_files_and_nothing_else(
    tmp_path: Path,
) -> None:
    ran(tmp_path, OLD[:1], "old")
    for path in (sweeps(tmp_path)[0] / "config_001_mlp_sgd").iterdir():
        path.unlink()
    (sweeps(tmp_path)[0] / "config_001_mlp_sgd").rmdir()
    assert ran(tmp_path, [*OLD[:1], trial(9)], "new") == ["config_009"]


def test_a_symbolic_link_among_the_files_of_a_trial_stays_behind(tmp_path: Path) -> None:
    ran(tmp_path, OLD[:1], "old")
    mine = tmp_path / "mine"
    mine.write_text("mine", encoding="utf-8")
    log = sweeps(tmp_path)[0] / "config_001_mlp_sgd" / LOG
    log.unlink(missing_ok=True)
    log.symlink_to(mine)
    assert ran(tmp_path, [*OLD[:1], trial(9)], "new") == ["config_009"]
    assert mine.read_text(encoding="utf-8") == "mine"
    assert not (sweeps(tmp_path)[0] / "config_001_mlp_sgd" / LOG).is_symlink()
