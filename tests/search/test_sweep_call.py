"""A sweep from Python is the sweep that make makes, of a model or a function that stands there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from espalier.core.errors import UserError
from espalier.core.trees import own_trees
from espalier.report.frames.loaded_sweep import LoadedSweep
from espalier.search.sweep_call import sweep
from espalier.store.results_dir import STORE
from espalier.store.store import Store

SMALL = {
    "PRUNING_METHOD": "none",
    "OPTIMIZER": "sgd",
    "TRAIN_SUBSET": 100,
    "NUM_EPOCHS": 1,
    "DEVICE": "cpu",
    "SEED": [1, 2],
}


class Plain(nn.Sequential):
    def __init__(self, inputs: int, classes: int, width: int = 8, gain: float = 1.0) -> None:
        last = nn.Linear(width, classes)
        nn.init.xavier_uniform_(last.weight, gain)
        super().__init__(nn.Flatten(), nn.Linear(inputs, width), nn.ReLU(), last)


def scored(offset: float) -> Callable[..., None]:
    """Return a train function whose accuracy grows with its width and with `offset`."""

    def fit(config: Any, log: Any, width: int = 1) -> None:
        for epoch in range(1, config["NUM_EPOCHS"] + 1):
            log(epoch=epoch, val_acc=width / 10 + offset)

    return fit


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., LoadedSweep]:
    """Run a sweep in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(text: Any, **options: Any) -> LoadedSweep:
        return sweep(text, **{"in_process": True, **options})

    return run


def provenances(done: LoadedSweep) -> list[Any]:
    with Store.open(done.folder / STORE, readonly=True) as store:
        return [result.provenance for _, result, _ in store.final_results()]


def test_a_model_of_ones_own_is_trained_in_packs_and_ranked(call: Callable[..., Any]) -> None:
    done = call({**SMALL, "PLAIN_WIDTH": [4, 8], "PACK": 2}, model=Plain)
    assert list(done.trials["status"]) == ["passed"] * 4
    ranking = done.ranking()
    assert sorted(ranking["CONFIG_PLAIN_WIDTH"]) == [4, 8] and list(ranking["n"]) == [2, 2]
    assert [made.pack.size for made in provenances(done)] == [2] * 4
    assert all(made.config["MODEL"] == "plain" for made in provenances(done))
    assert own_trees.external() == () and "espalier.models.plain" not in sys.modules


def test_a_model_stands_beside_those_of_the_library(call: Callable[..., Any]) -> None:
    done = call({**SMALL, "MODEL": ["plain", "mlp"], "PLAIN_GAIN": 0.5}, model=Plain)
    assert sorted(done.trials["CONFIG_MODEL"]) == ["mlp", "mlp", "plain", "plain"]
    assert list(done.trials["status"]) == ["passed"] * 4


def test_a_train_function_does_all_of_a_trial(call: Callable[..., Any]) -> None:
    done = call("CONFIG_WIDTH=3|5\nCONFIG_NUM_EPOCHS=2\nCONFIG_SEED=1|2", train=scored(0.1))
    assert list(done.ranking()["mean"]) == pytest.approx([60, 40])
    assert list(done.history["epoch"]) == [1, 2] * 4
    assert not any("MODEL" in made.config for made in provenances(done))


