"""Sweeps of a sampler that learns, from their start to their end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fake_sweep
import pytest

from espalier.core.errors import UserError
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import plan, planning
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord
from espalier.report.report_request import ReportRequest
from espalier.run import launch
from espalier.run.opening.launch_request import LaunchRequest
from espalier.run.status_text import status_lines
from espalier.store.results_dir import STORE
from espalier.store.store import Store

pytest.importorskip("optuna")
RANGE = """\
CONFIG_SAMPLER=tpe
CONFIG_SAMPLER_STARTUP=3
CONFIG_SAMPLER_TRIALS={trials}
CONFIG_DATASET=digits
CONFIG_LEARNING_RATE=1e-4~*1e-1
CONFIG_SEED=1|2
CONFIG_DEVICE=cpu
"""


@pytest.fixture(scope="module")
def real() -> Symbols:
    return Symbols(tree.parse())


def asked_for(folder: Path, real: Symbols, trials: int = 5, **changes: object) -> LaunchRequest:
    (folder / "range").write_text(RANGE.format(trials=trials), encoding="utf-8")
    made = planning.plan_from_files([folder / "range"], symbols=real)
    written, texts = plan.render(made)
    usual = {"in_process": True, "entry": "searched_entry:train", "header": written.header()}
    wish = fake_sweep.request(folder / "results", [], **{**usual, **changes})
    return replace(wish, trials=texts)


def only_sweep(wish: LaunchRequest) -> Path:
    (folder,) = wish.results.glob("sweep_*")
    return folder


def proposals(folder: Path) -> list[str]:
    with Store.open(folder / STORE, readonly=True) as store:
        return [each.trial for each in SamplerRecord.from_json(store.header.design).proposals]


def test_a_sweep_runs_until_all_are_proposed_and_has_nothing_to_do_then(
    tmp_path: Path, real: Symbols, capsys: pytest.CaptureFixture[str]
) -> None:
    wish = asked_for(tmp_path, real)
    assert launch.run(wish) == 0
    folder = only_sweep(wish)
    first = proposals(folder)
    assert len({*first}) == len(first) == 5
    assert "tpe: 5 of 5 configurations proposed" in capsys.readouterr().out
    assert launch.run(wish) == 0
    assert proposals(folder) == first
    assert "finished already" in capsys.readouterr().out
    report = (folder / "sweep_analysis.txt").read_text(encoding="utf-8")
    assert report.startswith("SAMPLER (tpe, seed 0):\n")
    assert "finished: 10 passed" in list(status_lines(folder))


def test_more_configurations_go_on_with_the_same_sweep(
    tmp_path: Path, real: Symbols, capsys: pytest.CaptureFixture[str]
) -> None:
    launch.run(asked_for(tmp_path, real))
    wish = asked_for(tmp_path, real, trials=7)
    before = proposals(only_sweep(wish))
    assert launch.run(wish) == 0
    assert proposals(only_sweep(wish))[:5] == before
    assert len(proposals(only_sweep(wish))) == 7
    assert "tpe: 7 of 7 configurations proposed" in capsys.readouterr().out


def test_the_test_set_is_refused_before_anything_runs(tmp_path: Path, real: Symbols) -> None:
    wish = asked_for(tmp_path, real, report=ReportRequest(by="test_acc"))
    with pytest.raises(UserError, match="RANK_BY=test_acc: test_acc is of the test data"):
        launch.run(wish)
    assert not wish.results.exists()
