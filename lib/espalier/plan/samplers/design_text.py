"""What a sampler chose, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def describe_design(design: Mapping[str, Any]) -> str:
    """Return `L9: 9 of 81 combinations`, or `random: 50 of 6,812 feasible combinations, seed 0`.

    Of a sampler that learns, `tpe: 10 of 50 configurations proposed, seed 0`.
    """
    if "array" in design:
        return f"{design['array']}: {design['rows']} of {design['combinations']} combinations"
    if "proposals" in design:
        so_far = "{sampler}: {done} of {trials} configurations proposed, seed {seed}"
        return so_far.format_map({**design, "done": len(design["proposals"])})
    drawn = "{sampler}: {drawn} of {combinations:,} feasible combinations, seed {seed}"
    return drawn.format_map(design)


def design_lines(design: Mapping[str, Any]) -> list[str]:
    """Return what was chosen and which column each axis took of an array; nothing for a grid."""
    if not design:
        return []
    axes = design.get("axes", [])
    return ["", describe_design(design), *(_axis(axis["symbol"], axis["columns"]) for axis in axes)]


def _axis(symbol: str, columns: Sequence[int]) -> str:
    numbers = ", ".join(map(str, columns))
    merged = len(columns) > 1
    return f"  CONFIG_{symbol}: column{'s' * merged} {numbers}{' as one' * merged}"
