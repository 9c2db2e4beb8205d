from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from figure_sources import grid
from stored_sweeps import stored
from trial_results import ended, passed, sweep, trial
from two_arms import at_two_sparsities, two_arms

import espalier
from espalier.core.errors import UserError
from espalier.core.trial import Status
from espalier.report.frames.loaded_sweep import LoadedSweep, load_sweep
from espalier.store.store import Store

SIDES = ("METHOD=state", "METHOD=magnitude")


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedSweep:
    """Two methods at two sparsities."""
    return load_sweep(stored(tmp_path / "sweep_1", at_two_sparsities()))


def test_trials_have_a_row_each_and_types(loaded: LoadedSweep) -> None:
    trials = loaded.trials
    assert len(trials) == 12
    assert trials["number"].tolist() == list(range(1, 13))
    assert trials["configuration"].tolist()[:5] == ["config_001"] * 4 + ["config_005"]
    assert trials["val_acc"].tolist()[:2] == [90.625, 90.5]
    kinds = {name: str(kind) for name, kind in trials.dtypes.items()}
    expected = {"seed": "Int64", "val_acc": "float64", "CONFIG_METHOD": "str"}
    assert {name: kinds[name] for name in expected} == expected
    assert trials["CONFIG_SPARSITY"].unique().tolist() == [0.5, 0.9]


def test_a_failed_trial_has_a_status_and_no_accuracy(tmp_path: Path) -> None:
    results = [
        *sweep({"0.9": [98.0, 97.0]}),
        ended(trial(3, 3), Status.FAILED, "diverged", val_acc=9),
    ]
    trials = load_sweep(stored(tmp_path / "sweep_1", results)).trials
    assert trials["status"].tolist() == ["passed", "passed", "failed"]
    assert trials["reason"].tolist() == ["", "", "diverged"]
    assert trials["val_acc"].isna().tolist() == [False, False, True]
    assert trials["CONFIG_ADAMWPRUNE_BETA1"].isna().tolist() == [False, False, True]


def test_a_running_sweep_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    open_ones = [ended(trial(number, 1, LR=f"{number}"), Status.NOTRUN) for number in (2, 3)]
    folder = stored(tmp_path / "sweep_1", [passed(trial(1, 1, LR="1"), 98.0), *open_ones])
    with Store.open(folder / "sweep.db") as store, store.writing():
        store.begin([2], 1, "cpu")
    with Store.open(folder / "sweep.db") as store, store.writing():  # a runner that is at work
        loaded = load_sweep(folder)
        assert loaded.trials["status"].tolist() == ["passed", "running", "notrun"]
        assert loaded.ranking()["configuration"].tolist() == ["config_001"]
    assert load_sweep(folder / "sweep.db").trials.equals(loaded.trials)


def test_history_has_a_row_an_epoch(tmp_path: Path) -> None:
    item = passed(trial(1, 7, LR="0.1"), 98.0)
    history = [{"epoch": 1, "step": 10, "val_acc": 90, "seen": [1]}, {"epoch": 2, "gain": 0.5}]
    item = item._replace(result=replace(item.result, history=history))
    frame = load_sweep(stored(tmp_path / "sweep_1", [item])).history
    assert frame["epoch"].tolist() == [1, 2] and frame["epoch"].dtype == "Int64"
    assert frame["step"].isna().tolist() == [False, True]
    assert frame["val_acc"].dtype == "float64" and frame["val_acc"].tolist()[0] == 90.0
    assert (
        frame[["config_file", "seed", "CONFIG_LR"]].values.tolist() == [["config_001", 7, 0.1]] * 2
    )
    assert frame["seen"].tolist() == [[1], None]


def test_configurations_have_means_and_intervals(tmp_path: Path) -> None:
    loaded = load_sweep(stored(tmp_path / "sweep_1", sweep({"0.9": [98.0, 97.0], "0.8": [96.0]})))
    frame = loaded.configurations
    assert frame["CONFIG_ADAMWPRUNE_BETA1"].tolist() == [0.9, 0.8]
    assert frame["val_acc"].tolist() == [97.5, 96.0]
    assert frame["val_acc_half_width"].tolist()[0] == pytest.approx(12.7062 * 0.5, abs=1e-4)
    assert frame["val_acc_half_width"].isna().tolist() == [False, True]
    assert frame["val_acc_n"].tolist() == [2, 1]


