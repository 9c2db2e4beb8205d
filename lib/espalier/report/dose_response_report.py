"""The ladder of a numeric symbol as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from espalier.analysis import connectivity_threshold
from espalier.analysis.confidence import interval
from espalier.analysis.dose_response import SEEDS, Ladder, LadderPoint
from espalier.core.atomic_write import atomic_write
from espalier.core.process import disk_full
from espalier.core.trial import Record
from espalier.report.ranking_rows import format_interval
from espalier.report.table_format import plain_table
from espalier.report.templates import render

JSON, PICTURE = "sweep_ladder.json", "sweep_ladder.png"
SURE = 2.0
"""Standard deviations of a seed by which means may fail to be monotone."""


def render_ladder(ladder: Ladder) -> str:
    """Return a table of the rungs, and what they come to."""
    crossings = connectivity_threshold.crossings(ladder)
    return render(
        "dose_response.txt",
        ladder=ladder,
        d50=describe_d50(ladder),
        monotone=_monotone(ladder),
        table=_table(ladder),
        broken=", ".join(f"{name} {value:.3g}" for name, value in crossings.items()),
        predicted=connectivity_threshold.predicted(ladder),
        measured=connectivity_threshold.measured(ladder),
    )


def describe_d50(ladder: Ladder) -> str:
    """Return where the curve is half-way, with its interval, or why that is not claimed."""
    low, high = map(ladder.by.with_unit, (ladder.curve.low, ladder.curve.high))
    half = f"half-way from {low} to {high}"
    if ladder.ends is None:
        rule = f"an interval takes {SEEDS} seeds or more that passed at every value"
        return (
            f"d50: not located ({half}; {rule}, there are {ladder.seeds}): sweep CONFIG_SEED=1|2|3"
        )
    first, last = (f"{end:.3g}" for end in ladder.ends)
    if not ladder.located:
        beyond = f"its 95% interval, {first} to {last}, reaches an end of the ladder"
        return f"d50: not located ({half}; {beyond}): sweep further values, or more seeds"
    width = f"{ladder.octaves:.2f} octaves"
    return f"d50: {ladder.curve.d50:.3g} (95% interval {first} to {last}, {width}), {half}"


def _monotone(ladder: Ladder) -> str:
    """Return how far the means are from monotone, and whether seeds explain that."""
    if not ladder.off:
        return "monotone"
    if ladder.violation is None:
        off = f"{ladder.by.number(ladder.off)}{ladder.by.difference_unit}"
        return f"not monotone, by {off}; seeds do not differ, so nothing says if that is chance"
    said = "as seeds allow" if ladder.violation < SURE else "more than seeds explain"
    return f"monotone but for {ladder.violation:.2f} standard deviations of a seed ({said})"


def _table(ladder: Ladder) -> str:
    """Return a line a rung, the largest value first."""
    heading = [ladder.symbol, "n", ladder.by.label, "curve", "live parameters"]
    pairs = zip(ladder.rungs, connectivity_threshold.cells(ladder), strict=True)
    rows = [_row(rung, ladder) + shares for rung, shares in pairs]
    return plain_table([heading + connectivity_threshold.heading(ladder), *reversed(rows)])


def _row(rung: LadderPoint, ladder: Ladder) -> list[str]:
    live = rung.item.measure("live_parameters")
    score = format_interval(interval(rung.scores), ladder.by)
    size = "n/a" if live is None else f"{live.mean:.0f}"
    curve = ladder.by.with_unit(ladder.curve.at(rung.value))
    return [f"{rung.value:g}", str(len(rung.scores)), score, curve, size]


def as_json(ladder: Ladder) -> Record:
    """Return the same as a JSON object; a number that is not known is null."""
    curve, sizes = ladder.curve, [rung.item.measure("live_parameters") for rung in ladder.rungs]
    return {
        "symbol": f"CONFIG_{ladder.symbol}",
        "measure": ladder.by.name,
        "rest": {f"CONFIG_{name}": text for name, text in ladder.rest.items()},
        "values": [rung.value for rung in ladder.rungs],
        "scores": [rung.scores for rung in ladder.rungs],
        "live_parameters": [None if size is None else size.mean for size in sizes],
        "curve": vars(curve),
        "seeds": ladder.seeds,
        "located": ladder.located,
        "d50": curve.d50 if ladder.located else None,
        "d50_interval": list(ladder.ends) if ladder.located and ladder.ends else None,
        "octaves": ladder.octaves if ladder.located else None,
        "structure": {
            name: connectivity_threshold.shares(ladder.rungs, name)
            for name in connectivity_threshold.PARTS
        },
        "structure_below_half_at": connectivity_threshold.crossings(ladder),
        "rung_predicted": connectivity_threshold.predicted(ladder),
        "rung_measured": connectivity_threshold.measured(ladder),
        "violation": ladder.violation,
        "distance_from_monotone": ladder.off,
    }


def write(ladders: Sequence[Ladder], folder: Path) -> Path:
    """Write the numbers into the folder of a sweep; returns the file. Raises UserError."""
    text = json.dumps([as_json(ladder) for ladder in ladders], indent=2) + "\n"
    with disk_full.reported(folder):
        atomic_write(folder / JSON, text)
    return folder / JSON
