"""The seed finder: accuracy against size of every candidate, and the smallest that learns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from espalier.core.errors import UserError
from espalier.core.measures import VAL_ACC
from espalier.core.texts.count_text import count_text
from espalier.core.texts.program_name import MAKE
from espalier.report.figures.axis_names import AxisNames, check_labels
from espalier.report.figures.axis_scales import scale_numbers
from espalier.report.figures.drawn_figure import DrawnFigure, add_legend
from espalier.report.figures.figure_input import SEEDS, FigureInput, NothingToDrawError
from espalier.report.figures.figure_style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    VERMILION,
    FigureStyle,
    new_panels,
)
from espalier.report.figures.figure_text import seeds_text

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

DROPPED = "dropped before"
LOOKS = {"learns": (BLUE, "o"), "does not learn": (VERMILION, "X"), DROPPED: (GREY, "s")}
"""The colour and the marker of candidates, by what came of them."""


@dataclass(frozen=True)
class SeedCandidate:
    """A candidate: its size, the accuracy of each seed (percent), its bar, what came of it."""

    size: float
    accuracies: tuple[float, ...]
    limit: float
    end: str
    front: bool

    @property
    def accuracy(self) -> float:
        """The mean over seeds."""
        return fmean(self.accuracies)


@dataclass(frozen=True)
class SeedSearch:
    """A search: what its sizes are, its candidates, the smallest that learns, its error rate."""

    size: str
    epochs: int
    margin: float
    alpha: float
    candidates: tuple[SeedCandidate, ...]
    smallest: tuple[float, Mapping[str, str]] | None


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return the figure of the search whose report is in the folder.

    Raises NothingToDrawError if there is none, UserError if it is damaged.
    """
    path = source.folder / SEEDS
    if not path.is_file():
        raise NothingToDrawError(
            f"the folder is no seed finder's; fill one with `{MAKE} seed-finder`"
        )
    try:
        search = read_search(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not the report of a seed finder ({error})") from None
    symbols = [*search.smallest[1]] if search.smallest else []
    check_labels(source.wishes.labels, symbols, symbols, [search.size, VAL_ACC.name])
    return draw_search(search, source.names, style)


def read_search(record: Mapping[str, Any]) -> SeedSearch:
    """Return what is drawn of the record that a seed finder leaves as JSON.

    Raises ValueError, LookupError, TypeError or AttributeError for another.
    """
    epochs, best = int(record["epochs"]), record["smallest"]
    candidates = (_candidate(each, epochs) for each in record["candidates"])
    return SeedSearch(
        str(record["size"]),
        epochs,
        100 * float(record["margin"]),
        float(record["alpha"]),
        tuple(each for each in candidates if each.accuracies and math.isfinite(each.size)),
        None if best is None else (float(best["size"]), dict(best["candidate"])),
    )


def _candidate(record: Mapping[str, Any], epochs: int) -> SeedCandidate:
    learns = "learns" if record["learns"] else "does not learn"
    size, limit = record["size"], record["limit"]
    return SeedCandidate(
        math.inf if size is None else float(size),
        tuple(100 * float(share) for share in record["accuracies"]),
        0.0 if limit is None else 100 * float(limit),
        DROPPED if record["epochs"] < epochs else learns,
        bool(record["front"]),
    )


def draw_search(search: SeedSearch, names: AxisNames, style: FigureStyle) -> DrawnFigure:
    """Return a dot a seed, a mark a candidate, the front, the bar, and the smallest that learns.

    Raises NothingToDrawError if no candidate has an accuracy.
    """
    if not search.candidates:
        raise NothingToDrawError("no candidate of the seed finder has an accuracy and a size")
    figure, ((panel,),) = new_panels(style)
    entries: dict[str, Artist] = {}
    for end in LOOKS:
        if own := [each for each in search.candidates if each.end == end]:
            entries |= _draw_candidates(panel, own, end, style)
    entries |= _draw_lines(panel, search)
    scale_numbers(panel, "x", [each.size for each in search.candidates], ticks=False)
    scale_numbers(panel, "y", [0.0, 100.0], ticks=False)
    panel.set_xlabel(names.symbol(search.size))
    panel.set_ylabel(names.measure(VAL_ACC))
    add_legend(figure, style, entries)
    return DrawnFigure(figure, _caption(search, names))


def _draw_candidates(
    panel: Axes, own: Sequence[SeedCandidate], end: str, style: FigureStyle
) -> dict[str, Artist]:
    colour, marker = LOOKS[end]
    dots = [(each.size, accuracy) for each in own for accuracy in each.accuracies]
    (seeds,) = panel.plot(
        *zip(*dots, strict=True), "o", color=colour, alpha=0.35, mew=0, ms=0.5 * style.marker
    )
    (means,) = panel.plot(
        [each.size for each in own], [each.accuracy for each in own], marker, color=colour
    )
    return {end: means}


def _draw_lines(panel: Axes, search: SeedSearch) -> dict[str, Artist]:
    """Draw the front, the accuracy to pass, and the smallest size that learns."""
    best = [each for each in search.candidates if each.front]
    entries: dict[str, Artist] = {}
    if best:
        places = [each.size for each in best], [each.accuracy for each in best]
        (entries["front"],) = panel.plot(*places, color=ORANGE, zorder=1)
    limit = fmean(each.limit for each in search.candidates)
    entries["to be passed"] = panel.axhline(limit, color=BLACK, linestyle=":", zorder=1)
    if search.smallest is not None:
        size, _ = search.smallest
        entries["smallest that learns"] = panel.axvline(size, color=BLUE, linestyle="--", zorder=1)
    return entries


def _caption(search: SeedSearch, names: AxisNames) -> str:
    full = sum(each.end != DROPPED for each in search.candidates)
    n = seeds_text(len(each.accuracies) for each in search.candidates)
    count = count_text(len(search.candidates), "candidate")
    return (
        f"{count}, {n} each: large marks are means over seeds, small dots seeds. {full} were "
        f"trained in full, {search.epochs} epochs; the others were dropped before. To learn is to "
        f"be more than {search.margin:g} points above the most frequent class (dotted) in every "
        f"seed and in the mean, at an error rate of {search.alpha:g} corrected over all "
        f"candidates. Front: none as small is as accurate. {_smallest(search, names)}"
    )


def _smallest(search: SeedSearch, names: AxisNames) -> str:
    if search.smallest is None:
        return "No candidate learns."
    size, candidate = search.smallest
    unit = search.size.replace("_", " ")
    return f"Smallest that learns: {size:,g} {unit} ({names.series(candidate)})."
