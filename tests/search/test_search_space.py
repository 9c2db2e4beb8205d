"""What of a space fits: counted before anything is built, and drawn as if by rejection."""

from __future__ import annotations

import itertools
from collections import Counter
from random import Random

import pytest

from espalier.core.errors import UserError
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.search.guide_names import base as guide_base
from espalier.search.search_space import SearchSpace

SYMBOLS = Symbols(tree.parse())
GUIDE = {
    "n_neurons": [8, 10, 12],
    "n_dendrites": [4, 6, 8],
    "n_dendrite_inputs": [64, 96, 128],
    "soma_enabled": [True, False],
    "architecture": ["dendritic_simple"],
}
EVERY = ["dendritic_simple", "soma_disabled", "dendritic_with_hidden"]


def space(given, limit=8000, share=0.8, dataset="fashion_mnist") -> SearchSpace:
    base = {
        **guide_base(SYMBOLS),
        "DATASET": dataset,
        "MAX_PARAMS": str(limit),
        "MIN_PARAMS_SHARE": str(share),
    }
    return SearchSpace(given, base, SYMBOLS)


def soma_on(n: int, d: int, i: int) -> int:
    """Parameters of the simple model on ten classes, by hand."""
    return n * d * i + n * d + n * d + n + n * 10 + 10


def test_the_guides_grid_has_four_that_fit() -> None:
    feasible = space(GUIDE)
    sizes = [tuple(p.params[k] for k in list(GUIDE)[:3]) for p in feasible.every()]
    by_hand = [
        s for s in itertools.product(*list(GUIDE.values())[:3]) if 6400 <= soma_on(*s) <= 8000
    ]
    assert sorted(sizes) == sorted(by_hand) == [(10, 6, 128), (10, 8, 96), (12, 6, 96), (12, 8, 64)]
    assert [p.count for p in feasible.every()] == [soma_on(*size) for size in sizes]
    assert (12, 6, 96, 7198) in [
        (*size, p.count) for size, p in zip(sizes, feasible.every(), strict=True)
    ]
    assert feasible.total == 4


def test_what_does_not_fit_is_told_and_what_is_off_counts_once() -> None:
    # 27 with somas, of which 4 fit and 5 are too large; 9 without, since neurons are off there
    assert space(GUIDE).left_out() == [
        "5 left out: more than 8000 parameters",
        "27 left out: fewer than 6400 parameters",
    ]


def test_a_proposal_holds_what_is_in_effect_only() -> None:
    without = {**GUIDE, "n_dendrites": [20], "n_dendrite_inputs": [350]}
    (feasible,) = [p for p in space(without).every() if not p.params["soma_enabled"]]
    assert dict(feasible.params) == {
        "n_dendrites": 20,
        "n_dendrite_inputs": 350,
        "soma_enabled": False,
        "architecture": "dendritic_simple",
    }
    assert feasible.row["DENDRITES_SOMA"] == "n"
    assert feasible.count == 20 * 350 + 20 + 20 * 10 + 10


def test_inputs_are_at_most_those_there_are() -> None:
    feasible = space(
        {"n_neurons": [8], "n_dendrite_inputs": [64, 96]}, limit=10000, share=0, dataset="digits"
    )
    assert [p.params["n_dendrite_inputs"] for p in feasible.every()] == [64]
    assert feasible.left_out() == ["1 left out: larger than the data allows"]


def test_zero_takes_the_most_that_fits_where_nothing_else_does() -> None:
    given = {"n_neurons": [8, 12], "n_dendrites": [8], "n_dendrite_inputs": [64, 0]}
    feasible = {p.params["n_neurons"]: p for p in space(given).every()}
    assert feasible[12].params["n_dendrite_inputs"] == 64  # 6,478 are within the budget
    inputs = feasible[8].params["n_dendrite_inputs"]  # with 64 there are 4,322
    assert soma_on(8, 8, inputs) <= 8000 < soma_on(8, 8, inputs + 1)
    assert feasible[8].count == soma_on(8, 8, inputs)


def test_draws_fit_are_distinct_and_are_repeated_by_their_seed() -> None:
    given = {
        "architecture": EVERY,
        "n_neurons": (10, 20),
        "n_dendrites": (6, 15),
        "n_dendrite_inputs": (16, 784),
        "hidden_dim": (5, 15),
        "soma_enabled": [True, False],
        "lr": {"type": "loguniform", "low": 1e-4, "high": 1e-2},
    }
    feasible = space(given).sample(200, Random(3))
    assert all(6400 <= proposal.count <= 8000 for proposal in feasible)
    assert len({frozenset(proposal.row.items()) for proposal in feasible}) == 200
    assert {proposal.params["architecture"] for proposal in feasible} == set(EVERY)
    assert all(("hidden_dim" in p.params) == ("hidden" in p.row["MODEL"]) for p in feasible)
    assert [p.row for p in space(given).sample(200, Random(3))] == [p.row for p in feasible]
    assert [p.row for p in space(given).sample(200, Random(4))] != [p.row for p in feasible]