def test_the_ranking_is_that_of_the_report(tmp_path: Path) -> None:
    values = {"0.8": [96.0, 96.2, 96.1], "0.9": [98.0, 98.1, 98.2]}
    ranking = load_sweep(stored(tmp_path / "sweep_1", sweep(values))).ranking()
    assert ranking["place"].tolist() == [1, 2]
    assert ranking["configuration"].tolist() == ["config_004", "config_001"]
    assert ranking["mean"].tolist() == pytest.approx([98.1, 96.1])
    assert ranking["low"].tolist()[0] == pytest.approx(98.1 - 4.30265 * 0.1 / 3**0.5, abs=1e-4)
    assert ranking["verdict"].tolist() == ["tied", "behind"]
    assert ranking["is_best"].tolist() == [True, False]
    assert ranking["lead"].tolist() == pytest.approx([0.0, 2.0])


def test_the_ranking_by_another_measure(loaded: LoadedSweep) -> None:
    assert loaded.ranking(by="val_acc:min")["mean"].tolist() == [90.1875, 90.3125, 90.8125, 90.9375]
    with pytest.raises(UserError, match="RANK_BY=val_ac: no trial has val_ac; there are val_acc"):
        loaded.ranking(by="val_ac")


def test_the_verdict_is_that_of_the_verb(loaded: LoadedSweep) -> None:
    verdict = loaded.verdict(a=SIDES[0], b=SIDES[1], where="SPARSITY=0.5")
    assert verdict.answer == "better"
    assert (verdict.record["difference"], verdict.record["n"]) == (0.5, 4)
    assert str(verdict).startswith("BETTER: A is better than B by validation accuracy\n")
    assert loaded.verdict(*SIDES, where="SPARSITY=0.5", alpha=0.01).answer == "undecided"
    assert loaded.verdict(*SIDES, where="SPARSITY=0.5", margin=2).answer == "equivalent"
    assert loaded.verdict(*SIDES, by="test_acc").record["measure"] == "test_acc"


def test_a_comparison_has_a_row_a_pair(loaded: LoadedSweep, tmp_path: Path) -> None:
    other = load_sweep(
        stored(tmp_path / "sweep_2", two_arms((0.0, -0.5, -1.0, -0.75), SPARSITY="0.5"))
    )
    compared = loaded.compare(other)
    frame = compared.configurations
    assert frame["CONFIG_METHOD"].tolist() == ["state", "magnitude"]
    assert frame["difference"].tolist() == [1.0625, 0.0]
    assert frame["verdict"].tolist() == ["undecided", "undecided"]
    assert compared.record["only_in_a"] == ["config_009", "config_011"]
    assert str(compared).startswith(f"A: {loaded.folder}: 12 of 12 trials passed")


BAD: dict[str, Callable[[LoadedSweep], object]] = {
    "alpha=1: must be a number above 0 and below 1": lambda s: s.verdict(*SIDES, alpha=1),
    "alpha=nan: must be": lambda s: s.compare(s, alpha=float("nan")),
    "margin=-1: must be a number from 0 to 1e+09": lambda s: s.verdict(*SIDES, margin=-1),
    "margin=nan: must be": lambda s: s.verdict(*SIDES, margin=float("nan")),
    "B is missing": lambda s: s.verdict("METHOD=state", ""),
    "no trial has METHOD=stat; did you mean state?": lambda s: s.verdict("METHOD=stat", SIDES[1]),
    "are the same folder": lambda s: s.compare(s),
    "no such folder": lambda s: load_sweep(s.folder / "nowhere"),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_names_the_rule(message: str, loaded: LoadedSweep) -> None:
    with pytest.raises(UserError) as caught:
        BAD[message](loaded)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_it_shows_its_folder_in_a_notebook(loaded: LoadedSweep) -> None:
    assert repr(loaded) == f"<sweep {loaded.folder}: 12 trials, by val_acc>"
    assert espalier.load_sweep is load_sweep


def test_it_needs_no_torch_and_pandas_only_for_frames(loaded: LoadedSweep) -> None:
    code = (
        "import sys, espalier; s = espalier.load_sweep(sys.argv[1]); s.verdict(*sys.argv[2:]); "
        "before = 'pandas' in sys.modules; s.trials; print(before, 'torch' in sys.modules)"
    )
    command = [sys.executable, "-P", "-c", code, str(loaded.folder), *SIDES]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_figures_are_those_of_make_figures(tmp_path: Path) -> None:
    loaded = load_sweep(stored(tmp_path / "sweep_1", grid()))
    figure = loaded.figure(
        "ladder",
        style="column",
        title="A title",
        x="CONFIG_TARGET_SPARSITY",
        labels="val_acc=Accuracy",
    )
    assert figure.get_suptitle() == "A title" and figure.get_size_inches()[0] == 3.4
    assert figure.axes[0].get_ylabel() == "Accuracy"
    with pytest.raises(UserError, match="style=poster: must be one of column, page, talk"):
        loaded.figure("ladder", style="poster")
    with pytest.raises(UserError, match="KIND=lader: did you mean ladder"):
        loaded.figure("lader")
    with pytest.raises(UserError, match="the sweep is no race"):
        loaded.figure("race")
