"""What stays as it was when a sweep is gone on with: the measure by which configurations stop."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_sweep import HERE, request, trial

from espalier.report.report_request import ReportRequest
from espalier.run import launch
from espalier.store.results_dir import STORE
from espalier.store.store import Store

STOP = {"STOP": "first_epoch", "STOP_KEEP": "1"}


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def run(results: Path, by: str | None = None, **settings: str) -> int:
    """Run a sweep that stops early, ranked by a measure that is given with the command."""
    scores = enumerate((10, 40), 1)
    trials = [trial(n, SCORE=f"{score}", NUM_EPOCHS="2") for n, score in scores]
    changes = {"entry": "rung_entry:train", "in_process": True, "report": ReportRequest(by=by)}
    return launch.run(request(results, trials, **changes, **STOP, **settings))


@pytest.mark.parametrize("by", ["val_loss", "test_acc"])
def test_what_ranks_later_does_not_change_what_decides(tmp_path: Path, by: str) -> None:
    assert (run(tmp_path), run(tmp_path, by)) == (0, 0)
    (folder,) = tmp_path.glob("sweep_*")
    with Store.open(folder / STORE, readonly=True) as store:
        assert store.header.settings["STOP_BY"] == "val_acc"
