"""The verbs, from a range file of the real tree to results; only the training is a fake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_sweep import HERE

from espalier.__main__ import main
from espalier.core.trees import own_trees
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
    for name in (
        "PARALLEL",
        "PACK",
        "NEW",
        "RANK_BY",
        "BASELINE",
        "BEST_PER",
        "SAMPLER",
        "KCONFIG_CONFIG",
    ):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def planned(place: Path) -> Path:
    (place / "my-range").write_text(RANGE, encoding="utf-8")
    assert main(["sweep-generate", "my-range"]) == 0
    return place


def test_a_plan_is_run_and_told_about(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep-run", *ENTRY]) == 0
    (folder,) = sweeps(planned / "test_matrix_results")
    with Store.open(folder / STORE) as store:
        assert store.counts() == {"passed": 2}
        assert store.header.settings["DEVICE"] == "cpu"
        assert store.config_text(1) == (planned / "sweep_configs" / "config_001").read_text(
            encoding="utf-8"
        )
    assert (folder / "sweep_summary.json").exists()
    capsys.readouterr()
    assert main(["sweep-status"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "finished: 2 passed"


def test_the_guides_folders(planned: Path) -> None:
    folders = ["--config-dir", "sweep_configs", "--output-dir", "my_sweep_results"]
    assert main(["sweep-run", *folders, *ENTRY]) == 0
    assert len(list((planned / "my_sweep_results").glob("config_*/config.txt"))) == 2


def test_an_orthogonal_sweep_ends_with_its_main_effects(planned: Path) -> None:
    text = "CONFIG_MLP_WIDTH=8|16\nCONFIG_BATCH_SIZE=16|32\nCONFIG_SEED=1|2\n"
    (planned / "my-range").write_text(RANGE + text, encoding="utf-8")
    assert main(["sweep-generate", "my-range", "--sampler", "orthogonal"]) == 0
    assert main(["sweep-run", "--output-dir", "mine", *ENTRY]) == 0
    effects = json.loads((planned / "mine" / "sweep_effects.json").read_text(encoding="utf-8"))
    assert (effects["array"], effects["rows"], effects["combinations"]) == ("L4", 4, 8)
    assert [[level["n"] for level in axis["levels"]] for axis in effects["axes"]] == [[4, 4]] * 3
    assert "MAIN EFFECTS (L4: " in (planned / "mine" / "sweep_analysis.txt").read_text(
        encoding="utf-8"
    )


def test_a_dry_run_runs_nothing(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["sweep-run", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "would run 2 of 2 trials",
        "config_001 CONFIG_NUM_EPOCHS=2",
        "config_002 CONFIG_NUM_EPOCHS=3",
    ]
    assert not (planned / "test_matrix_results").exists()


def test_make_variables_arrive_by_the_environment(
    planned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        monkeypatch.setenv("NEW", "1")
        assert main(["sweep-run", *ENTRY]) == 0
    assert len(sweeps(planned / "test_matrix_results")) == 2


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("PARALLEL", "many", "error: PARALLEL=many: must be an integer of at least 0"),
        ("PARALLEL", "-1", "error: PARALLEL=-1: must be an integer of at least 0"),
        (
            "PACK",
            "x",
            "error: PACK=x: must be an integer of at least 0; with 0 the machine decides",
        ),
        ("NEW", "please", "error: NEW=please: must be 1 or 0"),
        ("RANK_BY", "luck", "error: RANK_BY=luck: must be one of val_acc, test_acc"),
        ("BASELINE", "luck", "error: BASELINE=luck: must be SYMBOL=value, several joined"),
        ("BASELINE", "LUCK=1", "error: BASELINE=LUCK=1: no trial has CONFIG_LUCK; "),
        ("BEST_PER", "LUCK", "error: BEST_PER=LUCK: LUCK is not swept; swept are "),
        ("RANK_BY", "luck:up", "error: RANK_BY=luck:up: :up must be :max"),
    ],
)
def test_a_wrong_variable_is_one_line_before_anything_runs(
    planned: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    line: str,
) -> None:
    monkeypatch.setenv(name, value)
    capsys.readouterr()
    assert main(["sweep-run", "--entry", "fake_entry:real"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(line)
    assert error.count("\n") == 1
    assert not (planned / "test_matrix_results").exists()


def test_without_a_plan_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep-run"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_stale_plan_is_refused(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (planned / "my-range").write_text(RANGE + "CONFIG_SEED=7\n", encoding="utf-8")
    assert main(["sweep-run", *ENTRY]) == 2
    assert "changed since the plan was made" in capsys.readouterr().err
    assert not (planned / "test_matrix_results").exists()


def test_plain_make_trains_the_configuration(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / ".config").write_text(
        "CONFIG_NUM_EPOCHS=2\nCONFIG_PRUNING_METHOD=none\n", encoding="utf-8"
    )
    assert main(["train", *ENTRY]) == 0
    assert "\n1 trial: 1 passed\n" in capsys.readouterr().out
    (folder,) = sweeps(place / "test_matrix_results")
    assert len(list(folder.glob("config_001_*/training_metrics.json"))) == 1


def test_plain_make_trains_a_test_matrix(place: Path) -> None:
    (place / ".config").write_text("CONFIG_OPTIMIZER_MODE_MULTIPLE=y\n", encoding="utf-8")
    assert main(["train", *ENTRY]) == 0
    (folder,) = sweeps(place / "test_matrix_results")
    with Store.open(folder / STORE) as store:
        optimizers = {trial.config["OPTIMIZER"] for trial in store.trials()}
        assert len(optimizers) > 1
        assert str(store.header.command).endswith(f"{folder.name} --entry fake_entry:real")


def test_plain_make_says_what_a_test_matrix_is_and_leaves_out(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / ".config").write_text("CONFIG_OPTIMIZER_MODE_MULTIPLE=y\n", encoding="utf-8")
    assert main(["train", *ENTRY]) == 0
    description = capsys.readouterr().out.split("new sweep")[0]
    assert "Variable parameters:\n  CONFIG_OPTIMIZER: " in description
    (place / ".config").write_text("CONFIG_SEED=9\n", encoding="utf-8")
    assert main(["train", *ENTRY]) == 0
    assert "parameters" not in capsys.readouterr().out.split("new sweep")[0]


def test_a_damaged_store_is_one_line_for_every_command(
    planned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["sweep-run", "--output-dir", "mine", *ENTRY])
    path = planned / "mine" / STORE
    path.write_bytes(path.read_bytes()[:4096] + b"\x55" * (path.stat().st_size - 4096))
    capsys.readouterr()
    for verb in (
        ["sweep-status", "--dir", "mine"],
        ["sweep-leaderboard", "--dir", "mine"],
        ["sweep-run", "--output-dir", "mine", *ENTRY],
    ):
        assert main(verb) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: mine/sweep.db: ")
        assert error.count("\n") == 1


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_file_in_place_of_the_output_folder_is_one_line(
    planned: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    (planned / "mine").touch()
    capsys.readouterr()
    assert main(["sweep-run", "--output-dir", "mine", *more, *ENTRY]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "name another" in error
    assert error.count("\n") == 1


def test_running_and_reporting_never_import_torch(planned: Path) -> None:
    code = (
        "import sys; from espalier.__main__ import main; code = main(sys.argv[1:]); "
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    for verb in (["sweep-run", *ENTRY], ["sweep-status"]):
        assert subprocess.run([sys.executable, "-c", code, *verb], check=False).returncode == 0


REAL_RANGE = """
CONFIG_MLP_WIDTH=8|16
CONFIG_SEED=1|2
CONFIG_LEARNING_RATE=0.001|0.003
CONFIG_NUM_EPOCHS=2
CONFIG_TRAIN_SUBSET=200
CONFIG_PRUNING_WARMUP=2
CONFIG_PRUNING_RAMP_END_EPOCH=1
CONFIG_DEVICE=cpu
"""
OWN = ("total_time", "seconds", "started", "pack")
"""What may differ between two runs of a trial."""


def trained(folder: Path, pack: str) -> list[dict[str, Any]]:
    """What is in the training_metrics.json of each trial, in plan order."""
    results = folder / f"packs_of_{pack}"
    assert main(["sweep-run", "--output-dir", str(results), "--pack", pack, "--in-process"]) == 0
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(results.glob(f"*/{METRICS}"))
    ]


def lasting(value: Any) -> Any:
    """`value` without what may differ."""
    if isinstance(value, dict):
        return {key: lasting(item) for key, item in value.items() if key not in OWN}
    return [lasting(item) for item in value] if isinstance(value, list) else value


def test_a_packed_sweep_gives_the_numbers_of_one_trial_at_a_time(place: Path) -> None:
    (place / "r").write_text(REAL_RANGE, encoding="utf-8")
    assert main(["sweep-generate", "r"]) == 0
    alone, packed = trained(place, "1"), trained(place, "3")
    assert len(alone) == len(packed) == 8
    kept = ("test_id", "status", "measures", "history", "provenance")
    assert [lasting({key: record[key] for key in kept}) for record in alone] == [
        lasting({key: record[key] for key in kept}) for record in packed
    ]
    sizes: dict[str, list[int]] = {"8": [], "16": []}
    for record in packed:
        sizes[record["config"]["CONFIG_MLP_WIDTH"]].append(record["provenance"]["pack"]["size"])
    assert sizes == {"8": [3, 3, 3, 1], "16": [3, 3, 3, 1]}


def test_trials_that_are_programs_have_all_that_follows_a_sweep(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / "config"))
    (place / "train.sh").write_text("echo val_acc=0.$1\n", encoding="utf-8")
    text = 'CONFIG_SCRIPT_KNOBS="width=3"\nCONFIG_WIDTH=3|5\nCONFIG_SEED=1|2\n'
    pattern = 'CONFIG_SCRIPT_PATTERN="val_acc=(?P<val_acc>[\\d.]+)"\n'
    (place / "my-range").write_text(text + pattern, encoding="utf-8")
    sweep = ["sweep", "my-range", "--script", "sh train.sh {WIDTH}", "--parallel", "1"]
    assert main(sweep) == 0
    assert "4 trials: 4 passed" in capsys.readouterr().out
    (folder,) = sweeps(place / "test_matrix_results")
    assert main(["sweep-focus", "--around", "best"]) == 0
    assert "CONFIG_WIDTH: 3 values (4, 5, 6)" in capsys.readouterr().out
    (place / "train.sh").write_text("echo val_acc=0.$1 # or so\n", encoding="utf-8")
    assert main(sweep) == 0  # the same plan: nothing is trained again, and a note says why it may
    printed = capsys.readouterr().out
    assert "note: 4 of 4 results were made by other code (" in printed and "[script " in printed
    (folder / STORE).unlink()
    assert main(["sweep-rebuild", "--dir", str(folder)]) == 0
    with Store.open(folder / STORE) as store:
        assert store.counts() == {"passed": 4}
    own_trees.use_knobs(None)
