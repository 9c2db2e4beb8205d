"""Parameters told: a part of sweep_analysis.txt, and sweep_pareto.json."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.analysis.confidence import Interval, Verdict, verdict
from espalier.analysis.pareto import Front, Sized
from espalier.analysis.rank import swept_values
from espalier.core import strict_json
from espalier.core.measures import Measure
from espalier.core.trial import Record
from espalier.report.ranking_rows import LINE, missing, spread
from espalier.report.sweep_summary import typed

LISTED = 50  # points of a front that are told; all are in sweep_pareto.json


def told(fronts: Sequence[Front]) -> list[str]:
    """The lines of the report, plain ASCII; `fronts` as `pareto.fronts` gives them, not empty."""
    by = fronts[0].by
    lines = [
        "PARAMETERS:",
        LINE,
        f"The best {by.label} for a size: no other configuration is as good with as few live",
        "  parameters. Means over seeds, 95% t-intervals; gain: over the line before, by seed",
    ]
    for front in fronts:
        lines += _samples(front) * (len(fronts) > 1) + _table(front) + _remarks(front)
    return [*lines, ""]


def pareto_text(fronts: Sequence[Front]) -> str:
    """The text of sweep_pareto.json: strict JSON."""
    return strict_json.pretty([_record(front) for front in fronts])


def size_text(size: float) -> str:
    """Live parameters; of means over seeds one decimal."""
    return f"{size:,.0f}" if size == int(size) else f"{size:,.1f}"


def _samples(front: Front) -> list[str]:
    return [
        "On " + ", ".join(f"CONFIG_{name}={text}" for name, text in front.samples.items()) + ":"
    ]


def _table(front: Front) -> list[str]:
    rows = [["parameters", front.by.short, *_heading(front.by), "gain", "configuration"]]
    pairs = zip(front.points, front.gains, strict=True)
    rows += [_row(one, gain) for one, gain in list(pairs)[:LISTED]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    rest = len(front.points) - LISTED
    return lines + [f"... and {rest} more, in sweep_pareto.json"] * (rest > 0)


def _heading(by: Measure) -> list[str]:
    return ["per 1,000"] if by.larger else []


def _row(one: Sized, gain: Interval | None) -> list[str]:
    name = " ".join([one.item.first.name, *_values(one)])
    score = spread(one.item.score, one.by)
    per = [] if one.efficiency is None else [one.by.told(one.efficiency)]
    return [size_text(one.size), score, *per, _gain(gain, one.by), name]


def _values(one: Sized) -> list[str]:
    return [f"{name}={text}" for name, text in swept_values(one.item.first).items()]


def _gain(gain: Interval | None, by: Measure) -> str:
    """What is gained is better, whatever the direction of the measure."""
    if gain is None:
        return "-"
    width = "" if not gain.half_width else f" +/- {by.number(gain.half_width)}"
    unsure = " (not sure)" * (verdict(gain) is not Verdict.BEHIND)
    return f"{by.told(gain.mean)}{width}{unsure}"


def _remarks(front: Front) -> list[str]:
    count, all_ = len(front.points), len(front.sized)
    lines = [f"On the front: {count} of {all_} configurations", _frugal(front)]
    if front.incomplete:
        lines.append(f"Left out, since seeds are missing: {len(front.incomplete)} configurations")
    some = [one for one in front.points if not one.item.complete]
    return lines + [f"{one.item.first.name}: {missing(one.item)}" for one in some[:LISTED]]


def _frugal(front: Front) -> str:
    one, best = front.frugal, front.points[-1]
    if one is None:
        return "Smallest within one standard error of the best: not known from one seed"
    share = f"{one.size / best.size:.1%} of the best's parameters"
    text = f"{one.item.first.name}, {size_text(one.size)} parameters, {share}"
    return f"Smallest within one standard error of the best: {text}"


def _record(front: Front) -> Record:
    by, small = front.by, front.frugal
    return {
        "by": by.name,
        "more_is_better": by.larger,
        "samples": {f"CONFIG_{name}": typed(text) for name, text in front.samples.items()},
        "front": [
            {**_point(one), "gain": _interval(gain)}
            for one, gain in zip(front.points, front.gains, strict=True)
        ],
        "smallest_within_one_standard_error": small.item.first.name if small else None,
        "incomplete": [item.first.name for item in front.incomplete],
        "configurations": [_point(one) for one in front.sized],
    }


def _point(one: Sized) -> Record:
    values = swept_values(one.item.first).items()
    return {
        "config_file": one.item.first.name,
        "live_parameters": one.size,
        "mean": one.score,
        "half_width": one.item.score.half_width if one.item.score else None,
        "n": len(one.item.scores),
        "per_1000_parameters": one.efficiency,
        "values": {f"CONFIG_{name}": typed(text) for name, text in values},
    }


def _interval(gain: Interval | None) -> Record | None:
    return None if gain is None else {"mean": gain.mean, "half_width": gain.half_width, "n": gain.n}
