"""An axis of a figure: what configurations have a value of, a symbol or a measure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from espalier.analysis.arms import in_plan_order, values_by_symbol
from espalier.analysis.rank import Configuration, TrialResult, recorded
from espalier.core import measures
from espalier.core.errors import UserError
from espalier.core.measures import Measure, MeasureError
from espalier.core.trial import REPETITION
from espalier.kconfig.declared_measures import resolve
from espalier.report.figures.axis_names import AxisNames, describe_names
from espalier.report.figures.figure_input import FigureInput
from espalier.report.figures.figure_text import shorten
from espalier.report.html.columns import is_number

WORDS = 60
"""Characters of a name in a sentence."""

SPARSITY, PLAIN = "final_sparsity", "sparsity"
SHARE = "Sparsity (share of weights)"
"""What the sparsity of a trained network is called."""
SHARES = ("sparsity", "density", "share", "fraction")
"""The last words of names of shares."""


@dataclass(frozen=True)
class FigureAxis:
    """A symbol, or a measure; `levels` are the values of a symbol that are no numbers."""

    name: str
    measure: Measure | None = None
    levels: tuple[str, ...] = ()

    @property
    def is_shared(self) -> bool:
        """Whether several configurations have one place on it: values of a symbol, and sparsities.

        Those of a sparsity that is measured are what they are meant to be, but for a few weights.
        """
        return self.measure is None or self.name == SPARSITY

    @property
    def is_linear(self) -> bool:
        """Whether it is never logarithmic: shares and percentages have a meaning near 0."""
        percent = self.measure is not None and self.measure.unit == "%"
        return percent or self.name.lower().rpartition("_")[2] in SHARES

    def label(self, names: AxisNames) -> str:
        """Return what stands beside the axis, with the unit."""
        if self.measure is None:
            return names.symbol(self.name)
        usual = SHARE if self.name == SPARSITY and SPARSITY not in names.labels else ""
        return usual or names.measure(self.measure)

    def words(self, names: AxisNames) -> str:
        """Return what a sentence calls it."""
        return in_sentence(self.name, self.measure, names)

    @cached_property
    def _places(self) -> dict[str, float]:
        return {text: float(place) for place, text in enumerate(self.levels)}

    def of_trial(self, item: TrialResult) -> float | None:
        """Return the number of a trial, or the place of its value among the levels."""
        if self.measure is not None:
            return item.measure(self.measure.name)
        text = item.trial.config.get(self.name)
        if text is None:
            return None
        return self._places[text] if self.levels else float(text)

    def of(self, item: Configuration) -> float | None:
        """Return the number of a configuration: of a measure the mean over its seeds.

        A sparsity is rounded, to two digits of what is left; a dense network has none.
        """
        if self.measure is None:
            return self.of_trial(item.counted[0])
        mean = item.measure(self.measure.name)
        if mean is None or self.name != SPARSITY:
            return None if mean is None else mean.mean
        return round_sparsity(mean.mean) or None


def round_sparsity(value: float) -> float:
    """Return a sparsity with two digits of the density: 0.7004 is 0.7, 0.99502 is 0.995."""
    return round(1 - float(f"{1 - value:.1e}"), 9)


def axis_named(source: FigureInput, name: str, option: str) -> FigureAxis:
    """Return the axis of a symbol or a measure; `option` is X or Y.

    Raises UserError, with what there is, for a name that no ranked trial has.
    """
    name = name.strip().removeprefix("CONFIG_")
    values = values_by_symbol(in_plan_order(source.ranking.ranked))
    if name in values:
        return _symbol_axis(name, values[name])
    if name in REPETITION:
        raise UserError(f"{option}={name}: {source.why_not_varied(name)}")
    return FigureAxis(name, measure_named(source, name, option))


def _symbol_axis(name: str, texts: list[str]) -> FigureAxis:
    return FigureAxis(name, None, () if all(map(is_number, texts)) else tuple(texts))


def symbol_axis(source: FigureInput, name: str) -> FigureAxis:
    """Return the axis of a symbol that the sweep varies."""
    return _symbol_axis(name, values_by_symbol(in_plan_order(source.ranking.ranked))[name])


def measure_named(source: FigureInput, name: str, option: str) -> Measure:
    """Return a measure that trials have, whether or not its direction is known.

    Raises UserError, with what there is, for a name that no ranked trial has.
    """
    plain = name.partition(":")[0]
    names = recorded(trial for item in source.ranking.ranked for trial in item.counted)
    if plain not in names:
        rule = f"no ranked trial has it; {describe_names(name, list(source.axes), names)}"
        raise UserError(f"{option}={name}: {rule}")
    try:
        return measures.find(resolve(name, names))
    except MeasureError:
        return measures.find(f"{plain}:{measures.MAX}")


def in_sentence(name: str, by: Measure | None, names: AxisNames) -> str:
    """Return what a sentence calls a symbol, or the measure `by`."""
    own = names.labels.get(name) or (PLAIN if name == SPARSITY else "")
    words = shorten(own or (names.short(name) if by is None else by.label), WORDS)
    first, _, _ = words.partition(" ")
    return words if first[1:] != first[1:].lower() else words[:1].lower() + words[1:]
