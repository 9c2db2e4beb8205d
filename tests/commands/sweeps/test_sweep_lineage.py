from __future__ import annotations

from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import ended, passed, trial

from espalier.__main__ import run
from espalier.core.errors import UserError
from espalier.core.trial import Status
from espalier.methods.apoptosis.neurons.lineage import Lineage


def lineage(argv: list[str]) -> int:
    return run(["sweep-lineage", *argv])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three trials; the first two left a lineage."""
    results = [passed(trial(n, n), 50.0, steps=100) for n in (1, 2)]
    made = stored(tmp_path / "sweep_1", [*results, ended(trial(3, 3), Status.NOTRUN)])
    record = Lineage({"a": 2})
    record.record_deaths(10, "a", [1], [0.5])
    record.record_births(10, "a", [1], [[(0, 1.0)]])
    for name in ("config_001_mlp", "config_002_mlp"):
        (made / name).mkdir()
        record.write(made / name / "lineage.csv")
    return made


def test_every_table_becomes_a_picture_beside_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lineage(["--dir", str(folder), "--format", "svg"]) == 0
    written = [folder / name / "lineage.svg" for name in ("config_001_mlp", "config_002_mlp")]
    assert capsys.readouterr().out.splitlines() == [str(path) for path in written]
    texts = [path.read_text(encoding="utf-8") for path in written]
    assert all("<!-- Layer a -->" in text and "One run, config_00" in text for text in texts)
    assert "Neurons over 100 steps" in texts[0]  # to the last step, not the last event


def test_trials_may_be_named(folder: Path) -> None:
    lineage(["--dir", str(folder), "config_002"])
    assert [path.parent.name for path in folder.glob("*/lineage.png")] == ["config_002_mlp"]


def test_no_such_trial(folder: Path) -> None:
    with pytest.raises(UserError, match="config_9: no trial of .*, which has config_001, config_0"):
        lineage(["--dir", str(folder), "config_001", "config_9"])


def test_a_trial_without_a_table(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="config_003_mlp"):
        lineage(["--dir", str(folder), "config_003"])
    for path in folder.glob("*/lineage.csv"):
        path.unlink()
    with pytest.raises(UserError, match=r"no trial left a lineage\.csv"):
        lineage(["--dir", str(folder)])
