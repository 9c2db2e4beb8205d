"""A trial is a call of the user's function, whose reports become its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from espalier.core.errors import UserError
from espalier.core.trees.added_trees import added
from espalier.core.trial import Record, Result, Status, Task, Trial
from espalier.scripts.function_entry import train_trial
from espalier.scripts.train_function import write_function

CONFIG = {"SEED": "3", "NUM_EPOCHS": "2", "CPU_THREADS": "1", "LEARNING_RATE": "0.5"}
SETTINGS = {"RANK_BY": "val_acc", "TRAINER": "function", "DEVICE": "cpu"}


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Train one trial by a function, as a worker does."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def run(function: Callable[..., Any], emit: Any = lambda _: None, **knobs: str) -> Result:
        name, folder = write_function(function)
        config = {**CONFIG, "TRAIN_FUNCTION": name, **knobs}
        task = Task.single(Trial(1, "config_001", "id", config), SETTINGS, tmp_path / "trial")
        with added([folder]):
            return train_trial(task, emit)

    return run


def test_what_it_logs_is_the_result(train: Callable[..., Result]) -> None:
    def fit(config: Any, log: Any, width: int = 3, rate: float = 0.5, on: bool = False) -> None:
        assert (config["SEED"], config["LEARNING_RATE"], config["RANK_BY"]) == (3, 0.5, "val_acc")
        assert (width, rate, on, log.folder.name) == (7, 2.0, True, "trial")
        for epoch in (1, 2):
            log(epoch=epoch, val_acc=np.float64(epoch / 4), width=np.int64(width))
        log(test_acc=0.25)

    emitted: list[Record] = []
    result = train(fit, emitted.append, WIDTH="7", RATE="2", ON="y")
    assert result.status is Status.PASSED
    assert [(r["epoch"], r["epochs"], r["val_acc"]) for r in result.history] == [
        (1, 2, 25.0),
        (2, 2, 50.0),
    ]
    assert [record["epoch"] for record in emitted] == [1, 2]
    measures = result.measures
    assert (measures["val_acc"], measures["best_epoch"], measures["test_acc"]) == (50.0, 2, 25.0)
    assert measures["width"] == 7
    made = result.provenance
    assert made.config and made.config["WIDTH"] == "7" and made.settings == SETTINGS
    assert made.code and made.code.trees and made.data_fingerprint is None


def silent(config: Any, log: Any) -> None:
    del config, log


def by_percent(config: Any, log: Any) -> None:
    log(val_acc=91.2)
    del config


def by_text(config: Any, log: Any) -> None:
    log(val_acc="high")
    del config


def without_file(config: Any, log: Any) -> None:
    del config, log
    raise UserError("data.csv: no such file; put it there")


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (silent, "reported no measure"),
        (by_percent, "val_acc=91.2: must be 0 to 1; val_acc is a share"),
        (by_text, "val_acc='high': must be a number"),
        (without_file, "data.csv: no such file; put it there"),
    ],
)
def test_what_is_no_result_is_an_error_not_tried_again(
    train: Callable[..., Result], function: Callable[..., Any], text: str
) -> None:
    result = train(function)
    assert (result.status, result.reason) == (Status.ERROR, "input") and text in result.message


def test_numbers_that_are_not_finite_have_failed(train: Callable[..., Result]) -> None:
    def fit(config: Any, log: Any) -> None:
        log(val_acc=0.5, train_loss=float("nan"))
        del config

    result = train(fit)
    assert (result.status, result.reason) == (Status.FAILED, "diverged")


def test_what_it_raises_is_raised(train: Callable[..., Result]) -> None:
    def fit(config: Any, log: Any) -> Iterator[int]:
        del config, log
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(fit)
