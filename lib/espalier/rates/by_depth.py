"""Rates by where a layer is: layer `depth` of `layers`, 0 being nearest to the input.

Source: timm's and BEiT's layer decay (cascade); Howard and Ruder 2018, "Universal Language Model
Fine-tuning for Text Classification", arXiv:1801.06146 (discriminative rates, gradual unfreezing);
Brock et al. 2017, "FreezeOut", arXiv:1706.04983 (freezing).
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from typing_extensions import override

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.rates.param_view import Moment, ParamView, Strategy

Slow = Literal["input", "output"]


def cascade(depth: int, layers: int, decay: float, slow: Slow = "input") -> float:
    """Return `decay` to the power of the distance from the fastest layer, the last or first."""
    return decay ** (layers - 1 - depth if slow == "input" else depth)


def freezing_time(depth: int, layers: int, first: float) -> float:
    """Return the share of the run after which a layer freezes: `first` to 1 by depth."""
    return first + (1.0 - first) * depth / (layers - 1) if layers > 1 else 1.0


def until_frozen(progress: float, end: float) -> float:
    """Return half a cosine from 1 to 0 at `end`; with an `end` of 1, never frozen, 1."""
    if end >= 1.0:
        return 1.0
    return (1.0 + math.cos(math.pi * progress / end)) / 2.0 if progress < end else 0.0


def unfrozen(depth: int, layers: int, epoch: int, every: int) -> bool:
    """Return whether a layer trains in `epoch` (from 0): from the last, one more each `every`."""
    return every == 0 or layers - 1 - depth <= epoch // every


@kconfig_dataclass
class Cascade(Strategy):
    """Each layer slower than the next one."""

    steady: ClassVar[bool] = True
    decay: float = symbol("RATES_CASCADE_DECAY")
    slow: Slow = symbol("RATES_CASCADE_SLOW")

    @override
    def factor(self, part: ParamView) -> float:
        return cascade(part.depth, part.layers, self.decay, self.slow)


@kconfig_dataclass
class Pretrained(Strategy):
    """All but the last `fresh` layers are known already and drift; their vectors adapt.

    Vectors are biases and normalisation parameters. `unfreeze` is in epochs a layer, 0 for none.
    """

    fresh: int = symbol("RATES_PRETRAINED_FRESH")
    ratio: float = symbol("RATES_PRETRAINED_RATIO")
    adapter: float = symbol("RATES_PRETRAINED_ADAPTER")
    unfreeze: int = symbol("RATES_PRETRAINED_UNFREEZE")

    @override
    def factor(self, part: ParamView) -> float:
        if self.frozen(part.depth, part.layers, part.moment):
            return 0.0
        if part.depth >= part.layers - self.fresh:
            return 1.0
        return self.adapter if part.weight.ndim <= 1 else self.ratio

    @override
    def frozen(self, depth: int, layers: int, moment: Moment) -> bool:
        epoch = moment.step // moment.steps_per_epoch
        return depth < layers - self.fresh and not unfrozen(depth, layers, epoch, self.unfreeze)


@kconfig_dataclass
class Freezing(Strategy):
    """From the input on, layers slow down and are frozen for good; the last one never is.

    Differs from FreezeOut: the last layer follows the schedule of the run and no other.
    """

    first: float = symbol("RATES_FREEZING_FIRST")

    @override
    def factor(self, part: ParamView) -> float:
        end = freezing_time(part.depth, part.layers, self.first)
        return until_frozen(part.moment.progress, end)

    @override
    def frozen(self, depth: int, layers: int, moment: Moment) -> bool:
        return until_frozen(moment.progress, freezing_time(depth, layers, self.first)) == 0.0
