"""The page that compares a sweep with others, paired by configuration and seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from espalier.analysis.comparing.sweep_pairs import PairedSweeps
from espalier.analysis.confidence import Interval
from espalier.core.texts.utc_time import utc_text
from espalier.plan.sweep_naming import naming_lines
from espalier.report.comparing import sweep_comparison
from espalier.report.comparing.opened_sweeps import OpenedSweep
from espalier.report.html import page_assets
from espalier.report.templates import render_html

Compared = tuple[PairedSweeps, Sequence[OpenedSweep]]
"""Two sweeps side by side, and the two."""
WIDTH, HEIGHT, EDGE = 150, 18, 5
"""Pixels of a drawn interval: across, up, and its margin on each side."""
LISTED = 500
"""Pairs of configurations that the page has; sweep-compare with JSON=1 has all."""


@dataclass(frozen=True)
class IntervalMark:
    """A difference as drawn: where 0 is, the mean and the ends of its interval, in pixels."""

    zero: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class ComparedRow:
    """A pair of configurations: the cells of its row, and its difference if it has one."""

    cells: Sequence[str]
    mark: IntervalMark | None


def comparison_name(others: Iterable[Path]) -> str:
    """Return the name of the page that compares a sweep with `others`, which lies in its folder."""
    return "_".join(["report_against", *(folder.resolve().name for folder in others)]) + ".html"


def render_comparison_page(compared: Sequence[Compared], written: float) -> str:
    """Return the text of the page; `written` is in seconds since 1970."""
    return render_html(
        "html/comparison.html",
        policy=page_assets.policy(page_assets.COMPARISON),
        style=page_assets.style(),
        program=page_assets.program(page_assets.COMPARISON),
        written=utc_text(written),
        compared=compared,
        texts=sweep_comparison,
        naming_lines=naming_lines,
        rows_of=compared_rows,
        width=WIDTH,
        height=HEIGHT,
        LISTED=LISTED,
    )


def compared_rows(compared: PairedSweeps) -> list[ComparedRow]:
    """Return the pairs of two sweeps as rows, all drawn on one scale."""
    differences = [item.difference for item in compared.answers[:LISTED]]
    ends = [end for each in differences if each for end in _ends(each)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    return [
        ComparedRow(sweep_comparison.comparison_row(compared, place), _mark(each, low, high))
        for place, each in enumerate(differences)
    ]


def _ends(difference: Interval) -> tuple[float, float]:
    half = difference.half_width or 0.0
    return difference.mean - half, difference.mean + half


def _mark(difference: Interval | None, low: float, high: float) -> IntervalMark | None:
    if difference is None:
        return None
    values = (0.0, difference.mean, *_ends(difference))
    unit = (WIDTH - 2 * EDGE) / ((high - low) or 1.0)
    return IntervalMark(*(round(EDGE + (value - low) * unit, 1) for value in values))
