"""Budgets of parameters in a plan: what is proposed fits, and what cannot be is said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from espalier.core import component
from espalier.core.contracts import Model
from espalier.core.errors import UserError
from espalier.core.samples import SampleShape
from espalier.core.trial import Trial
from espalier.core.trial_config import Config
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning
from espalier.plan.plan import Plan, read_plan, write_plan
from espalier.train.building import parameter_budget as sizes

DIGITS = SampleShape(1, 8, 8, 10)
DENDRITIC = ["dendritic_simple", "soma_disabled", "dendritic_with_hidden"]
FREE = {
    "mlp": "CONFIG_MLP_WIDTH=0\n",
    "sparse_mlp": "CONFIG_SPARSE_MLP_WIDTH=0\n",
    **dict.fromkeys(DENDRITIC, "CONFIG_DENDRITES_INPUTS=0\n"),
}
ONE_LAYER = "CONFIG_MODEL=mlp\nCONFIG_MLP_LAYERS=1"
Planner = Callable[..., Plan]


@pytest.fixture(scope="module")
def symbols() -> Symbols:
    return Symbols(tree.parse())


@pytest.fixture
def planned(tmp_path: Path, symbols: Symbols) -> Planner:
    def plan(*lines: str) -> Plan:
        (tmp_path / "r").write_text("\n".join(lines), encoding="utf-8")
        return planning.plan_from_files([tmp_path / "r"], symbols=symbols)

    return plan


def count(trial: Trial) -> int:
    """The numbers that the trial's module trains, counted on the module itself."""
    model = component.select("model", Config(trial.config), Model)
    side = model.input_size or 8
    return sizes.count_trained(model.build(SampleShape(1, side, side, 10)))


@pytest.mark.parametrize("name", FREE)
@pytest.mark.parametrize("limit", [500, 2000, 8000])
def test_what_is_proposed_is_the_largest_that_fits(planned: Planner, name: str, limit: int) -> None:
    (trial,) = planned(f"CONFIG_MODEL={name}", f"CONFIG_MAX_PARAMS={limit}", FREE[name]).trials
    symbol = FREE[name].split("=")[0].removeprefix("CONFIG_")
    assert 0 < count(trial) <= limit
    field = symbol.removeprefix(f"{name.upper()}_").removeprefix("DENDRITES_").lower()
    model = component.select("model", Config(trial.config), Model)
    if int(trial.config[symbol]) < model.largest(field, DIGITS):
        more = {**trial.config, symbol: str(int(trial.config[symbol]) + 1)}
        larger = component.select("model", Config(more), Model)
        assert larger.parameters(DIGITS) > limit


def test_every_trial_is_within_the_budget_and_its_share(planned: Planner) -> None:
    plan = planned(
        "CONFIG_MODEL=" + "|".join(FREE),
        "CONFIG_MAX_PARAMS=500|2000|8000\nCONFIG_MIN_PARAMS_SHARE=0.8",
        "CONFIG_DENDRITES_NEURONS=5|10|20\nCONFIG_DENDRITES_PER_NEURON=1:1:15",
        "CONFIG_DENDRITES_SOMA=y|n\nCONFIG_DENDRITES_INPUTS=0|8|16",
        "CONFIG_MLP_WIDTH=0|16\nCONFIG_SPARSE_MLP_WIDTH=0",
    )
    assert {t.config["MODEL"] for t in plan.trials} == set(FREE)
    for trial in plan.trials:
        limit = int(trial.config["MAX_PARAMS"])
        assert 0.8 * limit <= count(trial) <= limit
    assert plan.counts["invalid"] == sum(record["count"] for record in plan.dropped)
    left = {record["reason"] for record in plan.dropped}
    assert "CONFIG_MAX_PARAMS=500: the model has more parameters" in left
    assert (
        "CONFIG_MIN_PARAMS_SHARE=0.8 of CONFIG_MAX_PARAMS=500: the model has fewer than 400 "
        "parameters"
    ) in left
    counts = plan.counts
    assert counts["combinations"] == sum(counts[n] for n in counts if n != "combinations")


def test_models_without_a_free_number_are_counted_too(planned: Planner) -> None:
    plan = planned("CONFIG_MODEL=mlp|lenet5\nCONFIG_MLP_LAYERS=1\nCONFIG_MAX_PARAMS=61750")
    assert [trial.config["MODEL"] for trial in plan.trials] == ["mlp", "lenet5"]
    plan = planned("CONFIG_MODEL=mlp|lenet5\nCONFIG_MLP_LAYERS=1\nCONFIG_MAX_PARAMS=61749")
    assert [trial.config["MODEL"] for trial in plan.trials] == ["mlp"]


def test_a_text_is_read_to_know_its_characters(planned: Planner) -> None:
    lines = "CONFIG_DATASET=text\nCONFIG_CHARLM_LAYERS=1|2\nCONFIG_MAX_PARAMS=300000"
    assert [t.config["CHARLM_LAYERS"] for t in planned(lines).trials] == ["1"]


