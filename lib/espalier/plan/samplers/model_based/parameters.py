"""The axes of a sweep as parameters of an Optuna study.

A list of numbers keeps its order: its parameter is the place in the list, so that `1e-4:*10:1e-1`
is spaced evenly, as its steps are. Where conditions leave only some of a list, those are a
parameter of their own, since Optuna's lists cannot change; an interval may, and stays the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from espalier.kconfig.number_range import NumberInterval
from espalier.plan.samplers.axes import Axis, AxisKind, Options

if TYPE_CHECKING:
    from optuna import Trial


def suggest(trial: Trial, axis: Axis, options: Options) -> str:
    """Return the value that a trial takes of an axis, among the options that are valid now."""
    if isinstance(options, NumberInterval):
        return options.nearest(_number(trial, axis.name, options))
    if len(options) == 1:
        return options[0]
    name = axis.name if options == axis.options else f"{axis.name}[{'|'.join(options)}]"
    if axis.kind is AxisKind.ORDERED:
        return options[int(trial.suggest_int(name, 0, len(options) - 1))]
    return str(trial.suggest_categorical(name, options))


def _number(trial: Trial, name: str, interval: NumberInterval) -> float:
    low, high, log = interval.low, interval.high, interval.log
    if interval.whole:
        return int(trial.suggest_int(name, int(low), int(high), log=log))
    return float(trial.suggest_float(name, float(low), float(high), log=log))
