from __future__ import annotations

from collections import Counter

import pytest
import toy

from espalier.core.errors import UserError
from espalier.kconfig.symbols import Symbols
from espalier.plan import expand, test_matrix
from espalier.plan.expand import Expansion


def expanded(real: Symbols, text: str) -> Expansion:
    axes = test_matrix.to_axes(real, toy.parse_requests(real, text))
    return expand.expand(real, axes, None, True)


FULL = "CONFIG_OPTIMIZER_MODE_MULTIPLE=y\nCONFIG_PRUNING_MODE_MULTIPLE=y\n"
METHODS = ("none", "magnitude", "movement", "state")
OPTIMIZERS = ("sgd", "adam", "adamw", "adamwadv", "adamwspam", "adamwprune")


def pruning(real: Symbols) -> str:
    """Lines that leave METHODS in a matrix, so that a new method changes no count here."""
    return off(real, "PRUNING_METHOD", "PRUNING_ENABLE", METHODS)


def few(real: Symbols) -> str:
    """Lines that leave OPTIMIZERS in a matrix, and METHODS."""
    return pruning(real) + off(real, "OPTIMIZER", "OPTIMIZER_ENABLE", OPTIMIZERS)


def off(real: Symbols, choice: str, switch: str, kept: tuple[str, ...]) -> str:
    others = [name for name in real.members(choice) if name not in kept]
    return "".join(f"# CONFIG_{switch}_{name.upper()} is not set\n" for name in others)


def test_a_full_matrix_has_every_method_that_some_trial_can_have(real: Symbols) -> None:
    methods = {config["PRUNING_METHOD"] for config in expanded(real, FULL).configs.values()}
    assert set(METHODS) <= methods <= set(real.members("PRUNING_METHOD"))


def test_the_full_matrix_of_pruning_has_39_trials(real: Symbols) -> None:
    expansion = expanded(real, FULL + few(real))
    pairs = Counter((c["OPTIMIZER"], c["PRUNING_METHOD"]) for c in expansion.configs.values())
    plain = ("sgd", "adam", "adamw", "adamwadv", "adamwspam")
    expected = {(o, "none"): 1 for o in (*plain, "adamwprune")}
    expected |= {(o, m): 3 for o in plain for m in ("magnitude", "movement")}
    assert pairs == expected | {("adamwprune", "state"): 3}
    assert len(expansion.configs) == 39
    assert (expansion.combinations, expansion.invalid, expansion.inactive) == (72, 21, 12)
    modes = (expansion.settings["OPTIMIZER_MODE"], expansion.settings["PRUNING_MODE"])
    assert modes == ("single", "single")
    assert all("PRUNING_MODE" not in config for config in expansion.configs.values())


def test_the_matrix_equals_the_sweep_that_says_the_same(real: Symbols) -> None:
    sweep = """CONFIG_OPTIMIZER=adam|adamw|adamwadv|adamwprune|adamwspam|sgd
CONFIG_PRUNING_METHOD=magnitude|movement|none|state
CONFIG_TARGET_SPARSITY=0.5|0.7|0.9
"""
    assert list(expanded(real, FULL + few(real)).configs) == list(expanded(real, sweep).configs)


def test_parts_are_switched_off_and_on(real: Symbols) -> None:
    text = (
        FULL
        + few(real)
        + "\n".join(
            f"# CONFIG_{name} is not set"
            for name in ("OPTIMIZER_ENABLE_ADAM", "PRUNING_ENABLE_MOVEMENT", "SPARSITY_ENABLE_50")
        )
    )
    expansion = expanded(real, text + "\nCONFIG_SPARSITY_ENABLE_99=y\nCONFIG_SEED=1|2\n")
    # 4 plain optimizers x (none + magnitude x {70, 90, 99}) + adamwprune x (none + state x 3)
    assert len(expansion.configs) == 2 * (4 * 4 + 4)
    levels = {c.get("TARGET_SPARSITY") for c in expansion.configs.values()}
    assert levels == {None, "0.7", "0.9", "0.99"}


def test_a_target_of_its_own_replaces_the_levels(real: Symbols) -> None:
    text = "CONFIG_PRUNING_MODE_MULTIPLE=y\nCONFIG_TARGET_SPARSITY=0.8\n"
    expansion = expanded(real, text + pruning(real))
    assert [c.get("TARGET_SPARSITY") for c in expansion.configs.values()] == [None, "0.8"]


