"""Beside the rungs of a ladder: what of the networks still hangs together, and where that breaks.

Trials report the shares of inputs, units, outputs and edges that are on a path from an input to an
output. Of edges that stay they are known before anything is trained, so where they fall below a
half is a prediction of the cliff, made by the wiring alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from espalier.analysis.dose_response import Ladder, LadderPoint

PARTS = {
    "reachable_inputs": "inputs",
    "units_on_path": "units",
    "reachable_outputs": "outputs",
    "useful_edges": "edges",
}
"""The measures of trials, and what they are shares of."""
UNITS = "units_on_path"
"""What predicts the cliff's rung."""
HALF = 0.5
DEGREES = ("fan_in", "fan_out")


def shares(rungs: Sequence[LadderPoint], name: str) -> list[float] | None:
    """Return the mean of a measure at each rung; None unless all have it."""
    intervals = [rung.item.measure(name) for rung in rungs]
    means = [interval.mean for interval in intervals if interval is not None]
    return means if len(means) == len(rungs) else None


def heading(ladder: Ladder) -> list[str]:
    """Return the columns that `cells` fills."""
    degrees = [" / ".join(DEGREES).replace("_", "-")] if _degrees(ladder) else []
    return degrees + [PARTS[name] for name in _reported(ladder)]


def cells(ladder: Ladder) -> list[list[str]]:
    """Return for each rung mean edges into and out of a unit, and the shares on a path."""
    columns = [shares(ladder.rungs, name) or [] for name in _reported(ladder)]
    rows = [[f"{row[place]:.0%}" for row in columns] for place in range(len(ladder.rungs))]
    degrees = _degrees(ladder)
    if not degrees:
        return rows
    into, out = degrees
    return [[f"{i:.2f} / {o:.2f}", *row] for i, o, row in zip(into, out, rows, strict=True)]


def crossing(values: Sequence[float], fractions: Sequence[float]) -> float | None:
    """Return where a share falls below a half, coming from the largest value; None if nowhere.

    Between two rungs it is taken to be linear in the logarithm of the symbol.
    """
    place = rung(fractions)
    if place is None or place == len(values) - 1:
        return None
    part = (HALF - fractions[place]) / (fractions[place + 1] - fractions[place])
    low, high = math.log(values[place]), math.log(values[place + 1])
    return math.exp(low + part * (high - low))


def rung(fractions: Sequence[float]) -> int | None:
    """Return the first place below a half, coming from the end; `found` is by ascending values."""
    below = (place for place in reversed(range(len(fractions))) if fractions[place] < HALF)
    return next(below, None)


def crossings(ladder: Ladder) -> dict[str, float]:
    """Return where each share falls below a half, by what it is a share of."""
    values = [point.value for point in ladder.rungs]
    fractions = {name: shares(ladder.rungs, name) or [] for name in _reported(ladder)}
    places = {PARTS[name]: crossing(values, row) for name, row in fractions.items()}
    return {name: value for name, value in places.items() if value is not None}


def predicted(ladder: Ladder) -> float | None:
    """Return the first rung with fewer than half of the hidden units on a path, if there is one."""
    place = rung(shares(ladder.rungs, UNITS) or [])
    return None if place is None else ladder.rungs[place].value


def measured(ladder: Ladder) -> float | None:
    """Return the first rung below d50, coming from the largest; None where it is not located."""
    below = [point.value for point in ladder.rungs if point.value < ladder.curve.d50]
    return max(below, default=None) if ladder.located else None


def _reported(ladder: Ladder) -> list[str]:
    return [name for name in PARTS if shares(ladder.rungs, name) is not None]


def _degrees(ladder: Ladder) -> tuple[list[float], list[float]] | None:
    into, out = (shares(ladder.rungs, name) for name in DEGREES)
    return None if into is None or out is None else (into, out)
