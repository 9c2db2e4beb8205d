"""What masks did: a part of sweep_analysis.txt."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.analysis.rank import swept_values
from espalier.report.masks.logged_masks import LoggedMasks
from espalier.report.ranking_rows import settings
from espalier.report.table_format import plain_table
from espalier.report.templates import render
from espalier.train.masks.mask_table import TABLE

LISTED = 10
"""Configurations in the table; the others have their own tables."""
HEADING = ("", "events", "changed", "before", "largest", "ms", "density", "explored", "")


def render_masks(logs: Sequence[LoggedMasks]) -> str:
    """Return the part of the report, plain ASCII; empty without a log."""
    if not logs:
        return ""
    rows = [HEADING, *(_row(log) for log in logs[:LISTED])]
    return render("masks.txt", table=plain_table(rows), left=len(logs) - LISTED, file=TABLE)


def _row(log: LoggedMasks) -> tuple[str, ...]:
    last = log.events[-1]
    return (
        log.trial.trial.name,
        str(len(log.events)),
        f"{_mean([event.churn for event in log.later]):.4f}",
        f"{_mean([event.jaccard_before for event in log.later]):.4f}",
        f"{_mean([event.jaccard_magnitude for event in log.later]):.4f}",
        f"{_mean([event.milliseconds or 0.0 for event in log.later]):.2f}",
        f"{last.density:.4f}",
        f"{log.explored[-1][1]:.4f}",
        " ".join(settings(swept_values(log.trial.trial))),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
