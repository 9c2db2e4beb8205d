from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import toy
from hypothesis import given, settings
from toy_spaces import subspaces

from espalier.core.errors import UserError
from espalier.kconfig import assign, range_file, requests, tree
from espalier.kconfig.range_file import Place
from espalier.kconfig.requests import Request
from espalier.kconfig.symbols import Symbols
from espalier.plan import dependency_order, expand
from espalier.plan.expand import TooManyError


def column(symbols: Symbols, text: str, *names: str) -> list[str]:
    configs = toy.expanded(symbols, text).configs.values()
    return [" ".join(config.get(name, "-") for name in names) for config in configs]


def test_no_axis_is_one_trial(symbols: Symbols) -> None:
    expansion = toy.expanded(symbols, "CONFIG_COUNT=5")
    assert [config["COUNT"] for config in expansion.configs.values()] == ["5"]
    assert expansion.counts() == {
        "trials": 1,
        "combinations": 1,
        "invalid": 0,
        "inactive": 0,
        "same": 0,
    }


def test_order_is_that_of_the_file_last_axis_fastest(symbols: Symbols) -> None:
    text = "CONFIG_LABEL=b|a\nCONFIG_COUNT=3|1\nCONFIG_RATE=0.5"
    assert column(symbols, text, "LABEL", "COUNT") == ["b 3", "b 1", "a 3", "a 1"]
    # EDGE depends on SHAPE but is written first: walked later, ordered first
    text = "CONFIG_EDGE=1|2\nCONFIG_SHAPE=square|star\nCONFIG_RATE=0.5"
    columns = column(symbols, text, "EDGE", "SHAPE")
    assert columns == ["1 square", "1 star", "2 square", "2 star"]


def test_an_axis_that_is_off_collapses(symbols: Symbols) -> None:
    expansion = toy.expanded(symbols, "CONFIG_SHAPE=round|square\nCONFIG_EDGE=1|2|3")
    assert [c.get("EDGE") for c in expansion.configs.values()] == [None, "1", "2", "3"]
    assert (expansion.combinations, expansion.inactive, expansion.invalid) == (6, 2, 0)


def test_two_branches_that_exclude_each_other_both_keep_their_axes(symbols: Symbols) -> None:
    text = "CONFIG_PAINT=y|n\nCONFIG_COLOR=red|blue\nCONFIG_SHAPE=round|square\nCONFIG_EDGE=1|2"
    # painted: 2 colors x (round + 2 squares); unpainted: round + 2 squares
    assert len(toy.expanded(symbols, text).configs) == 9


def test_refused_values_are_dropped_with_their_reason(symbols: Symbols) -> None:
    expansion = toy.expanded(symbols, "CONFIG_MOST=5|20\nCONFIG_COUNT=4|15\nCONFIG_RATE=0.1|0.2")
    assert len(expansion.configs) == 6
    assert (expansion.combinations, expansion.invalid) == (8, 2)
    assert expansion.reasons == {"CONFIG_COUNT=15 must be in [1, 5]": 2}


def test_a_member_that_is_not_available_is_refused(symbols: Symbols) -> None:
    expansion = toy.expanded(symbols, "CONFIG_SHAPE=round|star\nCONFIG_PAINT=y|n")
    assert len(expansion.configs) == 3
    assert expansion.reasons == {"CONFIG_SHAPE=star needs CONFIG_PAINT": 1}


def test_what_a_later_select_overrules_is_dropped(symbols: Symbols) -> None:
    expansion = toy.expanded(symbols, "CONFIG_FORCED=n|y\nCONFIG_FORCER=n|y")
    assert len(expansion.configs) == 3
    assert expansion.invalid == 1


