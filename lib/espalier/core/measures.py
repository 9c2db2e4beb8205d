"""The measures that can rank configurations: their names, units and directions."""

from __future__ import annotations

import math
from dataclasses import dataclass

from espalier.core.errors import UserError


@dataclass(frozen=True)
class Measure:
    """A final measure of a trial that can rank configurations.

    `curve` is the measure of an epoch that shows its course. It is empty for measures on the test
    data, which is read once, at the end.
    """

    name: str  # as trials report it
    label: str
    short: str  # the label where there is little room
    unit: str  # printed after a number
    decimals: int
    larger: bool  # whether more is better
    maximum: float  # the largest possible value; the smallest is 0
    curve: str = ""

    @property
    def sign(self) -> int:
        """1 if more is better, -1 if less is."""
        return 1 if self.larger else -1

    @property
    def tested(self) -> bool:
        """Whether it is measured on the test data, so that to select by it overstates it."""
        return self.name.startswith("test_")

    @property
    def over_tasks(self) -> bool:
        """Whether it is a mean over the ends of the tasks of a run whose data shifts."""
        return self.name.startswith("mean_")

    @property
    def difference_unit(self) -> str:
        """The unit of a difference: two percentages differ by points."""
        return " points" if self.unit == "%" else self.unit

    def number(self, value: float, sign: str = "") -> str:
        """Return a value as text without its unit; `sign` is `+` for a difference."""
        return format(value, f"{sign}.{self.decimals}f")

    def with_unit(self, value: float, sign: str = "") -> str:
        """Return a value as text with its unit; `sign` is `+` for a difference."""
        return self.number(value, sign) + (self.difference_unit if sign else self.unit)


def _accuracy(name: str, label: str, short: str, curve: str = "") -> Measure:
    return Measure(name, label, short, "%", 2, True, 100.0, curve)


def _loss(name: str, label: str, short: str, curve: str = "") -> Measure:
    return Measure(name, label, short, " nats", 4, False, math.inf, curve)


VAL_ACC = _accuracy("val_acc", "validation accuracy", "val acc", "val_acc")
TEST_ACC = _accuracy("test_acc", "test accuracy", "test acc")
VAL_LOSS = _loss("val_loss", "validation loss", "val loss", "val_loss")
MEASURES = {
    measure.name: measure
    for measure in (
        VAL_ACC,
        TEST_ACC,
        VAL_LOSS,
        _loss("test_loss", "test loss", "test loss"),
        _accuracy("mean_val_acc", "mean validation accuracy", "mean val acc", "val_acc"),
        _loss("mean_val_loss", "mean validation loss", "mean val loss", "val_loss"),
    )
}
"""By name, the default first. A mean is over the tasks of a run that has several."""


def find(name: str) -> Measure:
    """Return the measure `name`. Raises UserError if there is none."""
    if name not in MEASURES:
        raise UserError(f"RANK_BY={name}: must be one of {', '.join(MEASURES)}")
    return MEASURES[name]
