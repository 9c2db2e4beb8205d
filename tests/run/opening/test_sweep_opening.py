"""What a sweep that is gone on with refuses: another measure by which configurations stop."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_sweep import HERE, request, trial

from espalier.core.errors import UserError
from espalier.report.reports import ReportRequest
from espalier.run import launch

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


def test_configurations_stop_by_one_measure_from_the_first_to_the_last(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    rule = "stops configurations by val_acc, not val_loss; give RANK_BY=val_acc to go on, or begin"
    with pytest.raises(UserError, match=rule):
        run(tmp_path, "val_loss")
    assert run(tmp_path, "val_loss", STOP_BY="val_acc") == 0  # it ranks, and does not stop


def test_a_measure_of_test_data_that_is_given_with_the_command_stops_nothing(
    tmp_path: Path,
) -> None:
    with pytest.raises(UserError, match="RANK_BY=test_acc: stops configurations, and test data"):
        run(tmp_path, "test_acc")
    assert list(tmp_path.iterdir()) == []