def test_members_as_switches(symbols: Symbols) -> None:
    expansion = toy.expanded(
        symbols, "CONFIG_SHAPE_SELECT_SQUARE=y|n\nCONFIG_SHAPE_SELECT_ROUND=n|y"
    )
    assert [c["SHAPE"] for c in expansion.configs.values()] == ["square", "round"]
    assert expansion.invalid == 1  # both off would be the default, round
    expansion = toy.expanded(symbols, "CONFIG_SHAPE_SELECT_SQUARE=y|n")
    assert [c["SHAPE"] for c in expansion.configs.values()] == ["square", "round"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CONFIG_COUNT=11", "f:1: CONFIG_COUNT=11: must be in [1, 10]"),
        ("CONFIG_COUNT=1|11", "f:1: CONFIG_COUNT=11: must be in [1, 10]"),
        ("CONFIG_EDGE=5", "f:1: CONFIG_EDGE=5: never in effect: needs CONFIG_HAS_EDGE (which"),
        ("CONFIG_PAINT=n\nCONFIG_COLOR=red", "f:2: CONFIG_COLOR=red: never in effect: needs CONF"),
        ("CONFIG_PAINT=n\nCONFIG_SHAPE=star", "f:2: CONFIG_SHAPE=star: needs CONFIG_PAINT"),
        ("CONFIG_FORCER=y\nCONFIG_FORCED=n", "f:2: CONFIG_FORCED=n: stays 'y': another symbol"),
        ("CONFIG_PAINT=y|n\nCONFIG_SHAPE=star", "f:1: CONFIG_PAINT=n: never in effect, since CONF"),
        ("CONFIG_HAS_EDGE=y", "f:1: CONFIG_HAS_EDGE=y: never in effect: it has no prompt"),
        (
            "CONFIG_COLOR_RED=y|n\nCONFIG_COLOR_BLUE=n",
            "f:1: CONFIG_COLOR without blue, red: is the",
        ),
        ("# CONFIG_COLOR_RED is not set", "f:1: CONFIG_COLOR without red: is the default of its"),
        ("CONFIG_COUNT=1:1:10\nCONFIG_MASK=1:1:6", "f: more than 50 trials (60 combinations: CON"),
    ],
)
def test_errors(symbols: Symbols, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        toy.expanded(symbols, text)
    assert message in str(caught.value)


def test_what_is_off_and_asked_to_be_off_is_fine(symbols: Symbols) -> None:
    text = "CONFIG_PAINT=n\n# CONFIG_COLOR_RED is not set\n# CONFIG_HAS_EDGE is not set"
    assert len(toy.expanded(symbols, text).configs) == 1


def test_a_complete_config_may_hold_what_a_matrix_leaves_without_effect(symbols: Symbols) -> None:
    assert len(toy.expanded(symbols, "CONFIG_EDGE=5", strict=False).configs) == 1
    with pytest.raises(UserError, match="must be in"):
        toy.expanded(symbols, "CONFIG_COUNT=11", strict=False)


def test_the_size_limit_is_raised_on_purpose(symbols: Symbols) -> None:
    text = "CONFIG_COUNT=1:1:10\nCONFIG_MASK=1:1:6"
    assert len(toy.expanded(symbols, text + "\nCONFIG_SWEEP_MAX_TRIALS=60").configs) == 60
    assert len(expand.expand(symbols, toy.parse_requests(symbols, text), 60, True).configs) == 60
    with pytest.raises(UserError, match="more than 59 trials"):
        expand.expand(symbols, toy.parse_requests(symbols, text), 59, True)


def test_an_explosion_is_stopped_early(symbols: Symbols) -> None:
    text = "CONFIG_MASK=0:1:999\nCONFIG_LABEL=0:1:999\nCONFIG_RATE=0.001:0.001:1"
    with pytest.raises(UserError, match="1000000000 combinations"):
        toy.expanded(symbols, text)


def test_an_explosion_of_refused_combinations_is_stopped_too(symbols: Symbols) -> None:
    text = "CONFIG_LABEL=0:1:9999\nCONFIG_FORCED=n\nCONFIG_FORCER=y|n"
    with pytest.raises(UserError, match="more than 50 trials"):
        toy.expanded(symbols, text)


def test_settings_are_apart_from_the_identity(symbols: Symbols) -> None:
    expansion = toy.expanded(symbols, "CONFIG_PLACE=there\nCONFIG_COUNT=1|2\nCONFIG_VOICE=low")
    assert expansion.settings == {"PLACE": "there", "VOICE": "low", "SWEEP_MAX_TRIALS": "50"}
    assert all("PLACE" not in config for config in expansion.configs.values())
    assert expansion.configs.keys() == toy.expanded(symbols, "CONFIG_COUNT=1|2").configs.keys()


def test_ids_depend_on_content_only(symbols: Symbols) -> None:
    first = toy.expanded(symbols, "CONFIG_RATE=0.1|0.2\nCONFIG_COUNT=1|2").configs
    second = toy.expanded(symbols, 'CONFIG_COUNT=02|1|3\nCONFIG_RATE="2e-1"|0.10').configs
    assert set(first) < set(second)
    assert all(second[key] == config for key, config in first.items())
    key, config = next(iter(first.items()))
    assert key == expand.identity(dict(reversed(config.items())))
    assert key != expand.identity(config | {"COUNT": "9"})


def test_dependencies_come_first(symbols: Symbols) -> None:
    requested = toy.parse_requests(
        symbols, "CONFIG_EDGE=1|2\nCONFIG_SHAPE=star|square\nCONFIG_PAINT=y|n"
    )
    names = [request.name for request in dependency_order.by_dependency(symbols, requested)]
    assert names == ["PAINT", "SHAPE", "EDGE"]
    requested = toy.parse_requests(
        symbols, "CONFIG_COUNT=1|2\nCONFIG_FORCED=y|n\nCONFIG_MOST=5\nCONFIG_FORCER=y"
    )
    names = [request.name for request in dependency_order.by_dependency(symbols, requested)]
    assert names == ["MOST", "FORCER", "COUNT", "FORCED"]


@settings(max_examples=60, deadline=None)
@given(subspaces())
def test_the_walk_finds_what_brute_force_finds(
    symbols: Symbols, space: dict[str, tuple[str, ...]]
) -> None:
    place = Place("f", 1)
    requested = {n: Request(n, values, place, required=False) for n, values in space.items()}
    expansion = expand.expand(symbols, requested, 10_000, True)
    expected, refused = brute_force(symbols, space)
    assert set(expansion.configs) == expected
    total = len(expansion.configs) + expansion.invalid + expansion.inactive + expansion.same
    assert (expansion.combinations, expansion.invalid) == (total, refused)


def brute_force(symbols: Symbols, space: dict[str, tuple[str, ...]]) -> tuple[set[str], int]:
    """Every combination set at once on a clean tree, kept if all that is active holds."""
    ids, refused = set(), 0
    for values in itertools.product(*space.values()):
        symbols.kconf.unset_values()
        chosen = dict(zip(space, values, strict=True))
        assign.load(symbols, chosen)
        config = assign.effective_config(symbols, symbols.identity)
        if all(config.get(name, value) == value for name, value in chosen.items()):
            ids.add(expand.identity(config))
        else:
            refused += 1
    return ids, refused


def test_requests_that_are_not_required_may_come_to_nothing(symbols: Symbols) -> None:
    requested = toy.parse_requests(symbols, "CONFIG_PAINT=n\nCONFIG_SHAPE=round|star")
    requested["SHAPE"] = replace(requested["SHAPE"], required=False)
    assert len(expand.expand(symbols, requested, None, True).configs) == 1


def test_an_absurd_product_is_refused_at_the_first_configuration() -> None:
    symbols = Symbols(tree.parse())
    axes = ("LEARNING_RATE=0.0001:0.0001:0.0256", "SEED=1:1:256", "NUM_EPOCHS=20:1:275")
    text = "\n".join(f"CONFIG_{axis}" for axis in axes)
    requested = requests.from_settings(symbols, range_file.parse(text, "r"))
    with pytest.raises(
        TooManyError, match=r"more than 9 trials \(16777216 comb.*; narrow an axis$"
    ):
        expand.expand(symbols, requested, 9, strict=True)
    few = requests.from_settings(symbols, range_file.parse("CONFIG_SEED=1:1:10", "r"))
    with pytest.raises(TooManyError, match="narrow an axis, or allow it with MAX_TRIALS=10 or"):
        expand.expand(symbols, few, 9, strict=True)