def test_draws_are_distributed_as_if_what_does_not_fit_was_rejected() -> None:
    given = {"n_neurons": [8, 12], "n_dendrites": (4, 6), "n_dendrite_inputs": (60, 200)}
    every = itertools.product([8, 12], range(4, 7), range(60, 201))
    kept = [sizes for sizes in every if 6400 <= soma_on(*sizes) <= 8000]
    feasible = space(given)
    assert feasible.total == len(kept)
    expected = Counter(sizes[:2] for sizes in kept)
    draws = Counter()
    for seed in range(4000):
        (proposal,) = feasible.sample(1, Random(seed))
        draws[proposal.params["n_neurons"], proposal.params["n_dendrites"]] += 1
    chi = sum(
        (draws[s] - 4000 * n / len(kept)) ** 2 / (4000 * n / len(kept)) for s, n in expected.items()
    )
    assert draws.keys() == expected.keys()
    assert chi < 20.5  # p = 0.001 at 5 degrees of freedom


def test_a_parameter_that_is_off_takes_no_part_in_the_chances() -> None:
    """Of a method's options only the trials with the method have a say."""
    given = {
        "n_neurons": [10],
        "n_dendrites": [6],
        "n_dendrite_inputs": [110, 120],
        "synaptic_resampling": [True, False],
        "percentage_resample": [0.1, 0.2, 0.3, 0.4],
    }
    feasible = space(given)
    assert feasible.total == 2 + 2 * 4
    draws = Counter(
        feasible.sample(1, Random(s))[0].params["synaptic_resampling"] for s in range(2000)
    )
    assert 900 < draws[True] < 1100  # half of them: sd 22


def test_all_there_are_if_more_are_asked_for() -> None:
    assert len(space(GUIDE).sample(50, Random(0))) == 4


def test_an_infeasible_space_says_what_it_reaches() -> None:
    given = {"n_neurons": (10, 20), "n_dendrites": (6, 15), "n_dendrite_inputs": (64, 256)}
    with pytest.raises(UserError) as error:
        space(given, limit=300).require_feasible()
    smallest, largest = soma_on(10, 6, 64), soma_on(20, 15, 256)
    assert "240 to 300 parameters" in str(error.value)
    assert f"reaches {smallest} to {largest}" in str(error.value)


@pytest.mark.parametrize("budget", [500, 2000, 8000])
@pytest.mark.parametrize("architecture", EVERY)
def test_every_architecture_has_something_at_every_budget(architecture: str, budget: int) -> None:
    given = {
        "architecture": architecture,
        "n_neurons": (4, 20),
        "n_dendrites": (2, 120),
        "n_dendrite_inputs": 0,
    }
    assert space(given, limit=budget, dataset="digits").total > 0


def test_any_model_with_its_symbols() -> None:
    given = {"architecture": "mlp", "MLP_WIDTH": (1, 200), "MLP_LAYERS": [1, 2]}
    feasible = space(given, limit=1000, dataset="digits")
    width = [p.params["MLP_WIDTH"] for p in feasible.every() if p.params["MLP_LAYERS"] == 1]
    assert width == [w for w in range(1, 201) if 800 <= 75 * w + 10 <= 1000]


def test_numbers_may_be_given_as_text() -> None:
    (feasible,) = space(
        {"n_neurons": ["10"], "n_dendrites": "6", "n_dendrite_inputs": [128]}
    ).every()
    assert (feasible.params["n_neurons"], feasible.count) == (10, 7920)


def test_each_optimizer_gets_the_weight_decay() -> None:
    given = {"OPTIMIZER": ["adamw", "sgd"], "weight_decay": [0.0, 0.1], "n_dendrite_inputs": 120}
    rows = [dict(p.row) for p in space(given).every()]
    decays = [
        (row["OPTIMIZER"], row.get("ADAMW_WEIGHT_DECAY"), row.get("SGD_WEIGHT_DECAY"))
        for row in rows
    ]
    assert decays == [
        ("adamw", "0", None),
        ("adamw", "0.1", None),
        ("sgd", None, "0"),
        ("sgd", None, "0.1"),
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"n_neuron": [1]},
            "parameter n_neuron: no such parameter or symbol; did you mean n_neurons?",
        ),
        ({"architecture": ["dendritic_simpel"]}, "did you mean dendritic_simple?"),
        ({"strategy": "random", "dendrite_strategy": "local"}, "is strategy too; keep one"),
        ({"n_neurons": [0]}, "parameter n_neurons=0: must be in [1, 65536]"),
        ({"n_neurons": ["many"]}, "parameter n_neurons='many': must be a decimal integer"),
        ({"percentage_resample": [0.2]}, "CONFIG_RESAMPLING_SHARE is off in the whole space"),
        ({"synaptic_resampling": True, "percentage_resample": (0.1, 1.5)}, "must be in (0, 1]"),
        ({"soma_enabled": (0.1, 0.5)}, "is no number; give a list"),
        ({"n_neurons": (1, 60000), "n_dendrites": (1, 60000)}, "combinations of sizes"),
    ],
)
def test_a_mistake_is_one_line(given, said: str) -> None:
    with pytest.raises(UserError) as error:
        space(given).require_feasible()
    assert said in str(error.value)
    assert "\n" not in str(error.value)