def test_the_same_call_goes_on_and_changed_code_begins_anew(
    call: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    first = call({"WIDTH": [1, 2]}, train=scored(0.1))
    assert call({"WIDTH": [1, 2]}, train=scored(0.1)).folder == first.folder
    assert "finished already" in capsys.readouterr().out
    other = call({"WIDTH": [1, 2]}, train=scored(0.2), name="other")
    assert other.folder != first.folder and other.name == "other"
    assert f"note: the code has changed since {first.folder}" in capsys.readouterr().out
    assert list(other.ranking()["mean"]) == pytest.approx([40, 30])
    assert call({"WIDTH": [1, 2]}, train=scored(0.2), new=True).folder != other.folder


def test_results_of_a_model_are_taken_over_where_its_code_is_the_same(
    call: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    call(SMALL, model=Plain)
    call({**SMALL, "SEED": [1, 2, 3]}, model=Plain)
    assert "2 of 3 results taken over" in capsys.readouterr().out


def test_combinations_that_are_no_trials_are_said_with_their_reason(
    call: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    ramp = {"PRUNING_WARMUP": 50, "PRUNING_RAMP_END_EPOCH": 1, "OPTIMIZER": "adamw"}
    late = {**SMALL, **ramp, "PRUNING_METHOD": ["magnitude", "none"]}
    done = call(late, model=Plain)
    printed = capsys.readouterr().out
    assert len(done.trials) == 2 and printed.startswith("Left out of 4 combinations:\n  2: ")
    assert "lower CONFIG_PRUNING_WARMUP" in printed
    call(late, model=Plain, verbose=False, new=True)
    assert capsys.readouterr().out == ""


def test_a_trial_that_raised_is_in_the_sweep(call: Callable[..., Any]) -> None:
    def fit(config: Any, log: Any, width: int = 1) -> None:
        if width == 2:
            raise ZeroDivisionError
        log(val_acc=config["SEED"] / 10)

    done = call({"WIDTH": [1, 2], "MAX_ATTEMPTS": 1}, train=fit, verbose=False)
    assert list(done.trials["status"]) == ["passed", "error"]


def test_a_range_may_be_a_file(call: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "my-range").write_text("CONFIG_WIDTH=1|2\n")
    text = call("my-range", train=scored(0.1), results="mine", tags=["a"], note="b")
    assert text.folder.parent == Path("mine") and (text.tags, text.note) == (["a"], "b")
    assert call(tmp_path / "my-range", train=scored(0.1), results="mine").folder == text.folder


def with_seed(config: Any, log: Any, seed: int = 1) -> None:
    del config, log, seed


def mlp(inputs: int) -> nn.Module:
    return nn.Linear(inputs, 2)


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        ({"PLAIN_WIDHT": 3}, {"model": Plain}, "range:1: CONFIG_PLAIN_WIDHT: no such symbol"),
        ({**SMALL, "PLAIN_WIDTH": "wide"}, {"model": Plain}, "CONFIG_PLAIN_WIDTH=wide: must be"),
        ({**SMALL, "MODEL": "mlp"}, {"model": Plain}, "model=Plain: no trial has it"),
        (SMALL, {"model": mlp}, "model=mlp: 'mlp' stands in "),
        ({}, {"train": with_seed}, "train=with_seed: SEED stands in "),
        ({}, {"train": with_seed, "model": Plain}, "model, train: a train function builds its"),
        ({"MODEL": "mlp"}, {"train": scored(0)}, "CONFIG_MODEL"),
        ("no-such-range", {}, "no-such-range: no such range file"),
        ("CONFIG_SEED", {}, "CONFIG_SEED: no such range file"),
        ("CONFIG_SEED=x", {}, "range:1: CONFIG_SEED=x: must be"),
        ({"WIDTH": range(50)}, {"train": scored(0), "max_trials": 3}, "more than 3 trials"),
        (SMALL, {"parallel": -1}, "parallel=-1: must be at least 0"),
        (SMALL, {"max_trials": "2"}, "max_trials='2': must be a whole number"),
        (SMALL, {"results": 3}, "results=3: must be a folder"),
        (SMALL, {"name": "a/b"}, "name='a/b': must be letters"),
        (SMALL, {"note": "a\nb"}, "note='a\\nb': must be one line"),
        (SMALL, {"tags": ["a b"]}, "tags='a b': "),
        (3, {}, "range=3: must be a mapping of symbols, the text of"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(
    call: Callable[..., Any], text: Any, options: Any, error: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        call(text, **options)
    assert error in str(caught.value)
    assert not (tmp_path / "test_matrix_results").exists()
    assert own_trees.VARIABLE not in os.environ and own_trees.external() == ()


def test_its_import_costs_no_torch() -> None:
    text = "import sys, espalier; espalier.sweep; print({'torch', 'pandas'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-P", "-c", text], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
