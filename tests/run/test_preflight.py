"""What a machine lacks is one line before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_sweep import HERE, request, trial

from espalier.core.errors import UserError
from espalier.run import launch
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.syspath_prepend(str(HERE))


@pytest.mark.parametrize("in_process", [False, True])
def test_nothing_runs_if_one_kind_of_trial_lacks_something(
    tmp_path: Path, in_process: bool
) -> None:
    trials = [trial(1), trial(2), trial(3, DATASET="absent"), trial(4, DATASET="absent")]
    with pytest.raises(UserError, match="data/x: no such file"):
        launch.run(request(tmp_path, trials, in_process=in_process))
    with Store.open(sweeps(tmp_path)[0] / STORE, readonly=True) as store:
        assert store.attempts() == []
        assert store.counts() == {"notrun": 4}


def test_what_vanishes_after_the_check_is_data_about_its_trial(tmp_path: Path) -> None:
    trials = [trial(1), trial(2, "input")]  # its data vanished
    assert launch.run(request(tmp_path, trials)) == 1
    with Store.open(sweeps(tmp_path)[0] / STORE, readonly=True) as store:
        assert store.counts() == {"passed": 1, "error": 1}
