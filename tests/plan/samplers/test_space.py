"""The space of a range file: what is asked for, and that what comes out is a trial."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import toy
from hypothesis import given, settings
from toy_spaces import subspaces

from espalier.core.errors import UserError
from espalier.kconfig.number_range import NumberInterval
from espalier.kconfig.range_file import Place
from espalier.kconfig.requests import Request
from espalier.kconfig.symbols import Symbols
from espalier.plan import expand
from espalier.plan.samplers.axes import Axis, Choose, Options, at_share
from espalier.plan.samplers.space import Completion, Space, repeated

UNDER_A_BUDGET = (
    "CONFIG_MODEL=mlp\nCONFIG_MLP_WIDTH=8:8:128\nCONFIG_MLP_LAYERS=1|2|3\n"
    "CONFIG_LEARNING_RATE=0.1|0.01|0.001\nCONFIG_MAX_PARAMS=4000\nCONFIG_PRUNING_METHOD=none\n"
)


def space_of(symbols: Symbols, text: str) -> Space:
    return Space(symbols, toy.parse_requests(symbols, text))


def by_chance(seed: int) -> Choose:
    shares = random.Random(seed)
    return lambda _, options: at_share(options, shares.random())


def completions(space: Space) -> Iterator[Completion]:
    """Complete every way through listed axes, in their order."""
    path: list[int] = []
    while True:
        widths: list[int] = []

        def choose(_: Axis, options: Options, widths: list[int] = widths) -> str:
            assert isinstance(options, tuple)
            widths.append(len(options))
            path.extend([0] * (len(widths) - len(path)))
            return options[path[len(widths) - 1]]

        yield space.complete(choose)
        del path[len(widths) :]
        while path and path[-1] + 1 == widths[len(path) - 1]:
            path.pop()
        if not path:
            return
        path[-1] += 1


@settings(max_examples=60, deadline=None)
@given(subspaces())
def test_all_ways_are_trials_and_all_trials_are_reached(
    symbols: Symbols, space: dict[str, tuple[str, ...]]
) -> None:
    place = Place("f", 1)
    requested = {n: Request(n, values, place, required=False) for n, values in space.items()}
    trials = expand.expand(symbols, requested, 10_000, True).configs
    ways = list(completions(Space(symbols, requested)))
    assert {expand.identity(way.config) for way in ways if not way.why} == set(trials)
    assert not trials or not any(way.why for way in ways)


def test_axes_come_after_what_they_depend_on_with_their_kinds(symbols: Symbols) -> None:
    text = (
        "CONFIG_EDGE=1~9\nCONFIG_SHAPE=round|square\nCONFIG_RATE=1e-3~*1\nCONFIG_PAINT=y|n\n"
        "CONFIG_MOST=9|10|2\nCONFIG_COUNT=1\nCONFIG_LABEL=b|a\n"
    )
    axes = space_of(symbols, text).axes
    assert [(axis.name, str(axis.kind), axis.log) for axis in axes] == [
        ("MOST", "ordered", False),  # which the fixed COUNT needs
        ("PAINT", "categorical", False),
        ("SHAPE", "categorical", False),
        ("EDGE", "integer", False),
        ("RATE", "float", True),
        ("LABEL", "categorical", False),
    ]
    options = {axis.name: axis.options for axis in axes}
    assert options["MOST"] == ("2", "9", "10")
    assert options["LABEL"] == ("b", "a")


def test_only_what_is_valid_where_it_is_active_is_offered(symbols: Symbols) -> None:
    space = space_of(symbols, "CONFIG_PAINT=y|n\nCONFIG_SHAPE=round|star\nCONFIG_EDGE=1~9\n")
    offered: list[tuple[str, str]] = []

    def last(axis: Axis, options: Options) -> str:
        offered.append((axis.name, str(options)))
        return at_share(options, 0.999)

    unpainted = space.complete(last)
    assert offered == [("PAINT", "('y', 'n')"), ("SHAPE", "('round',)")]
    assert (unpainted.config["SHAPE"], unpainted.chosen) == (
        "round",
        {"PAINT": "n", "SHAPE": "round"},
    )
    painted = space.complete(lambda _, options: at_share(options, 0.0))
    assert painted.config["PAINT"] == "y" and "EDGE" not in painted.config


def test_an_interval_is_cut_to_the_range_of_its_symbol(symbols: Symbols) -> None:
    spans: set[str] = set()

    def choose(_: Axis, options: Options) -> str:
        if isinstance(options, NumberInterval):
            spans.add(str(options))
        return at_share(options, 0.999)

    space = space_of(symbols, "CONFIG_MOST=5|20\nCONFIG_COUNT=2~15")
    assert space.complete(choose).config["COUNT"] == "15"
    assert spans == {"2~15"}
    space.complete(lambda axis, options: "5" if axis.name == "MOST" else choose(axis, options))
    assert spans == {"2~15", "2~5"}


def test_a_value_after_which_nothing_is_left_is_not_offered(symbols: Symbols) -> None:
    space = space_of(symbols, "CONFIG_MOST=2|10|20\nCONFIG_COUNT=7|9\nCONFIG_LABEL=a|b")
    drawn = [space.complete(by_chance(seed)) for seed in range(20)]
    assert {each.chosen["MOST"] for each in drawn} == {"10", "20"}
    assert not any(each.why for each in drawn)


def test_a_budget_is_kept_without_a_draw_in_vain(real: Symbols) -> None:
    space = space_of(real, UNDER_A_BUDGET)
    drawn = [space.complete(by_chance(seed)) for seed in range(60)]
    assert not any(each.why for each in drawn)
    sizes = {(each.chosen["MLP_LAYERS"], int(each.chosen["MLP_WIDTH"])) for each in drawn}
    assert max(width for layers, width in sizes if layers == "1") <= 53  # 75 w + 10 <= 4000
    never = space.check_effects(strict=True)
    assert {value for name, value in never if name == "MLP_WIDTH"} >= {"56", "64", "128"}
    assert set(never.values()) == {"CONFIG_MAX_PARAMS=4000: the model has more parameters"}


def test_what_a_budget_refuses_of_an_interval_is_found_when_it_is_drawn(real: Symbols) -> None:
    space = space_of(real, UNDER_A_BUDGET.replace("8:8:128", "8~128"))
    drawn = [space.complete(by_chance(seed)) for seed in range(60)]
    refused = [each for each in drawn if each.why]
    assert 0 < len(refused) < 60
    assert {each.why for each in refused} == {
        "CONFIG_MAX_PARAMS=4000: the model has more parameters"
    }
    assert not any(each.config for each in refused)


def test_a_value_whose_run_makes_no_sense_is_not_offered(real: Symbols) -> None:
    text = "CONFIG_OPTIMIZER=adam\nCONFIG_PRUNING_METHOD=none|magnitude\nCONFIG_NUM_EPOCHS=1\n"
    space = space_of(real, text + "CONFIG_LEARNING_RATE=1e-4~*1e-1\n")
    drawn = [space.complete(by_chance(seed)) for seed in range(20)]
    assert {each.config["PRUNING_METHOD"] for each in drawn} == {"none"}
    never = space.check_effects(strict=True)
    assert never["PRUNING_METHOD", "magnitude"].startswith("pruning starts at step 100")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CONFIG_COUNT=101~200", "must be in"),
        ("CONFIG_SHAPE=round\nCONFIG_EDGE=1~9", "never in effect: needs CONFIG_HAS_EDGE"),
        ("CONFIG_EDGE=5\nCONFIG_RATE=0.1~0.2", "f:1: CONFIG_EDGE=5: never in effect: needs"),
        (
            "CONFIG_PAINT=n\nCONFIG_SHAPE=star|round\nCONFIG_RATE=0.1~0.2",
            "f:2: CONFIG_SHAPE=star: needs CONFIG_PAINT",
        ),
        ("CONFIG_FORCED=n|y\nCONFIG_FORCER=y\nCONFIG_RATE=0.1~0.2", "f:1: CONFIG_FORCED=n"),
    ],
)
def test_what_has_no_effect_is_refused(symbols: Symbols, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        space_of(symbols, text).check_effects(strict=True)


def test_a_fixed_value_may_be_without_effect_where_that_is_allowed(symbols: Symbols) -> None:
    space_of(symbols, "CONFIG_EDGE=5\nCONFIG_RATE=0.1~0.2").check_effects(strict=False)


def test_seeds_are_repeated_and_not_drawn(real: Symbols) -> None:
    space = space_of(real, "CONFIG_SEED=3|4\nCONFIG_LEARNING_RATE=0.1~0.2")
    assert [axis.name for axis in space.axes] == ["LEARNING_RATE"]
    config = space.complete(by_chance(0)).config
    assert [c["SEED"] for c in repeated(config, space.requests)] == ["3", "4"]
    assert space.settings["SAMPLER"] == "grid"
    with pytest.raises(UserError, match="r:1: CONFIG_SEED=1~9: is not drawn; list its values"):
        Space(real, toy.parse_requests(real, "CONFIG_SEED=1~9", "r"))


def test_the_same_choices_give_the_same_configuration(symbols: Symbols, tmp_path: Path) -> None:
    text = "CONFIG_SHAPE=round|square|star\nCONFIG_EDGE=1~9\nCONFIG_PAINT=y|n\n"
    other = toy.symbols(tmp_path)
    for seed in range(20):
        first, again = (space_of(each, text).complete(by_chance(seed)) for each in (symbols, other))
        assert first == again


def test_the_most_configurations(symbols: Symbols) -> None:
    assert space_of(symbols, "CONFIG_SHAPE=round|square\nCONFIG_MOST=5|6|7").largest == 6
    assert space_of(symbols, "CONFIG_MOST=5~6").largest > 10**9
