"""Sentences that the captions of several kinds have."""

from __future__ import annotations

from collections.abc import Iterable

from espalier.analysis.rank import Configuration, Ranking
from espalier.core.measures import Measure
from espalier.core.texts.count_text import count_text
from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.numbers.figure_axis import in_sentence

PANELS = 6
"""Panels of a figure at most."""
MISSED = "Hollow: the target sparsity was not reached on every seed."


def best_of(by: Measure, rivals: int, where: str, names: AxisNames) -> str:
    """Return how the configurations that are drawn were chosen; empty if there was no choice."""
    if rivals < 2:
        return ""
    label = in_sentence(by.name, by, names)
    return f"{where} the best by {label} of up to {rivals} configurations."


def more_panels(count: int) -> str:
    """Return how many of `count` panels are not drawn; empty if none is left out."""
    return f"{count_text(count - PANELS, 'more panel')} not drawn." if count > PANELS else ""


def rows_left_out(count: int) -> str:
    """Return how many rows a figure has no room for, or TOP leaves out; empty if none."""
    return f"The last {count_text(count, 'row')} left out (TOP=)." if count > 0 else ""


def symbols_left_out(count: int) -> str:
    """Return how many symbols are not drawn, where BY does not name them; empty if none."""
    return f"{count_text(count, 'symbol')} left out (BY=)." if count > 0 else ""


def unequal_steps(items: Iterable[Configuration]) -> str:
    """Return that configurations were not trained equally long; empty if they were."""
    steps = {mean.mean for item in items if (mean := item.measure("steps"))}
    if len(steps) < 2:
        return ""
    return f"Not trained equally long: {min(steps):,.0f} to {max(steps):,.0f} steps."


def of_race(ranking: Ranking) -> str:
    """Return that a race gave out the seeds; empty for another sweep."""
    return "A race gave out the seeds: who did well has more." if ranking.raced else ""


def joined(sentences: Iterable[str]) -> str:
    """Return a caption of the sentences that are not empty."""
    return " ".join(filter(None, sentences))
