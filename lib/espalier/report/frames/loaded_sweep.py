"""A sweep in Python: its frames, its ranking, and the questions that can be put to it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from espalier.analysis.confidence import ALPHA
from espalier.analysis.equivalence import LARGEST_MARGIN, MARGIN
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.report.comparing.opened_sweeps import OpenedSweep, open_sweep
from espalier.report.comparing.sweep_questions import answer_question, compare_sweeps, parse_sides
from espalier.report.figures.figure_input import FigureInput, parse_wishes
from espalier.report.figures.figure_kinds import kind_of
from espalier.report.figures.figure_style import STYLES, USUAL
from espalier.report.frames.answers import SweepComparison, SweepVerdict
from espalier.report.frames.mask_frame import mask_frame
from espalier.report.frames.sweep_frames import (
    configurations_frame,
    history_frame,
    ranking_frame,
    trials_frame,
)
from espalier.store.results_dir import STORE, newest_sweep

if TYPE_CHECKING:  # its import would take half a second
    import pandas as pd
    from matplotlib.figure import Figure


def load_sweep(path: str | os.PathLike[str] | None = None) -> LoadedSweep:
    """Return the sweep in a folder, as it stands now, or the newest one; nothing is written.

    A sweep that still runs can be read too, again and again. The newest is looked for in
    `test_matrix_results` of the current folder. Raises UserError if there is no store of a sweep.
    """
    folder = newest_sweep(RESULTS) if path is None else Path(path)
    return LoadedSweep(open_sweep(folder.parent if folder.name == STORE else folder))


@dataclass(frozen=True, repr=False)
class LoadedSweep:
    """A sweep as it stood when it was loaded. Frames are made when they are first used."""

    opened: OpenedSweep

    def __repr__(self) -> str:
        """Return the folder and the number of trials."""
        return f"<sweep {self.folder}: {len(self.opened.results)} trials, by {self.opened.by}>"

    @property
    def folder(self) -> Path:
        """The folder that it was loaded from."""
        return self.opened.folder

    @property
    def name(self) -> str:
        """What it is called; empty if it has no name."""
        return self.opened.header.name or ""

    @property
    def note(self) -> str:
        """What its user says of it; empty without a note."""
        return self.opened.header.note or ""

    @property
    def tags(self) -> list[str]:
        """The words that group it with other sweeps."""
        return list(self.opened.header.tags or [])

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row for each trial of the plan, whatever became of it."""
        return trials_frame(self.opened)

    @cached_property
    def history(self) -> pd.DataFrame:
        """A row for each epoch of each trial that has ended."""
        return history_frame(self.opened)

    @cached_property
    def mask_events(self) -> pd.DataFrame:
        """A row for each layer of each mask event of each trial that logged them."""
        return mask_frame(self.opened)

    @cached_property
    def configurations(self) -> pd.DataFrame:
        """A row for each configuration, in plan order, with means and intervals of all measures."""
        return configurations_frame(self.opened.ranking)

    def ranking(self, by: str | None = None) -> pd.DataFrame:
        """Return the configurations best first, by a text of RANK_BY or what ranks the sweep.

        Raises UserError for a measure whose direction nothing says.
        """
        return ranking_frame(self.opened.ranked_by(by).ranking)

    def verdict(  # noqa: PLR0913  # the variables of make verdict
        self,
        a: str,
        b: str,
        *,
        where: str | None = None,
        margin: float = MARGIN,
        alpha: float = ALPHA,
        by: str | None = None,
    ) -> SweepVerdict:
        """Return whether `a` is better than `b`, as `make verdict` does.

        The sides are texts such as `PRUNING_METHOD=state` or `config_012`. Differences up to
        `margin`, in the unit of the measure, count as none; `alpha` in 0..1 is the error rate.
        Raises UserError if the question is none.
        """
        _check_rate(alpha)
        if not 0 <= margin <= LARGEST_MARGIN:
            raise UserError(f"margin={margin}: must be a number from 0 to {LARGEST_MARGIN:g}")
        opened = self.opened.ranked_by(by)
        reply, _ = answer_question([opened], parse_sides(a, b, where), alpha, margin)
        return SweepVerdict(reply, str(self.folder))

    def compare(
        self, other: LoadedSweep, *, alpha: float = ALPHA, by: str | None = None
    ) -> SweepComparison:
        """Return this sweep beside another, as `make sweep-compare` does with this one as A.

        Raises UserError if both are one folder, or ranked by different measures and `by` is None.
        """
        _check_rate(alpha)
        sides = (self.opened.ranked_by(by), other.opened.ranked_by(by))
        return SweepComparison(compare_sweeps(*sides, alpha), sides)

    def figure(  # noqa: PLR0913  # the variables of make figures
        self,
        kind: str,
        *,
        style: str = USUAL,
        title: str = "",
        by: str | None = None,
        group_by: str = "",
        x: str | None = None,
        y: str | None = None,
        top: int | None = None,
        baseline: str | None = None,
        labels: str = "",
    ) -> Figure:
        """Return a figure of matplotlib, as `make figures` draws it.

        `kind` is a name such as `forest`, `style` one of `column`, `page` and `talk`. `by` ranks,
        as everywhere; `group_by` names the symbols that tell series apart (BY), `x` and `y` symbols
        or measures of the axes, `top` how many of the best are drawn; `labels` is a text such as
        `val_acc=Accuracy;TARGET_SPARSITY=Sparsity`. Raises UserError for what is none of these,
        and if the sweep has no such figure.
        """
        if style not in STYLES:
            raise UserError(f"style={style}: must be one of {', '.join(STYLES)}")
        wishes = parse_wishes(group_by, x, y, labels, top=top, baseline=baseline)
        source = FigureInput(self.folder, self.opened.ranked_by(by), wishes)
        return kind_of(kind).draw(source, STYLES[style], title).figure


def _check_rate(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise UserError(f"alpha={alpha}: must be a number above 0 and below 1")
