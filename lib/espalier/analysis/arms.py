"""The two sides of a comparison: which configurations are meant, and which stand side by side.

An arm is the configurations that have some values (`PRUNING_METHOD=state`), or the one with a
trial of some name (`config_012`). Two configurations of two arms are a pair if they agree in every
symbol that both have, but for those that tell the arms apart and the seeds. A draw (SEED and
SPLIT_SEED) counts once: with the mean of its differences over all pairs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from espalier.analysis.rank import Configuration, TrialResult, scores
from espalier.core.errors import UserError
from espalier.core.measures import Measure
from espalier.core.texts.shortening import join_first
from espalier.core.trial import REPETITION
from espalier.kconfig.advice import spelling
from espalier.kconfig.number_range import is_number
from espalier.kconfig.values import canonical

Draw = tuple[str, ...]
Pair = tuple[Configuration, Configuration]

FORM = "must be SYMBOL=value, several joined by a comma, or a configuration such as config_012"
SHOWN = 12  # of the values that trials have

_NAMED = re.compile(r"config_\w+")
_SETTING = re.compile(r"(?:CONFIG_)?(\w+)=(.*)", re.DOTALL)
_BETWEEN = re.compile(r"[,\s]+(?=\w+=)")  # a value may hold commas: 64,32


@dataclass(frozen=True)
class Arm:
    """The configurations with all of these `values`, by symbol; if `name` is set, with that trial.

    Without either it is every configuration.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    def __str__(self) -> str:
        """Return it as it is written: `PRUNING_METHOD=state, TARGET_SPARSITY=0.9`."""
        return self.name or ", ".join(f"{symbol}={text}" for symbol, text in self.values.items())

    def holds(self, item: Configuration) -> bool:
        """Return whether a configuration belongs to it."""
        if self.name:
            return any(result.trial.name == self.name for result in item.results)
        config = item.first.config
        return all(config.get(symbol) == text for symbol, text in self.values.items())

    def allows(self, item: Configuration) -> bool:
        """Return whether a configuration has none of its symbols with another value."""
        config = item.first.config
        return all(config.get(symbol, text) == text for symbol, text in self.values.items())


def parse_arm(text: str, name: str) -> Arm:
    """Return the arm that `text` names; whether any trial is of it, `resolve` says.

    `name` is the option that messages speak of: A, B, WHERE or BASELINE. A symbol may be written
    with CONFIG_ or without. Raises UserError.
    """
    text = text.strip(", \t\n")
    if _NAMED.fullmatch(text):
        return Arm(name=text)
    values: dict[str, str] = {}
    for part in _BETWEEN.split(text):
        setting = _SETTING.fullmatch(part)
        if setting is None:
            raise UserError(f"{name}={text}: {FORM}")
        symbol, value = setting[1], setting[2].strip("\"' \t")
        if symbol in REPETITION:
            raise UserError(f"{name}={text}: must not hold {symbol}, by which trials are paired")
        if values.get(symbol, value) != value:
            raise UserError(f"{name}={text}: must have one value for {symbol}")
        values[symbol] = value
    return Arm(values)


def resolve(arm: Arm, every: Sequence[Configuration], name: str, together: bool = True) -> Arm:
    """Return the arm with its values as the trials of `every` have them: `.90` becomes `0.9`.

    Raises UserError for a name, a symbol or a value that no trial has, and for values that no
    configuration has `together`: those of a WHERE may be of one side and of the other.
    """
    place = f"{name}={arm}"
    if not arm.name:
        arm = replace(arm, values={s: _value(s, t, every, place) for s, t in arm.values.items()})
    if any(arm.holds(item) for item in every) or not (arm.name or together):
        return arm
    if arm.name:
        names = [result.trial.name for item in every for result in item.results]
        rule = f"must be a trial from {min(names)} to {max(names)}" if names else "no trial is here"
        raise UserError(f"{place}: {rule}")
    raise UserError(f"{place}: no configuration has these values together")


def match(
    every: Sequence[Configuration], first: Arm, second: Arm, where: Arm | None = None
) -> list[Pair]:
    """Return the pairs of configurations, one of each arm, that agree in all else, in plan order.

    A symbol that both arms give tells them apart; one that only one of them gives must agree, like
    all others, unless the arms have none in common. A configuration that is an arm by its name is
    compared with all of the other arm. `where` leaves out pairs with another value; a side without
    the symbol may stand beside one that has it.
    """
    within = where or Arm()
    sides = [
        [item for item in every if arm.holds(item) and within.allows(item)]
        for arm in (first, second)
    ]
    if first.name or second.name:
        met = [(item, sides[1]) for item in in_plan_order(sides[0])]
    else:
        met = agreeing(sides[0], sides[1], distinguishing(first, second))
    pairs = [(item, other) for item, others in met for other in others if other is not item]
    return [pair for pair in pairs if _are_within(pair, within)]


def distinguishing(first: Arm, second: Arm) -> set[str]:
    """Return the symbols that tell two arms apart: those that both give, else those of either."""
    own, others = set(first.values), set(second.values)
    return own & others or own | others


def agreeing(
    items: Iterable[Configuration], others: Iterable[Configuration], free: Collection[str]
) -> list[tuple[Configuration, list[Configuration]]]:
    """Return each of `items` with those of `others` that it agrees with, both in plan order.

    Two agree if every symbol that both have has one value, but the `free` ones and the seeds.
    """
    ordered, candidates = in_plan_order(items), in_plan_order(others)
    shared = _common([*ordered, *candidates]) - {*free, *REPETITION}
    groups: dict[Draw, list[Configuration]] = {}
    for other in candidates:
        groups.setdefault(_key(other, shared), []).append(other)
    return [
        (item, [other for other in groups.get(_key(item, shared), []) if _agree(item, other, free)])
        for item in ordered
    ]


