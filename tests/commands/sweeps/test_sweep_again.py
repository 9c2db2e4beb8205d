"""Going on from a results folder and running trials again, as a user does."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest
from fake_sweep import HERE
from given_variables import give

from espalier.__main__ import main
from espalier.core.errors import UserError
from espalier.core.paths import ROOT
from espalier.plan import still_valid
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store
from espalier.store.sweep_files import METRICS

ENTRY = ["--entry", "fake_entry:real", "--parallel", "1"]
RANGE = "CONFIG_NUM_EPOCHS=2|3\nCONFIG_PRUNING_METHOD=none\nCONFIG_DEVICE_CPU=y\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, as a checkout is to make."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    for name in ("PARALLEL", "PACK", "NEW", "REUSE", "RANK_BY", "DIR", "TRIALS", "STATUS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def plan(text: str = RANGE) -> None:
    Path("my-range").write_text(text, encoding="utf-8")
    assert main(["sweep-generate", "my-range"]) == 0


@pytest.fixture
def stopped(place: Path) -> Path:
    """The folder of a sweep with a trial that is still to run, and without its plan."""
    plan()
    assert main(["sweep-run", *ENTRY]) == 0
    (folder,) = sweeps(Path("test_matrix_results"))
    with Store.open(folder / STORE) as store, store.writing():
        store._db.execute("DELETE FROM attempts WHERE trial = 2")
    shutil.rmtree("sweep_configs")
    return folder


def attempts(folder: Path) -> list[tuple[int, int]]:
    with Store.open(folder / STORE, readonly=True) as store:
        return [(each.trial, each.attempt) for each in store.attempts()]


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int) -> str:
    capsys.readouterr()
    assert main(list(words)) == code
    captured = capsys.readouterr()
    return captured.err if code == 2 else captured.out


@pytest.mark.parametrize("other", [False, True])
def test_a_stopped_sweep_goes_on_without_its_plan(
    stopped: Path, capsys: pytest.CaptureFixture[str], other: bool
) -> None:
    if other:
        plan(RANGE.replace("2|3", "4"))
    else:
        assert "; or go on with the newest sweep: " in said(capsys, "sweep-run", code=2)
    advice = said(capsys, "sweep-status", code=0).splitlines()[-1].split("`")[1]
    words = shlex.split(advice)[3:]  # without .venv/bin/python -m espalier
    assert words == ["sweep-run", "--dir", str(stopped), *ENTRY[:2]]
    assert "would go on with" in said(capsys, *words, "--dry-run", code=0)
    output = said(capsys, *words, code=0)
    assert f"{stopped}: going on, 1 of 2 trials" in output
    assert attempts(stopped) == [(1, 1), (2, 1)]
    assert "finished already" in said(capsys, *words, code=0)


def test_settings_are_those_of_the_same_plan_if_there_is_one(stopped: Path) -> None:
    plan(RANGE + "CONFIG_DATA_DIR=mended\n")
    assert main(["sweep-run", "--dir", str(stopped), *ENTRY]) == 0
    with Store.open(stopped / STORE, readonly=True) as store:
        assert store.header.settings["DATA_DIR"] == "mended"


def test_new_runs_the_plan_of_a_folder_in_another_one(
    stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = said(capsys, "sweep-run", "--dir", str(stopped), "--new", *ENTRY, code=0)
    assert ": new sweep, 2 of 2 trials" in output
    assert len(sweeps(Path("test_matrix_results"))) == 2
    assert attempts(stopped) == [(1, 1)]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("sweep-run --dir nowhere", "nowhere: no such folder"),
        ("sweep-run --dir {0} --output-dir x", "--output-dir x: --dir {0} says that already"),
        ("sweep-run --dir {0} --config-dir x", "--config-dir x: --dir {0} says that already"),
        ("sweep-again", "sweep-again: names no trial; give TRIALS=config_003,config_007 or"),
        ("sweep-again --trials config_009", "TRIALS=config_009: {0} has no such trial; the first"),
        ("sweep-again --status luck", "STATUS=luck: must be one of failed, error, passed"),
        ("sweep-again --status failed,error", "{0}: no trial is failed or error; nothing to run"),
    ],
)
def test_what_cannot_be_is_one_line(
    stopped: Path, capsys: pytest.CaptureFixture[str], words: str, line: str
) -> None:
    error = said(capsys, *words.format(stopped).split(), code=2)
    assert error.startswith(f"error: {line.format(stopped)}")
    assert error.count("\n") == 1
    assert attempts(stopped) == [(1, 1)]


@pytest.mark.parametrize("name", ["config_001", "config_001,", "{0}/config_001_mlp_adamwprune/"])
def test_a_trial_runs_again_and_no_other(
    stopped: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    give(monkeypatch, TRIALS=name.format(stopped))
    output = said(capsys, "sweep-again", *ENTRY, code=0)
    assert "running again, 1 of 2 trials" in output
    advice = f".venv/bin/python -m espalier sweep-run --dir {stopped} --entry fake_entry:real"
    assert f"1 to go; `{advice}` goes on" in output
    assert attempts(stopped) == [(1, 1), (1, 2)]
    (metrics,) = stopped.glob(f"config_001*/{METRICS}")
    record = json.loads(metrics.read_text(encoding="utf-8"))
    assert [item["attempt"] for item in record["attempts"]] == [1, 2]
    assert said(capsys, "sweep-again", *ENTRY, "--trials", "", "--status", "passed", code=0)
    assert attempts(stopped) == [(1, 1), (1, 2), (1, 3)]


def test_a_trial_of_another_tree_is_refused(stopped: Path) -> None:
    with Store.open(stopped / STORE, readonly=True) as store:
        header, (trial, _) = store.header, store.trials()
    still_valid.check_still_valid(header, [trial], stopped)
    older = type(header).from_json({**header.as_json(), "kconfig": "another"})
    still_valid.check_still_valid(older, [trial], stopped)  # it means the same as ever
    gone = type(trial).from_json({**trial.as_json(), "config": {**trial.config, "OLD": "1"}})
    lacks = {name: value for name, value in trial.config.items() if name != "NUM_EPOCHS"}
    less = type(trial).from_json({**trial.as_json(), "config": lacks})
    for other in (gone, less):
        with pytest.raises(UserError, match="config_001 is no configuration of today's Kconfig"):
            still_valid.check_still_valid(older, [other], stopped, ROOT)


REAL = """
CONFIG_LEARNING_RATE={}
CONFIG_SEED=1|2
CONFIG_NUM_EPOCHS=1
CONFIG_TRAIN_SUBSET=100
CONFIG_PRUNING_METHOD=none
CONFIG_SAVE_MODEL=y
CONFIG_DEVICE=cpu
"""


def test_a_value_more_trains_what_is_new(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Real trials: their numbers, records and files are those of the first sweep."""
    results = []
    for values in ("0.001", "0.0003|0.001"):
        plan(REAL.format(values))
        results.append(said(capsys, "sweep-run", "--in-process", code=0))
    new, old = sweeps(Path("test_matrix_results"))
    assert results[1].splitlines()[0] == (
        f"2 of 4 results taken over from {old.name}; REUSE=0 trains them again"
    )
    assert f"{new}: new sweep, 2 of 4 trials" in results[1]
    for ours, theirs in ((3, 1), (4, 2)):
        now, then = (_recorded(folder, number) for folder, number in ((new, ours), (old, theirs)))
        assert now["provenance"].pop("taken_over")["sweep"] == old.name
        assert now == then
        (mine,), (first,) = (
            list(folder.glob(f"config_{number:03}*/model.pt"))
            for folder, number in ((new, ours), (old, theirs))
        )
        assert mine.read_bytes() == first.read_bytes()
    assert said(capsys, "evaluate", str(next(new.glob("config_003*/model.pt"))), code=0)


def _recorded(folder: Path, number: int) -> dict[str, dict[str, object]]:
    (path,) = folder.glob(f"config_{number:03}*/{METRICS}")
    record = json.loads(path.read_text(encoding="utf-8"))
    return {name: record[name] for name in ("test_id", "measures", "history", "provenance")}
