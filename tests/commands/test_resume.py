"""`resume`: a sweep of its own that goes on from a snapshot."""

import json
from pathlib import Path

import pytest
from trial_tasks import killed_after, numbers, small_task, snapshot_task

from espalier.__main__ import main
from espalier.core.trial import Result
from espalier.train import worker_entry
from espalier.train.checkpoints import snapshot_manager


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Of a trial of three epochs, after the second."""
    killed_after(3, snapshot_task(tmp_path / "trial"))
    return tmp_path / "trial" / snapshot_manager.FOLDER / "epoch_00002.json"


def resumed(folder: Path, *args: str) -> Result:
    assert main(["resume", *args, "--output-dir", str(folder), "--in-process"]) == 0
    (path,) = folder.glob("config_001*/training_metrics.json")
    metrics = json.loads(path.read_text(encoding="utf-8"))
    names = ("status", "measures", "history", "provenance")
    return Result.from_json({name: metrics[name] for name in names})


def test_it_goes_on_to_what_the_trial_would_have_come_to(snapshot: Path, tmp_path: Path) -> None:
    before = snapshot.read_bytes()
    result = resumed(tmp_path / "branch", str(snapshot))
    assert numbers(result) == numbers(worker_entry.train_trial(small_task()))
    assert result.provenance.resumed["epoch"] == 2
    assert result.provenance.resumed["from"] == str(snapshot)
    assert snapshot.read_bytes() == before


def test_it_goes_on_for_longer(snapshot: Path, tmp_path: Path) -> None:
    result = resumed(tmp_path / "branch", str(snapshot.with_suffix(".pt")), "NUM_EPOCHS=5")
    assert [record["epoch"] for record in result.history] == [1, 2, 3, 4, 5]
    assert result.provenance.config["NUM_EPOCHS"] == "5"
    assert result.provenance.resumed["changed"] == {"NUM_EPOCHS": "5"}


def test_a_setting_that_is_no_more_does_not_matter(snapshot: Path, tmp_path: Path) -> None:
    about = json.loads(snapshot.read_text(encoding="utf-8"))
    about["made"]["settings"]["SNAPSHOT_DELTA"] = "n"
    snapshot.write_text(json.dumps(about), encoding="utf-8")
    assert resumed(tmp_path / "branch", str(snapshot)).provenance.resumed["epoch"] == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("SEED=2", "SEED=2: must be one of NUM_EPOCHS=VALUE, LEARNING_RATE=VALUE"),
        ("NUM_EPOCHS=2", "CONFIG_NUM_EPOCHS=2: must be more than the 2 that are over"),
        ("NUM_EPOCHS=x", "epoch_00002.json: CONFIG_NUM_EPOCHS=x: must be a decimal integer"),
        ("NUM_EPOCHS=5 NUM_EPOCHS=6", "NUM_EPOCHS=6: already given as 5; keep one of the two"),
    ],
)
def test_what_cannot_be_is_one_line(
    change: str, said: str, snapshot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["resume", str(snapshot), *change.split(), "--output-dir", str(tmp_path / "branch")]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (tmp_path / "branch").exists()


def test_a_damaged_snapshot_is_one_line(
    snapshot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot.with_suffix(".pt").write_bytes(b"")
    assert main(["resume", str(snapshot), "--output-dir", str(tmp_path / "branch")]) == 2
    assert "damaged: its checksum" in capsys.readouterr().err


def test_a_branch_is_not_the_sweep_of_the_same_trial_from_its_start(
    snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = tmp_path / "test_matrix_results" / "sweep_branch"
    config = resumed(branch, str(snapshot)).provenance.config
    monkeypatch.chdir(tmp_path)
    text = "".join(f'CONFIG_{name}="{value}"\n' for name, value in config.items())
    (tmp_path / "whole-range").write_text(f"{text}CONFIG_DEVICE=cpu\n", encoding="utf-8")
    assert main(["sweep-generate", "whole-range"]) == 0
    assert main(["sweep-run", "--in-process"]) == 0
    (whole,) = set((tmp_path / "test_matrix_results").glob("sweep_*")) - {branch}
    (path,) = whole.glob("config_001*/training_metrics.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["config"] == {f"CONFIG_{name}": value for name, value in config.items()}
    assert "resumed" not in record["provenance"]
    assert "taken_over" not in record["provenance"]