def differences(pairs: Iterable[Pair], by: Measure) -> dict[Draw, float]:
    """Return by draw how much better the first of the pairs are by `by`, the mean over pairs.

    Positive is better, whatever the direction of the measure. Only draws that all pairs have a
    number for are in it; a pair that has no draw in common is none.
    """
    return mean_by_draw([each for pair in pairs if (each := paired(*pair, by))])


def paired(first: Configuration, second: Configuration, by: Measure) -> dict[Draw, float]:
    """Return by draw how much better `first` is by `by`, for the draws both have a number for."""
    own, others = scores(first.results, by.name), scores(second.results, by.name)
    return {draw: by.sign * (value - others[draw]) for draw, value in own.items() if draw in others}


def same_draws(
    first: Configuration, second: Configuration
) -> list[tuple[TrialResult, TrialResult]]:
    """Return the trials of two configurations that have the same draw, in the order of `first`."""
    own, others = ({item.draw: item for item in each.results} for each in (first, second))
    return [(item, others[draw]) for draw, item in own.items() if draw in others]


def mean_by_draw(each: Sequence[Mapping[Draw, float]]) -> dict[Draw, float]:
    """Return the mean by draw, for the draws that all have, so that none is of fewer than others.

    They are in the order of the first.
    """
    common = [draw for draw in each[0] if all(draw in other for other in each)] if each else []
    return {draw: sum(values[draw] for values in each) / len(each) for draw in common}


def _value(symbol: str, text: str, every: Sequence[Configuration], place: str) -> str:
    """Return the value as trials have it. Raises UserError if none has it."""
    values = list(dict.fromkeys(_values_of(symbol, every)))
    if not values:
        raise UserError(f"{place}: no trial has CONFIG_{symbol}; {_meant(symbol, every)}")
    equal = [value for value in values if _are_equal(value, text)]
    if equal:
        return equal[0]
    near = spelling.nearest(text, values)
    hint = f"did you mean {near}? " if near else ""
    rule = f"{hint}the trials have {join_first(values, SHOWN)}"
    raise UserError(f"{place}: no trial has {symbol}={text}; {rule}")


def _values_of(symbol: str, every: Iterable[Configuration]) -> list[str]:
    return [item.first.config[symbol] for item in every if symbol in item.first.config]


def _meant(symbol: str, every: Sequence[Configuration]) -> str:
    """Return what an unknown symbol may be: the nearest one, else what the sweep varies."""
    names = dict.fromkeys(name for item in every for name in item.first.config)
    choice, _, member = symbol.partition("_SELECT_")
    if member and choice in names:
        return f"did you mean {choice}={member.lower()}?"
    if near := spelling.nearest(symbol, [name for name in names if name not in REPETITION]):
        return f"did you mean {near}?"
    swept = dict.fromkeys(name for item in every for name in item.first.swept)
    varied = ", ".join(name for name in swept if name not in REPETITION)
    return f"the trials differ in {varied or 'their seeds alone'}"


def _are_equal(value: str, text: str) -> bool:
    """Return whether two texts are one value: the same text, or the same number."""
    try:
        return value == text or canonical("float", value) == canonical("float", text)
    except ValueError:
        return False


def _are_within(pair: Pair, where: Arm) -> bool:
    """Return whether each symbol of `where` is one of either side, whose value is then its."""
    return all(any(symbol in item.first.config for item in pair) for symbol in where.values)


def in_plan_order(items: Iterable[Configuration]) -> list[Configuration]:
    """Return configurations in the order of the plan."""
    return sorted(items, key=lambda item: item.results[0].trial.number)


def values_by_symbol(items: Iterable[Configuration]) -> dict[str, list[str]]:
    """Return the distinct values of each symbol but the seeds, in order of appearance."""
    values: dict[str, dict[str, None]] = {}
    for item in items:
        for name, text in item.first.config.items():
            if name not in REPETITION:
                values.setdefault(name, {})[text] = None
    return {name: list(texts) for name, texts in values.items()}


def differing(first: Configuration, second: Configuration, free: Collection[str]) -> list[str]:
    """Return the symbols that both have with different values, but the `free` ones and seeds."""
    own, other = first.first.config, second.first.config
    names = [name for name in own if name in other and name not in {*free, *REPETITION}]
    return [name for name in names if own[name] != other[name]]


def own_choices(first: Iterable[Configuration], second: Iterable[Configuration]) -> list[str]:
    """Return the choices that all of one side make one way, and all of the other another way.

    A method may need an optimizer or a model of its own. A number is no choice.
    """
    own, others = values_by_symbol(first), values_by_symbol(second)
    return [
        name
        for name in own
        if name in others and len(own[name]) == len(others[name]) == 1
        if own[name] != others[name] and not any(map(is_number, own[name] + others[name]))
    ]


def _common(items: Sequence[Configuration]) -> set[str]:
    """Return the symbols that all have, so that a partner is looked up without trying each."""
    return set.intersection(*(set(item.first.config) for item in items)) if items else set()


def _key(item: Configuration, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(item.first.config[name] for name in sorted(names))


def _agree(item: Configuration, other: Configuration, free: Collection[str]) -> bool:
    a, b = item.first.config, other.first.config
    names = a.keys() & b.keys() - {*free, *REPETITION}
    return all(a[name] == b[name] for name in names)