@pytest.mark.parametrize(
    ("model", "symbol", "limit", "expected"),
    [
        # 1,088 + 384 + 778 + 4 * 16,960 = 70,090 without inner units, 4 * 129 = 516 with each
        ("vit", "VIT_INNER", 70_090 + 57 * 516, "57"),
        ("vit", "VIT_INNER", 70_090 + 57 * 516 - 1, "56"),
        ("resnet_cifar", "RESNET_CIFAR_WIDTH", 269_722 - 9 * 2 * 16, "16"),  # of one channel
        ("resnet_cifar", "RESNET_CIFAR_WIDTH", 269_722 - 9 * 2 * 16 - 1, "15"),
    ],
)
def test_large_models_are_fitted(
    planned: Planner, model: str, symbol: str, limit: int, expected: str
) -> None:
    lines = f"CONFIG_MODEL={model}\nCONFIG_{symbol}=0\nCONFIG_MAX_PARAMS={limit}"
    (trial,) = planned(lines).trials
    assert trial.config[symbol] == expected
    assert count(trial) <= limit


def test_a_solved_number_is_that_of_the_trial_and_its_files(
    planned: Planner, symbols: Symbols, tmp_path: Path
) -> None:
    plan = planned(ONE_LAYER, "CONFIG_MLP_WIDTH=0\nCONFIG_MAX_PARAMS=500")
    (trial,) = plan.trials
    assert trial.config["MLP_WIDTH"] == "6"  # 64*6+6 + 6*10+10 = 460; 75 more with 7
    write_plan(plan, tmp_path / "out", symbols)
    assert "CONFIG_MLP_WIDTH=6\n" in (tmp_path / "out" / trial.name).read_text(encoding="utf-8")
    assert read_plan(tmp_path / "out").trials == plan.trials
    (again,) = planning.plan_from_config(tmp_path / "out" / trial.name, symbols=symbols).trials
    assert again.id == trial.id


def test_what_is_solved_is_not_called_unset(planned: Planner) -> None:
    plan = planned(ONE_LAYER, "CONFIG_MLP_WIDTH=0\nCONFIG_MAX_PARAMS=500|1000")
    assert plan.notes[1:] == [
        "CONFIG_MLP_WIDTH is solved for the budget and differs: 6 (1 trial), 13 (1 trial)"
    ]


def test_numbers_that_come_to_the_same_are_one_trial(planned: Planner) -> None:
    plan = planned(ONE_LAYER, "CONFIG_MLP_WIDTH=0|6\nCONFIG_MAX_PARAMS=500")
    assert (len(plan.trials), plan.counts["same"]) == (1, 1)


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        (
            "CONFIG_MODEL=mlp\nCONFIG_MLP_WIDTH=0",
            "r:2: CONFIG_MLP_WIDTH=0: must be in [1, 65536] while CONFIG_MAX_PARAMS = 0",
        ),
        (
            "CONFIG_MODEL=sparse_mlp\nCONFIG_MAX_PARAMS=500\nCONFIG_SPARSE_MLP_WIDTH=0\n"
            "CONFIG_SPARSE_MLP_INPUTS=0",
            "r:3: CONFIG_SPARSE_MLP_WIDTH=0: CONFIG_SPARSE_MLP_INPUTS is 0 too",
        ),
        (  # 10 neurons, 6 dendrites: 60 I + 60 + 60 + 10 + 110, I in 1..64
            "CONFIG_MODEL=dendritic_simple\nCONFIG_DENDRITES_INPUTS=0\nCONFIG_MAX_PARAMS=200",
            "r:3: CONFIG_MAX_PARAMS=200: no combination has so many parameters; they reach from "
            "300 to 4080:",
        ),
        (
            "CONFIG_MODEL=dendritic_simple\nCONFIG_DENDRITES_INPUTS=0\n"
            "CONFIG_MAX_PARAMS=1000|8000\nCONFIG_MIN_PARAMS_SHARE=0.8",
            "r:3: CONFIG_MAX_PARAMS=8000: no combination has so many parameters, 0.8 of it at "
            "least; they reach from 300 to 4080:",
        ),
        (
            "CONFIG_MODEL=dendritic_simple\nCONFIG_DENDRITES_INPUTS=65\nCONFIG_MAX_PARAMS=8000",
            "r:3: CONFIG_MAX_PARAMS=8000: nothing fits: CONFIG_DENDRITES_INPUTS=65: must be at "
            "most the data's 64 inputs",
        ),
    ],
)
def test_what_cannot_be_is_one_line(planned: Planner, lines: str, rule: str) -> None:
    with pytest.raises(UserError) as error:
        planned(lines)
    assert rule in str(error.value)


def test_a_row_of_an_array_that_does_not_fit_refuses_the_array(planned: Planner) -> None:
    lines = (
        "CONFIG_SAMPLER=orthogonal\nCONFIG_MODEL=mlp\nCONFIG_MAX_PARAMS=1000",
        "CONFIG_MLP_WIDTH=4|64\nCONFIG_MLP_LAYERS=1|2",
    )
    with pytest.raises(UserError, match=r"has more parameters: row 3 of L4 .* falls out"):
        planned(*lines)


def test_without_a_budget_planning_imports_no_torch(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("CONFIG_MODEL=mlp|sparse_mlp\n", encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from espalier.plan import planning\n"
        f"planning.plan_from_files([Path({str(tmp_path / 'r')!r})])\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
