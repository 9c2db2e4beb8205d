"""The columns of a page: numbers without digits that it does not print, and texts as codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from espalier.analysis.confidence import Interval
from espalier.core.measures import Measure
from espalier.core.trial import Record
from espalier.report.sweep_summary import typed

DIGITS = 6
"""Significant digits of a number whose measure does not say how many decimals it has."""
MORE = (1, 4)
"""Decimals more than a measure is printed with: the fewer if they print the same text."""


@dataclass(frozen=True)
class Codes:
    """A column of texts: each as its place among `texts`, -1 where there is none."""

    texts: tuple[str, ...]
    codes: tuple[int, ...]


def coded(values: Iterable[str | None]) -> Codes:
    """Return texts as codes, in order of appearance."""
    places: dict[str, int] = {}
    codes = tuple(
        -1 if value is None else places.setdefault(value, len(places)) for value in values
    )
    return Codes(tuple(places), codes)


def is_number(text: str) -> bool:
    """Return whether the value of a symbol reads as a number; a switch is none."""
    return type(typed(text)) in (int, float)


def rounded(value: float | None, by: Measure) -> float | None:
    """Return a number with a decimal more than it is printed with, or more for the same text.

    To round twice may print another one: 0.0453 is 0.05, and 0.045 is 0.04. What is not 0 stays so.
    """
    if value is None:
        return None
    if by.decimals is None:
        shorter = [float(f"{value:.{DIGITS}g}"), round(value, 0)]
    else:
        shorter = [round(value, by.decimals + more) for more in MORE]
    text = by.number(value)
    same = (each for each in shorter if by.number(each) == text and (each or not value))
    return next(same, value)


def interval_columns(intervals: Sequence[Interval | None], by: Measure) -> Record:
    """Return means and half widths, null where there are none, and the numbers behind them."""
    return {
        "mean": [rounded(each.mean if each else None, by) for each in intervals],
        "half": [rounded(each.spread if each else None, by) for each in intervals],
        "n": [each.n if each else 0 for each in intervals],
    }


def measure_record(by: Measure) -> Record:
    """Return what the page prints a measure with."""
    return {
        "name": by.name,
        "label": by.label,
        "short": by.short,
        "unit": by.unit,
        "difference_unit": by.difference_unit,
        "decimals": by.decimals,
        "larger": by.larger,
    }
