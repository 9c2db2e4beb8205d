"""What the reports of a sweep are to hold: what ranks, a baseline, the best of each value."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from espalier.analysis.comparing import against_baseline, best_per
from espalier.analysis.comparing.against_baseline import AgainstBaseline
from espalier.analysis.rank import Ranking, rank
from espalier.core.trial import Result, Status, Trial
from espalier.report.comparing import baseline_report, best_per_report
from espalier.report.tables.best_per_cells import best_per_cells
from espalier.report.tables.ranking_cells import CellTable

BASELINE = "sweep_baseline.json"
BEST_PER = "sweep_best_per.json"
Part = tuple[str, dict[str, str]]
"""A part of sweep_analysis.txt, and the texts of files beside it by name; may be empty."""


@dataclass(frozen=True)
class ReportRequest:
    """What the reports are to hold; where it is None, variables of the environment say it.

    `by` is what ranks, `baseline` what all are compared with, `best_per` one or two symbols.
    """

    by: str | None = None
    baseline: str | None = None
    best_per: str | None = None

    def beside(self, ranking: Ranking) -> AgainstBaseline | None:
        """Return all beside the baseline, if there is one. Raises UserError if no trial has it."""
        return against_baseline.against(ranking, self._baseline) if self._baseline else None

    def best_per_cells(self, ranking: Ranking) -> CellTable | None:
        """Return the table of the best of each value, if one is to be. Raises UserError."""
        return best_per_cells(ranking, self._best_per) if self._best_per else None

    def parts(self, ranking: Ranking) -> list[Part]:
        """Return the parts that are made on request. Raises UserError for what no trial has."""
        parts = []
        if self._best_per:
            table = best_per.best_per(ranking, self._best_per)
            files = {BEST_PER: best_per_report.best_per_json(table)}
            parts.append((best_per_report.render_best_per(table), files))
        if beside := self.beside(ranking):
            files = {BASELINE: baseline_report.baseline_json(beside)}
            parts.append((baseline_report.render_baseline(beside), files))
        return parts

    def check(self, trials: Iterable[Trial]) -> None:
        """Raise UserError if no trial of a plan has what parts on request are about."""
        if self._baseline or self._best_per:
            planned = [(trial, Result(Status.NOTRUN), 0) for trial in trials]
            self.parts(rank(planned))

    @property
    def options(self) -> list[str | None]:
        """What it comes to: what ranks, the baseline and the symbols, where anything says so."""
        return [self.by or os.environ.get("RANK_BY"), self._baseline, self._best_per]

    @property
    def _baseline(self) -> str | None:
        return self.baseline or os.environ.get(against_baseline.OPTION)

    @property
    def _best_per(self) -> str | None:
        return self.best_per or os.environ.get(best_per.OPTION)


USUAL = ReportRequest()
"""The plan and the environment decide."""
