"""The front of scores over live parameters: a part of sweep_analysis.txt, and sweep_pareto.json."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.analysis.confidence import Interval, Verdict, verdict
from espalier.analysis.pareto import Front, Sized
from espalier.analysis.rank import swept_values
from espalier.core import strict_json
from espalier.core.measures import Measure
from espalier.core.trial import Record
from espalier.report.ranking_rows import describe_missing_seeds, format_interval, settings
from espalier.report.sweep_summary import typed
from espalier.report.table_format import plain_table
from espalier.report.templates import render

LISTED = 50  # points of a front that are listed; all are in sweep_pareto.json


def render_pareto(fronts: Sequence[Front]) -> str:
    """Return the part of the report, plain ASCII; `fronts` of `pareto.fronts`, not empty."""
    return render(
        "pareto.txt",
        LISTED=LISTED,
        by=fronts[0].by,
        fronts=fronts,
        settings=settings,
        table=_table,
        size_text=size_text,
        missing=describe_missing_seeds,
    )


def pareto_json(fronts: Sequence[Front]) -> str:
    """Return the text of sweep_pareto.json: strict JSON."""
    return strict_json.pretty([_record(front) for front in fronts])


def size_text(size: float) -> str:
    """Return live parameters as text; of means over seeds one decimal."""
    return f"{size:,.0f}" if size == int(size) else f"{size:,.1f}"


def _table(front: Front) -> str:
    heading = ["parameters", front.by.short, *_heading(front.by), "gain", "configuration"]
    pairs = list(zip(front.points, front.gains, strict=True))
    return plain_table([heading, *(_row(point, gain) for point, gain in pairs[:LISTED])])


def _heading(by: Measure) -> list[str]:
    return ["per 1,000"] if by.larger else []


def _row(point: Sized, gain: Interval | None) -> list[str]:
    first, by = point.item.first, point.by
    name = " ".join([first.name, *settings(swept_values(first), "")])
    per = [] if point.efficiency is None else [by.with_unit(point.efficiency)]
    return [
        size_text(point.size),
        format_interval(point.item.score, by),
        *per,
        _gain(gain, by),
        name,
    ]


def _gain(gain: Interval | None, by: Measure) -> str:
    """Return a gain as text; what is gained is better, whatever the direction of the measure."""
    if gain is None:
        return "-"
    width = "" if not gain.half_width else f" +/- {by.number(gain.half_width)}"
    unsure = " (not sure)" * (verdict(gain) is not Verdict.BEHIND)
    return f"{by.number(gain.mean)}{by.difference_unit}{width}{unsure}"


def _record(front: Front) -> Record:
    by, small = front.by, front.frugal
    return {
        "by": by.name,
        "more_is_better": by.larger,
        "samples": {f"CONFIG_{name}": typed(text) for name, text in front.samples.items()},
        "front": [
            {**_point(point), "gain": _interval(gain)}
            for point, gain in zip(front.points, front.gains, strict=True)
        ],
        "smallest_within_one_standard_error": small.item.first.name if small else None,
        "incomplete": [item.first.name for item in front.incomplete],
        "configurations": [_point(item) for item in front.sized],
    }


def _point(point: Sized) -> Record:
    values = swept_values(point.item.first).items()
    return {
        "config_file": point.item.first.name,
        "live_parameters": point.size,
        "mean": point.score,
        "half_width": point.item.score.half_width if point.item.score else None,
        "n": len(point.item.scores),
        "per_1000_parameters": point.efficiency,
        "values": {f"CONFIG_{name}": typed(text) for name, text in values},
    }


def _interval(gain: Interval | None) -> Record | None:
    return None if gain is None else {"mean": gain.mean, "half_width": gain.half_width, "n": gain.n}
