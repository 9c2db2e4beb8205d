"""What a sampler chose, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from espalier.core.texts.count_text import count_text


def describe_design(design: Mapping[str, Any]) -> str:
    """Return `L9: 9 of 81 combinations`, or `random: 50 of 6,812 feasible combinations, seed 0`.

    Of a space without a list of combinations it is `sobol: 64 configurations in 66 draws, seed 0`,
    of a sampler that learns `tpe: 10 of 50 configurations proposed, seed 0`.
    """
    if "array" in design:
        return f"{design['array']}: {design['rows']} of {design['combinations']} combinations"
    drawn = "{sampler}: {drawn} of {combinations:,} feasible combinations, seed {seed}"
    if "proposals" in design:
        so_far = "{sampler}: {done} of {trials} configurations proposed, seed {seed}"
        return so_far.format_map({**design, "done": len(design["proposals"])})
    if "draws" in design:
        drawn = "{sampler}: {count} in {draws:,} draws, seed {seed}"
    count = count_text(design["drawn"], "configuration")
    return drawn.format_map({**design, "count": count})


def design_lines(design: Mapping[str, Any]) -> list[str]:
    """Return what was chosen, from which intervals, and which column of an array each axis took.

    Nothing for a grid.
    """
    if not design:
        return []
    lines = ["", describe_design(design)]
    lines += [_axis(axis["symbol"], axis["columns"]) for axis in design.get("axes", [])]
    intervals = design.get("intervals", {})
    lines += [f"  CONFIG_{symbol}: in {text}" for symbol, text in intervals.items()]
    lines += map(_never, design.get("never", []))
    return [*lines, f"  {design['advice']}"] if "advice" in design else lines


def _axis(symbol: str, columns: Sequence[int]) -> str:
    numbers = ", ".join(map(str, columns))
    merged = len(columns) > 1
    return f"  CONFIG_{symbol}: column{'s' * merged} {numbers}{' as one' * merged}"


def _never(record: Mapping[str, Any]) -> str:
    values = shorten_values(record["values"])
    return f"  CONFIG_{record['symbol']} is never {values}: {record['reason']}"


def shorten_values(values: Sequence[str]) -> str:
    """Return the values of an axis by commas, of many the first three and the last."""
    if len(values) <= 8:
        return ", ".join(values)
    return f"{', '.join(values[:3])}, ... {values[-1]}"
