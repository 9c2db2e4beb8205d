"""A race: how many seeds each configuration was given, when it left and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from espalier.analysis.race_decisions import RaceStatus
from espalier.analysis.race_standing import RacedConfiguration, RaceStanding
from espalier.analysis.rank import swept_values
from espalier.core.texts.program_name import MAKE
from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.caption_parts import joined, rows_left_out
from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_input import FigureInput, NothingToDrawError
from espalier.report.figures.figure_style import BLUE, GREY, ORANGE, SKY, FigureStyle
from espalier.report.figures.numbers.series import telling_symbols
from espalier.report.figures.row_panel import (
    LINE,
    ROWS,
    RowPanel,
    RowText,
    fitted_panel,
    value_head,
    value_label,
)
from espalier.report.race_report import groups, how_ended

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR = 0.75
"""The height of a bar, in heights of a line."""
FOOT = "Seeds spent"
FAINT = 0.35


class _Look(NamedTuple):
    """How the bar of a configuration looks, and what is said of it."""

    colour: str
    hatch: str
    said: str


LOOKS = {
    RaceStatus.BEST: _Look(BLUE, "", "the best"),
    RaceStatus.WITHIN: _Look(SKY, "", "within the margin"),
    RaceStatus.UNDECIDED: _Look(ORANGE, "///", "undecided"),
    RaceStatus.BEHIND: _Look(GREY, "", "behind"),
}


def draw(source: FigureInput, style: FigureStyle) -> DrawnFigure:
    """Return the figure. Raises NothingToDrawError if the sweep is no race."""
    race = source.race
    if race is None:
        raise NothingToDrawError(
            f"the sweep is no race; run one with `{MAKE} race RANGE_CONFIG=...`"
        )
    every = [item for _, items in groups(race) for item in items]
    rows = every[: source.top(ROWS)]
    values = [swept_values(item.first) for item in every]
    symbols = telling_symbols(values) or list(values[0])
    head = RowText(value_head(source.names, symbols), ("mean,", "when and why it left"))
    texts = [_text(item, race, symbols, source.names) for item in rows]
    made = fitted_panel(style, head, texts, FOOT, source.wishes.top)
    rows = rows[: len(made.places)]
    for place, item in zip(made.places, rows, strict=True):
        _bar(made.panel, place, item)
    _finish(made, race, rows)
    return DrawnFigure(made.figure, _caption(race, len(every) - len(rows)))


def _text(
    item: RacedConfiguration, race: RaceStanding, symbols: Sequence[str], names: AxisNames
) -> RowText:
    mean = "no score" if item.mean is None else race.measure.with_unit(item.mean)
    decision = item.decision
    why = decision.reason or LOOKS[decision.status].said
    when = f"left after {decision.left}: {why}" if decision.left else why
    return RowText(value_label(names, symbols, swept_values(item.first)), (mean, when))


def _bar(panel: Axes, place: float, item: RacedConfiguration) -> None:
    """Draw the seeds that a configuration was judged by, and fainter what it trained beyond."""
    look, decision = LOOKS[item.decision.status], item.decision
    height = BAR * LINE
    panel.barh(
        place, decision.seeds, height, color=look.colour, hatch=look.hatch, edgecolor="white"
    )
    if (more := item.spent - decision.seeds) > 0:
        panel.barh(place, more, height, left=decision.seeds, color=look.colour, alpha=FAINT)
    if not decision.left:
        panel.plot([item.spent], [place], ">", color="black", clip_on=False, zorder=4)


def _finish(made: RowPanel, race: RaceStanding, rows: Sequence[RacedConfiguration]) -> None:
    from matplotlib.ticker import MaxNLocator

    longest = max(max(item.spent, item.decision.seeds) for item in rows)
    made.panel.set_xlim(0, 1.03 * max(1, longest))
    made.panel.xaxis.set_major_locator(MaxNLocator(made.ticks, integer=True))


def _caption(race: RaceStanding, left_out: int) -> str:
    """Return how the race stands, what it cost, and what bars and marks are."""
    rules, by = race.rules, race.measure
    margin = f", margin {rules.margin:g}{by.difference_unit}" if rules.margin else ""
    share = race.spent / race.full if race.full else 0.0
    sentences = [
        f"A bar a configuration: the seeds that it was judged by in a race by {by.label} "
        f"(error rate {rules.alpha:g}{margin}), the best on top; faint: trained, but not needed "
        "for a decision; arrowheads: still in at the end.",
        f"{how_ended(race)}: {race.spent} trials, {share:.0%} of the {race.full} of "
        f"{rules.max_seeds} seeds for every configuration.",
        rows_left_out(left_out),
    ]
    return joined(sentences)
