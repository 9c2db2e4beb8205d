"""Draws: each configuration once, with every seed, and what was left out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import toy

from espalier.core.errors import UserError
from espalier.kconfig.symbols import Symbols
from espalier.plan.samplers import draws
from espalier.plan.samplers.axes import Choose, at_share
from espalier.plan.samplers.design_text import design_lines
from espalier.plan.samplers.space import Space


def space_of(symbols: Symbols, text: str) -> Space:
    return Space(symbols, toy.parse_requests(symbols, text))


def at(*shares: float) -> Iterator[Choose]:
    """Propose each share of every axis in turn, again and again."""
    for share in itertools.cycle(shares):
        yield lambda _, options, share=share: at_share(options, share)


def test_a_configuration_is_drawn_once_and_repetitions_are_counted(symbols: Symbols) -> None:
    space = space_of(symbols, "CONFIG_RATE=0.1~0.9\nCONFIG_LABEL=a|b")
    drawn = draws.draw(space, at(0.0, 0.0, 0.5), 2, None)
    values = [(c["RATE"], c["LABEL"]) for c in drawn.configs.values()]
    assert values == [("0.1", "a"), ("0.5", "b")]
    assert (drawn.proposals, drawn.same, drawn.reasons) == (3, 1, {})


def test_a_draw_ends_where_nothing_new_comes(
    symbols: Symbols, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws, "NOTHING_NEW", 7)
    drawn = draws.draw(space_of(symbols, "CONFIG_RATE=0.1~0.9"), at(0.25), 5, None)
    assert (len(drawn.configs), drawn.proposals, drawn.same) == (1, 8, 7)


def test_a_draw_ends_where_there_are_no_more_values(symbols: Symbols) -> None:
    drawn = draws.draw(space_of(symbols, "CONFIG_LABEL=a|b"), at(0.0, 0.9, 0.3), 50, None)
    assert (len(drawn.configs), drawn.proposals) == (2, 2)


def test_what_was_drawn_is_in_the_design(symbols: Symbols) -> None:
    space = space_of(symbols, "CONFIG_COUNT=2~9\nCONFIG_LABEL=a|b")
    drawn = draws.draw(space, at(0.0, 0.9), 2, None)
    expansion = draws.expansion(space, drawn, None, True, {"sampler": "x", "seed": 3})
    assert expansion.design == {
        "sampler": "x",
        "seed": 3,
        "drawn": 2,
        "draws": 2,
        "intervals": {"COUNT": "2~9"},
    }
    assert expansion.counts() == {
        "trials": 2,
        "combinations": 2,
        "invalid": 0,
        "inactive": 0,
        "same": 0,
    }
    assert design_lines(expansion.design) == [
        "",
        "x: 2 configurations in 2 draws, seed 3",
        "  CONFIG_COUNT: in 2~9",
    ]


def test_what_is_never_drawn_is_said_by_symbol_and_reason() -> None:
    never = [{"symbol": "SIZE", "values": ["1", "2"], "reason": "too small"}]
    design = {"sampler": "x", "seed": 0, "drawn": 1, "draws": 1000, "never": never}
    assert design_lines({**design, "advice": "more"}) == [
        "",
        "x: 1 configuration in 1,000 draws, seed 0",
        "  CONFIG_SIZE never takes 1, 2: too small",
        "  more",
    ]


def test_too_many_trials_are_refused(symbols: Symbols) -> None:
    space = space_of(symbols, "CONFIG_RATE=0.1~0.9")
    drawn = draws.draw(space, at(0.0, 0.5, 0.9), 3, None)
    with pytest.raises(UserError, match="SAMPLER_TRIALS: with every seed these are 3 trials, more"):
        draws.expansion(space, drawn, 2, True, {})


def test_more_than_can_be_planned_are_not_drawn_first(symbols: Symbols) -> None:
    space = space_of(symbols, "CONFIG_COUNT=2~90")
    tens = at(*(n / 100 for n in range(100)))
    with pytest.raises(UserError, match="these are 1000000 trials, more than 5; draw fewer"):
        draws.draw(space, tens, 1_000_000, 5)


def test_nothing_to_draw_is_refused_with_the_reason(symbols: Symbols) -> None:
    requested = toy.parse_requests(symbols, "CONFIG_RATE=0.1~0.9")
    space = Space(symbols, requested)
    drawn = draws.Drawn()
    for why in ("rare", "usual", "usual"):
        assert not drawn.add({}, why)
    with pytest.raises(UserError, match="f: none of 3 draws is a trial: usual"):
        draws.expansion(space, drawn, None, True, {})
