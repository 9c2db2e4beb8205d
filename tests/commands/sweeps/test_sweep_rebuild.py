"""`sweep-rebuild` on a sweep of the real tree; only the training is a fake."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from fake_sweep import HERE
from given_variables import give

from espalier.__main__ import main
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

RUN = ["sweep-run", "--entry", "fake_entry:real", "--parallel", "1", "--in-process"]
RANGE = "CONFIG_NUM_EPOCHS=2|3\nCONFIG_PRUNING_METHOD=none\nCONFIG_DEVICE_CPU=y\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(HERE))
    for name in ("PARALLEL", "PACK", "NEW", "RANK_BY", "SAMPLER", "KCONFIG_CONFIG", "DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "my-range").write_text(RANGE, encoding="utf-8")
    assert main(["sweep-generate", "my-range"]) == 0
    return tmp_path


def test_a_sweep_goes_on_after_its_store_was_lost(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(RUN) == 0
    (folder,) = sweeps(Path("test_matrix_results"))
    with Store.open(folder / STORE) as store:
        first, second = store.config_text(1), store.config_text(2)
    shutil.rmtree(next(folder.glob("config_002_*")))  # as if it had not run
    (folder / STORE).unlink()
    capsys.readouterr()
    assert main(RUN) == 2
    command = f"`make sweep-rebuild DIR={folder}`"
    assert command in capsys.readouterr().err
    give(monkeypatch, DIR=str(folder))
    assert main(["sweep-rebuild"]) == 0
    line = f"{folder / STORE}: made again with 1 of 2 results, all of its plan\n"
    assert capsys.readouterr().out == line
    with Store.open(folder / STORE) as store:
        assert store.config_text(1) == first
        assert store.config_text(2) == second  # written by the tree again
    assert main(RUN) == 0
    assert "going on, 1 of 2 trials" in capsys.readouterr().out


def test_names_of_a_plan_stay_in_its_folder(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = place / "sweep_configs" / "plan.jsonl"
    header, *trials = plan.read_text(encoding="utf-8").split("\n")
    shutil.copy(place / "sweep_configs" / "config_001", place / "OUT")
    record = {**json.loads(trials[0]), "name": "../OUT"}
    plan.write_text("\n".join([header, json.dumps(record), *trials[1:]]), encoding="utf-8")
    capsys.readouterr()
    assert main(RUN) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert sorted(path.name for path in place.iterdir()) == ["OUT", "my-range", "sweep_configs"]
