"""The orthogonal sampler: the rows of an orthogonal array, each with every seed.

It refuses a sweep in which Kconfig or a budget leaves out or collapses any of them, since the means
of what is left would no longer be comparable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from typing_extensions import override

from espalier.core.errors import UserError
from espalier.core.trial import REPETITION, Record
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.kconfig.requests import Request, Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan import expand, sensible_runs
from espalier.plan.expand import Expansion
from espalier.plan.samplers import orthogonal_array
from espalier.plan.samplers.drawing import check_listed
from espalier.plan.samplers.orthogonal_array import Design
from espalier.plan.samplers.sampler import Sampler
from espalier.plan.samplers.space import repetitions

GRID = "SAMPLER=grid"


@kconfig_dataclass
class OrthogonalSampler(Sampler):
    """Takes the smallest array that has a column for every axis."""

    @override
    def sample(
        self, symbols: Symbols, requested: Requests, limit: int | None, strict: bool
    ) -> Expansion:
        return by_array(symbols, requested, limit, strict)


def by_array(symbols: Symbols, requested: Requests, limit: int | None, strict: bool) -> Expansion:
    """Expand to the rows of the smallest array that takes every axis, each with every seed.

    An axis that is off in all of them is left out of the array, as a grid would collapse it.
    Raises UserError if no array takes the axes, or a row is not a trial for every seed.
    """
    check_listed(symbols, requested)
    axes = [r for r in requested.values() if r.is_axis and r.name not in REPETITION]
    while axes:
        design = _design(axes)
        rows = [_values(axes, row) for row in design.rows]
        expansion = expand.expand(symbols, requested, limit, strict, rows)
        on = [axis for axis in axes if any(axis.name in c for c in expansion.configs.values())]
        if on == axes or not expansion.configs:
            _check(axes[0].place.path, expansion, rows, design)
            _check_runs(requested, expansion, design)
            _count(expansion, len(rows) * repetitions(requested), design)
            expansion.design = _record(axes, design)
            return expansion
        axes = on
    return expand.expand(symbols, requested, limit, strict)


def _design(axes: Sequence[Request]) -> Design:
    levels = [len(axis.values) for axis in axes]
    design = orthogonal_array.choose(levels)
    if design is not None:
        return design
    odd = next((axis for axis in axes if orthogonal_array.choose([len(axis.values)]) is None), None)
    if odd is not None:
        what = f"{odd.place}: CONFIG_{odd.name} has {len(odd.values)} values, as no column has"
    else:
        sizes = ", ".join(f"CONFIG_{axis.name} has {len(axis.values)}" for axis in axes)
        what = f"{axes[0].place}: no array takes all axes ({sizes})"
    raise UserError(
        f"{what}; there are {orthogonal_array.OFFERS} (values^axes); "
        f"change the numbers of values, or take {GRID} ({math.prod(levels)} combinations)"
    )


def _values(axes: Sequence[Request], row: Sequence[int]) -> dict[str, str]:
    return {axis.name: axis.values[level] for axis, level in zip(axes, row, strict=True)}


def _check(
    path: str, expansion: Expansion, rows: Sequence[Mapping[str, str]], design: Design
) -> None:
    """Raise UserError if a row is refused, or an axis is off in it."""
    for fault in expansion.faults:
        row = " ".join(f"CONFIG_{name}={value}" for name, value in fault.row.items())
        raise UserError(
            f"{path}: {fault.reason}: row {rows.index(fault.row) + 1} of {design.array} ({row}) "
            f"falls out, and without it no mean is balanced; take those values out, or {GRID}"
        )


def _check_runs(requested: Requests, expansion: Expansion, design: Design) -> None:
    """Raise UserError if a row would be refused in its run."""
    refused = sensible_runs.refusals(expansion)
    if refused and len(refused) == len(expansion.configs):
        raise sensible_runs.all_refused(refused, expansion, requested)
    for error in refused.values():
        raise UserError(
            f"{design.array}: {len(refused)} of {len(expansion.configs)} trials would be refused "
            f"at their start, and without them no mean is balanced: {error}; or take {GRID}"
        )


def _count(expansion: Expansion, expected: int, design: Design) -> None:
    """Raise UserError unless every row is one trial for every seed."""
    if len(expansion.configs) != expected:
        raise UserError(
            f"{design.array}: its rows and seeds are {expected} trials, but "
            f"{len(expansion.configs)} different configurations, so no mean is balanced; "
            f"take {GRID}"
        )


def _record(axes: Sequence[Request], design: Design) -> Record:
    """Return the array as it stands in the plan's header."""
    return {
        "array": design.array,
        "rows": len(design.rows),
        "combinations": design.combinations,
        "strength": design.strength,
        "axes": [
            {"symbol": axis.name, "columns": list(column)}
            for axis, column in zip(axes, design.columns, strict=True)
        ],
    }
