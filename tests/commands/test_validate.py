"""`make validate`: lines, JSON and exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espalier.__main__ import run
from espalier.core.errors import UserError
from espalier.kconfig import tree
from espalier.validation import gates, validation_subject
from espalier.validation.gate import Gate

FAST = ("CONFIG_NUM_EPOCHS=2", "CONFIG_TRAIN_SUBSET=100", "CONFIG_DEVICE_CPU=y")


def configured(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> Path:
    """A complete `.config` in `folder` that sets `lines`."""
    wishes, path = folder / "wishes", folder / ".config"
    wishes.write_text("\n".join((*FAST, *lines)) + "\n", encoding="utf-8")
    kconf = tree.parse()
    kconf.load_config(str(wishes))
    kconf.write_config(str(path))
    monkeypatch.setenv("KCONFIG_CONFIG", str(path))
    return path


def test_it_writes_what_it_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(tmp_path, monkeypatch)
    results = [Gate("one", True, "well"), Gate("two", False, "not so well", {"ratio": 3.0})]
    monkeypatch.setattr(gates, "run_gates", lambda fresh: iter(results))
    path = tmp_path / "found.json"
    assert run(["validate", "--json", str(path)]) == 1
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["passed"] is False
    assert [gate["passed"] for gate in record["gates"]] == [True, False]
    assert record["config"]["CONFIG_NUM_EPOCHS"] == "2"
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["pass  one: well", "FAIL  two: not so well"]
    assert lines[2] == f"1 of 2 passed: {path}"


def test_all_passed_is_exit_code_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(tmp_path, monkeypatch)
    monkeypatch.setattr(gates, "run_gates", lambda fresh: iter([Gate("one", True, "well")]))
    assert run(["validate", "--json", str(tmp_path / "found.json")]) == 0


def test_the_method_is_left_out_and_nothing_stops_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ("CONFIG_PRUNING_SELECT_MAGNITUDE=y", "CONFIG_EARLY_STOP_PATIENCE=3")
    task = validation_subject.make_validation_task(configured(tmp_path, monkeypatch, *lines), "7")
    assert task.trial.config["PRUNING_METHOD"] == "none"
    assert "TARGET_SPARSITY" not in task.trial.config
    assert task.trial.config["EARLY_STOP_PATIENCE"] == "0"
    assert task.trial.config["NUM_EPOCHS"] == "7"
    assert validation_subject.prepare_trainer(task).run.epochs == 7


def test_what_cannot_be_validated_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = configured(tmp_path, monkeypatch)
    with pytest.raises(UserError, match=r"CONFIG_NUM_EPOCHS=0: must be in \[1, 100000\]"):
        validation_subject.make_validation_task(path, "0")
    several = ("CONFIG_PRUNING_MODE_MULTIPLE=y", "CONFIG_PRUNING_ENABLE_MAGNITUDE=y")
    path = configured(tmp_path, monkeypatch, *several, "CONFIG_PRUNING_ENABLE_NONE=y")
    with pytest.raises(UserError, match="one can be validated at a time"):
        validation_subject.make_validation_task(path)
