"""Studies: those of Optuna itself, with a seed for each ask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toy
from proposing import PLAIN, SAMPLERS, search

from espalier.core.errors import UserError
from espalier.kconfig.number_range import NumberInterval
from espalier.kconfig.requests import placing
from espalier.kconfig.symbols import Symbols
from espalier.plan.samplers.model_based.search_study import ask_seed

optuna = pytest.importorskip("optuna")
ASKS = 12


@pytest.mark.parametrize("name", ["tpe", "nsga2", "cmaes"])
def test_a_plain_space_has_the_proposals_of_optunas_own_loop(name: str, tmp_path: Path) -> None:
    pytest.importorskip("cmaes")
    began = search(name, tmp_path, PLAIN)
    rate, mask, share = (axis.options for axis in began.space.axes)
    assert (
        isinstance(rate, NumberInterval)
        and isinstance(mask, tuple)
        and isinstance(share, NumberInterval)
    )
    study = optuna.create_study(directions=began.sampler.directions)
    for ask in range(ASKS):
        study.sampler = SAMPLERS[name].make(ask_seed(7, ask))
        trial = study.ask()
        config = {
            "RATE": rate.nearest(trial.suggest_float("RATE", 0.1, 0.9)),
            "MASK": mask[trial.suggest_int("MASK", 0, 2)],
            "MOST": share.nearest(trial.suggest_int("MOST", 10, 90, log=True)),
        }
        study.tell(trial, began.values(config))
    proposer = began.proposer()
    for place in range(ASKS):
        began.propose(proposer, 1, [place - 1] if place else [])
    theirs = [trial.params for trial in study.trials]
    same = until_a_repeat(theirs)  # which we do not train again
    assert same == {"tpe": ASKS, "nsga2": 5, "cmaes": ASKS}[name]
    assert proposals(began.record)[:same] == theirs[:same]


def until_a_repeat(params: list[dict[str, Any]]) -> int:
    return next((n for n, each in enumerate(params) if each in params[:n]), len(params))


def proposals(record: Any) -> list[dict[str, Any]]:
    return [dict(each.values) for each in record.proposals]


def test_seeds_of_asks_are_fixed_and_apart() -> None:
    assert ask_seed(0, 0) == 2968811710
    assert len({ask_seed(seed, ask) for seed in range(10) for ask in range(100)}) == 1000
    assert all(0 <= ask_seed(2**31 - 1, ask) < 2**32 for ask in range(10))


@pytest.mark.parametrize(
    ("name", "by", "said"),
    [
        ("tpe", "test_acc", "RANK_BY=test_acc: test_acc is of the test data, which would then"),
        ("nsga2", "val_acc,test_loss", "test_loss is of the test data"),
        (
            "cmaes",
            "val_acc,live_parameters",
            "SAMPLER=cmaes takes 1 measure at most;",
        ),
        ("gp", "val_acc,val_loss,steps,epochs", "SAMPLER=gp takes 3 measures at most"),
    ],
)
def test_a_sampler_is_told_what_it_can_be_told(name: str, by: str, said: str) -> None:
    pytest.importorskip("cmaes")
    with pytest.raises(UserError, match=said):
        replace(SAMPLERS[name], by=by).check()


def test_what_ranks_has_its_place(real: Symbols) -> None:
    text = "CONFIG_MLP_WIDTH=8|16\nCONFIG_RANK_BY=test_acc"
    said = "f:2: CONFIG_RANK_BY=test_acc: test_acc is of the test"
    with pytest.raises(UserError, match=said), placing(toy.parse_requests(real, text)):
        replace(SAMPLERS["tpe"], by="test_acc").check()


def test_a_package_that_is_absent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="SAMPLER=tpe: optuna is not installed; .* installs it"):
        SAMPLERS["tpe"].check()


def test_directions_are_those_of_the_measures() -> None:
    assert SAMPLERS["nsga2"].directions == ["maximize", "minimize"]
