"""Who stands together in a figure: series and panels by the values of the symbols of BY."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from espalier.analysis.arms import in_plan_order
from espalier.analysis.rank import Configuration
from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_style import SeriesLook, series_look
from espalier.report.figures.figure_text import shorten
from espalier.store.results_dir import NAMING

TITLE = 30
"""Characters of a symbol in the title of a legend."""
WITHOUT = "none"
"""The name of a series that lacks its symbol."""
Values = tuple[str | None, ...]
"""The values of some symbols, None for one that a configuration lacks."""


@dataclass(frozen=True)
class SeriesKey:
    """The values of a series, and its place among all series of the sweep."""

    values: Values
    place: int

    @property
    def look(self) -> SeriesLook:
        """Its colour, marker and line."""
        return series_look(self.place)

    def name(self, names: AxisNames) -> str:
        """Return its name in a legend whose title has the symbols."""
        texts = [WITHOUT if text is None else names.value(text) for text in self.values]
        return ", ".join(texts) or "all"


@dataclass(frozen=True)
class SeriesOrder:
    """All series of a sweep by some symbols, so that a look does not depend on what is drawn."""

    symbols: Sequence[str]
    places: Mapping[Values, int]

    @classmethod
    def of(cls, every: Iterable[Configuration], symbols: Sequence[str]) -> SeriesOrder:
        """Return the series of configurations, in the order of the plan."""
        planned = dict.fromkeys(_values(item, symbols) for item in in_plan_order(every))
        return cls(symbols, {values: place for place, values in enumerate(planned)})

    def split(self, items: Iterable[Configuration]) -> dict[SeriesKey, list[Configuration]]:
        """Return configurations by series; those of a series keep their order."""
        groups: dict[Values, list[Configuration]] = {}
        for item in items:
            groups.setdefault(_values(item, self.symbols), []).append(item)
        ordered = sorted(groups, key=self.places.__getitem__)
        return {SeriesKey(values, self.places[values]): groups[values] for values in ordered}


def _values(item: Configuration, symbols: Iterable[str]) -> Values:
    return tuple(item.first.config.get(name) for name in symbols)


def series_symbols(source: FigureInput, without: Collection[str] = ()) -> tuple[str, ...]:
    """Return the symbol of series: the first of BY, else of method, optimizer and model.

    Empty if none of them varies.
    """
    usual = [name for name in usual_symbols(source) if name not in without]
    return tuple([*source.by_symbols, *usual][:1])


def usual_symbols(source: FigureInput) -> list[str]:
    """Return which of method, optimizer and model vary."""
    return [name for name in NAMING[::-1] if name in source.axes]


def telling_symbols(values: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the symbols of which `values` are not all the same, in order of appearance."""
    names = dict.fromkeys(name for each in values for name in each)
    return [name for name in names if len({each.get(name) for each in values}) > 1]


def telling_values(own: Mapping[str, str], every: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the values of one of `every` that tell it from any other."""
    telling = telling_symbols([own, *every])
    return {name: text for name, text in own.items() if name in telling}


def panel_symbols(source: FigureInput, without: Collection[str]) -> tuple[str, ...]:
    """Return the symbols of panels: those of BY after the first, and those that choose the data.

    What was validated on different samples is no comparison, so it shares no panel.
    """
    sampling = [name for item in source.ranking.ranked for name in item.samples]
    varied = [name for name in sampling if name in source.axes]
    names = dict.fromkeys([*source.by_symbols[1:], *varied])
    return tuple(name for name in names if name not in without)


def panel_values(items: Iterable[Configuration], symbols: Sequence[str]) -> list[dict[str, str]]:
    """Return the values of each panel: those of the configurations that have all the symbols.

    Raises NothingToDrawError if none of them has.
    """
    planned = [_values(item, symbols) for item in in_plan_order(items)]
    whole = dict.fromkeys(values for values in planned if None not in values)
    if planned and not whole:
        rule = f"no configuration to be drawn has {' and '.join(symbols)}"
        raise NothingToDrawError(f"{rule}; BY= names others")
    return [
        {name: text for name, text in zip(symbols, values, strict=True) if text is not None}
        for values in whole
    ]


def fits(item: Configuration, values: Mapping[str, str]) -> bool:
    """Return whether a configuration belongs to a panel.

    One that lacks a symbol of it, such as a control, belongs to all panels of that symbol.
    """
    config = item.first.config
    return all(config.get(name, text) == text for name, text in values.items())


def series_title(symbols: Iterable[str], names: AxisNames) -> str:
    """Return the title of a legend: the symbols of the series."""
    return ",\n".join(shorten(names.short(name), TITLE) for name in symbols)
