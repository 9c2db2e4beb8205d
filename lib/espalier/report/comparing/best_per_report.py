"""The best of each value of a symbol: a part of sweep_analysis.txt, and sweep_best_per.json."""

from __future__ import annotations

from espalier.analysis.comparing.best_per import BestPer, BestThere
from espalier.analysis.confidence import ALPHA
from espalier.analysis.rank import Configuration, swept_values
from espalier.core import strict_json
from espalier.core.trial import Record
from espalier.report.ranking_rows import (
    describe_flaws,
    difference_to_best,
    format_interval,
    settings,
)
from espalier.report.sweep_summary import typed, typed_values
from espalier.report.table_format import plain_table
from espalier.report.templates import render


def render_best_per(table: BestPer) -> str:
    """Return the part of the report, plain ASCII; empty if no configuration is ranked."""
    if not table.groups:
        return ""
    return render(
        "best_per.txt",
        table=table,
        ALPHA=ALPHA,
        by=table.groups[0].ranking.measure,
        level=lambda group: _level(table.at, group.level),
        rows=lambda group: plain_table(_rows(group)),
    )


def best_per_json(table: BestPer) -> str:
    """Return the text of sweep_best_per.json: strict JSON."""
    return strict_json.pretty(
        {
            "symbol": f"CONFIG_{table.symbol}",
            "at": f"CONFIG_{table.at}" if table.at else None,
            "groups": [_record(group) for group in table.groups],
        }
    )


def _level(symbol: str, text: str) -> str:
    return f"CONFIG_{symbol}={text}" if text else f"without CONFIG_{symbol}"


def _rows(group: BestThere) -> list[list[str]]:
    heading = ["value", "config", group.ranking.measure.short, "difference", "of", "note"]
    return [heading, *(_cells(group, text, item) for text, item in group.best.items())]


def _cells(group: BestThere, text: str, item: Configuration) -> list[str]:
    by = group.ranking.measure
    own = item is group.ranking.best
    return [
        text or "(not set)",
        " ".join([item.first.name, *settings(swept_values(item.first), "")]),
        format_interval(item.score, by),
        "-" if own else format_interval(difference_to_best(item, by), by, "+"),
        str(group.counts[text]),
        describe_flaws(item, group.ranking),
    ]


def _record(group: BestThere) -> Record:
    return {
        "level": typed(group.level) if group.level else None,
        "best": [_row_record(group, text, item) for text, item in group.best.items()],
    }


def _row_record(group: BestThere, text: str, item: Configuration) -> Record:
    by = group.ranking.measure
    own = None if item is group.ranking.best else difference_to_best(item, by)
    return {
        "value": typed(text) if text else None,
        "config_file": item.first.name,
        "values": typed_values(item.first),
        "by": by.name,
        "more_is_better": by.larger,
        "mean": item.score.mean if item.score else None,
        "n": len(item.scores),
        "configurations": group.counts[text],
        "difference": own.mean if own else None,
        "half_width": own.half_width if own else None,
        "verdict": str(item.verdict) if item is not group.ranking.best else None,
    }
