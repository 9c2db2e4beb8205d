"""Fronts, by default over live parameters: a part of sweep_analysis.txt, and sweep_pareto.json."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.analysis import pareto
from espalier.analysis.confidence import Interval, Verdict, verdict
from espalier.analysis.pareto import SIZE, Front, Point
from espalier.analysis.rank import Configuration, Ranking, swept_values
from espalier.core import strict_json
from espalier.core.measures import Measure
from espalier.core.trial import Record
from espalier.report.ranking_rows import describe_missing_seeds, format_interval, settings
from espalier.report.sweep_summary import typed, typed_values
from espalier.report.table_format import plain_table
from espalier.report.templates import render

LISTED = 50  # points of a front that are listed; all are in sweep_pareto.json


def render_pareto(ranking: Ranking) -> str:
    """Return the part of the report, plain ASCII; empty where there is no front to tell of."""
    fronts = pareto.fronts(ranking)
    if not fronts and len(ranking.measures) == 1:
        return ""
    over = pareto.measures_over(ranking)
    return render(
        "pareto.txt",
        LISTED=LISTED,
        by=ranking.measure,
        over=over,
        by_size=over[1].name == SIZE and len(over) == 2,
        fronts=fronts,
        lacking=pareto.lacking(ranking),
        absent=_absent,
        settings=settings,
        table=_table,
        size_text=_size,
        missing=describe_missing_seeds,
    )


def pareto_json(fronts: Sequence[Front]) -> str:
    """Return the text of sweep_pareto.json: strict JSON."""
    return strict_json.pretty([_record(front) for front in fronts])


def size_text(size: float) -> str:
    """Return live parameters as text; of means over seeds one decimal."""
    return f"{size:,.0f}" if size == int(size) else f"{size:,.1f}"


def _size(point: Point) -> str:
    """Return the last measure with its unit."""
    last = point.over[-1]
    return (
        f"{size_text(point.size)} parameters" if last.name == SIZE else last.with_unit(point.size)
    )


def _absent(items: Sequence[Configuration], over: Sequence[Measure]) -> str:
    """Return which measures some of `items` lack."""
    names = [by.label for by in over if any(item.measure(by.name) is None for item in items)]
    return " or ".join(names)


def _table(front: Front) -> str:
    """Return a line a point: the measures, the last first, and what two of them come to."""
    pairs = list(zip(front.points, front.gains, strict=True))
    return plain_table(
        [_heading(front), *(_row(front, point, gain) for point, gain in pairs[:LISTED])]
    )


def _heading(front: Front) -> list[str]:
    names = ["parameters" if by.name == SIZE else by.short for by in reversed(front.over)]
    per = ["per 1,000"] * (front.points[0].efficiency is not None)
    per += ["efficiency"] * (front.cost_efficiency(front.points[0]) is not None)
    return [*names, *per, *["gain"] * (len(front.over) == 2), "configuration"]


def _row(front: Front, point: Point, gain: Interval | None) -> list[str]:
    first, by = point.item.first, point.by
    name = " ".join([first.name, *settings(swept_values(first), "")])
    efficiencies = (point.efficiency, front.cost_efficiency(point))
    per = [by.with_unit(value) for value in efficiencies if value is not None]
    gains = [_gain(gain, by)] * (len(point.over) == 2)
    return [*(_cell(point, each) for each in reversed(point.over)), *per, *gains, name]


def _cell(point: Point, by: Measure) -> str:
    """Return the mean of a measure with its interval; live parameters without one."""
    if by.name == SIZE and by is not point.by:
        return size_text(point.means[point.over.index(by)])
    return format_interval(point.item.measure(by.name), by)


def _gain(gain: Interval | None, by: Measure) -> str:
    """Return a gain as text; what is gained is better, whatever the direction of the measure."""
    if gain is None:
        return "-"
    width = f" +/- {by.number(gain.spread)}" if gain.spread else ""
    unsure = " (not sure)" * (verdict(gain) is not Verdict.BEHIND)
    return f"{by.number(gain.mean)}{by.difference_unit}{width}{unsure}"


def _record(front: Front) -> Record:
    by, small = front.by, front.frugal
    return {
        "by": by.name,
        "more_is_better": by.larger,
        "measures": [{"name": each.name, "more_is_better": each.larger} for each in front.over],
        "samples": {f"CONFIG_{name}": typed(text) for name, text in front.samples.items()},
        "front": [
            {**_point(front, point), "gain": _interval(gain)}
            for point, gain in zip(front.points, front.gains, strict=True)
        ],
        "smallest_within_one_standard_error": small.item.first.name if small else None,
        "incomplete": [item.first.name for item in front.incomplete],
        "configurations": [_point(front, item) for item in front.sized],
    }


def _point(front: Front, point: Point) -> Record:
    size = point.item.measure(SIZE)
    return {
        "config_file": point.item.first.name,
        "live_parameters": size.mean if size else None,
        "means": {by.name: mean for by, mean in zip(point.over, point.means, strict=True)},
        "mean": point.score,
        "half_width": point.item.score.half_width if point.item.score else None,
        "n": len(point.item.scores),
        "per_1000_parameters": point.efficiency,
        "cost_efficiency": front.cost_efficiency(point),
        "values": typed_values(point.item.first),
    }


def _interval(gain: Interval | None) -> Record | None:
    return None if gain is None else {"mean": gain.mean, "half_width": gain.half_width, "n": gain.n}