def test_one_optimizer_with_every_method_it_supports(real: Symbols) -> None:
    text = "CONFIG_OPTIMIZER=sgd\nCONFIG_PRUNING_MODE=multiple\nCONFIG_PRUNING_WARMUP=10\n"
    assert len(expanded(real, text + pruning(real)).configs) == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "CONFIG_OPTIMIZER_MODE=single|multiple",
            "is not part of a trial's identity and cannot be",
        ),
        (FULL + "CONFIG_OPTIMIZER=sgd", "f:3: CONFIG_OPTIMIZER=sgd: conflicts with CONFIG_OPTIMI"),
        (
            FULL + "CONFIG_OPTIMIZER_ENABLE_SGD=y|n",
            "f:3: CONFIG_OPTIMIZER_ENABLE_SGD=y|n: is not part",
        ),
        (
            FULL + "CONFIG_TARGET_SPARSITY=0.8\nCONFIG_SPARSITY_ENABLE_95=y",
            "conflicts with CONFIG_T",
        ),
        ("CONFIG_OPTIMIZER_ENABLE_SGD=y", "never in effect: needs CONFIG_OPTIMIZER_MODE_MULTIPLE"),
    ],
)
def test_errors(real: Symbols, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        expanded(real, text)
    assert message in str(caught.value)


ONLY = "# CONFIG_SPARSITY_ENABLE_50 is not set\n# CONFIG_SPARSITY_ENABLE_90 is not set\n"
MODE = "CONFIG_PRUNING_MODE_MULTIPLE=y\n"


@pytest.mark.parametrize(
    "text",
    [
        MODE + ONLY + 'CONFIG_SPARSITY_ENABLE_70=y\nCONFIG_TARGET_SPARSITY="0.7"\n',
        MODE + "CONFIG_SPARSITY_ENABLE_70=y\nCONFIG_TARGET_SPARSITY=0.70\n",
        MODE + ONLY,
    ],
)
def test_the_same_sparsity_said_twice_is_no_conflict(real: Symbols, text: str) -> None:
    expansion = expanded(real, text + pruning(real))
    assert [c.get("TARGET_SPARSITY") for c in expansion.configs.values()] == [None, "0.7"]


def test_a_matrix_of_one_agrees_with_its_name(real: Symbols) -> None:
    off = "".join(
        f"# CONFIG_OPTIMIZER_ENABLE_{name.upper()} is not set\n"
        for name in real.members("OPTIMIZER")
        if name != "sgd"
    )
    text = "CONFIG_OPTIMIZER=sgd\nCONFIG_OPTIMIZER_MODE_MULTIPLE=y\n" + off
    assert [c["OPTIMIZER"] for c in expanded(real, text).configs.values()] == ["sgd"]


def test_switching_on_what_is_on_is_noted(real: Symbols) -> None:
    text = FULL + "CONFIG_OPTIMIZER_ENABLE_SGD=y\nCONFIG_OPTIMIZER_ENABLE_ADAM=y\n"
    text += "CONFIG_SPARSITY_ENABLE_70=y\nCONFIG_SPARSITY_ENABLE_99=y\n"
    assert test_matrix.notes(real, toy.parse_requests(real, text)) == [
        "f:3: CONFIG_OPTIMIZER_ENABLE_SGD=y and 1 more are the default; "
        f"{len(real.members('OPTIMIZER')) - 2} other optimizers are on "
        "too; `# CONFIG_OPTIMIZER_ENABLE_<NAME> is not set` switches one off",
        "f:5: CONFIG_SPARSITY_ENABLE_70=y is the default; 2 other sparsities are on too; "
        "`# CONFIG_SPARSITY_ENABLE_<NAME> is not set` switches one off",
    ]


@pytest.mark.parametrize(
    "text",
    [
        FULL,
        FULL + "# CONFIG_OPTIMIZER_ENABLE_SGD is not set\n",
        FULL + "CONFIG_SPARSITY_ENABLE_99=y\n",
        FULL + "CONFIG_SPARSITY_ENABLE_70=y\n" + ONLY,
        "CONFIG_OPTIMIZER=sgd\n",
    ],
)
def test_what_restricts_a_matrix_is_not_noted(real: Symbols, text: str) -> None:
    assert test_matrix.notes(real, toy.parse_requests(real, text)) == []


def test_an_empty_matrix(real: Symbols) -> None:
    off = "".join(f"CONFIG_MODEL_ENABLE_{m.upper()}=n\n" for m in real.members("MODEL"))
    with pytest.raises(
        UserError, match="f:1: the test matrix is empty; enable one of CONFIG_MODEL_ENAB"
    ):
        expanded(real, "CONFIG_MODEL_MODE_MULTIPLE=y\n" + off)
