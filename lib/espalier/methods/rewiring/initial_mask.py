"""Where the first edges of a sparse network are: at random, or where the training data say.

Whatever the start, each layer has as many edges as it would have at random, and a layer that the
start does not speak of has the same ones.

Hidden units are told off to the classes in turn: unit h is of class h mod C. In the last layer the
edges from units to their classes come first, as far as there are edges. In the first layer a unit
gets edges to pixels drawn in proportion to what the pixels say about its class.

Source: StructureNet's "bootstrapped" networks, for the aim.
Differs: there the informed network had three times the edges of its control, and many began at 0,
because features were picked among weights that were not there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers import flops
from espalier.methods.growth.structure.input_pyramid import readers
from espalier.methods.rewiring import pixel_relevance
from espalier.methods.rewiring.seed_network import trained
from espalier.sparse.selection import select_per_unit

Start = Literal["random", "even", "data", "hierarchical"]
TINY = 1e-12  # a random number below it would have no logarithm


@dataclass(frozen=True)
class Begun:
    """The first edges, bool of each layer, and the epochs that finding them is charged with."""

    live: list[Tensor]
    charged: int = 0


@kconfig_dataclass
class StartPlan:
    """How a sparse network begins, and epochs of the small network, if one is asked."""

    start: Start = symbol("SPARSE_START")
    epochs: int | None = symbol("SPARSE_START_EPOCHS")

    @torch.no_grad()
    def begun(
        self, run: Run, weights: Sequence[Tensor], keys: Sequence[Tensor], counts: Sequence[int]
    ) -> Begun:
        """The first edges of `weights` (outputs, inputs, ...), `counts` of each layer.

        `keys`, uniform in [0, 1) and in the weights' shapes, are all that is random in it. A
        hierarchical start changes weights of the first and last layer too. Raises CannotTrain.
        """
        live = [select_per_unit(*pair) for pair in zip(keys, counts, strict=True)]
        if self.start == "random":
            return Begun(live)
        _check_pixels(run, weights[0])
        if len(weights) > 1:
            live[-1] = select_per_unit(keys[-1] + _to_classes(weights[-1]), counts[-1])
        if self.start == "even":
            return Begun(live)
        classes = len(weights[-1])
        units = torch.arange(len(weights[0]), device=weights[0].device) % classes
        if self.start == "data":
            found = pixel_relevance.contrasts(run.train, classes)
            live[0] = in_proportion(found[units], keys[0], counts[0])
            return Begun(live)
        return self._hierarchical(run, weights, MaskDraw(live, keys[0], counts), units)

    def _hierarchical(
        self, run: Run, weights: Sequence[Tensor], draw: MaskDraw, units: Tensor
    ) -> Begun:
        assert self.epochs is not None, "a hierarchical start has epochs"
        classes, pixels = len(weights[-1]), weights[0].shape[1]
        charged = _charge(run, self.epochs * classes * pixels, draw.counts)  # if it may be at all
        small = trained(run, classes, self.epochs)
        scores = small.abs() * pixel_relevance.deviations(run.train)
        draw.live[0] = in_proportion(scores[units], draw.keys, draw.counts[0])
        _take_over(weights[0], draw.live[0], small[units])
        if len(weights) == 2:  # the units themselves lead to the classes
            own = _to_classes(weights[1])
            weights[1].copy_(torch.where(own, weights[1].abs(), weights[1]))
        return Begun(draw.live, charged)


@dataclass(frozen=True)
class MaskDraw:
    """What is drawn so far, the first layer's random keys, and how much of each layer."""

    live: list[Tensor]
    keys: Tensor
    counts: Sequence[int]


def in_proportion(scores: Tensor, keys: Tensor, count: int) -> Tensor:
    """(outputs, inputs) bool: `count` edges drawn without repetition, none with a score of 0.

    All units are alike; within one, edges come in proportion to `scores`, 0 or more. Every unit
    gets one if there are enough. `keys` are uniform in [0, 1). Raises CannotTrain if too few
    scores are above 0.

    Source: Efraimidis and Spirakis 2006, "Weighted random sampling with a reservoir".
    """
    known = scores > 0
    if int(known.sum()) < count or not bool(known.any(1).all()):
        raise CannotTrain(
            "too_few_features",
            f"only {int(known.sum())} of {scores.numel()} weights of the first layer are at pixels "
            f"that say anything, and {count} are to live: lower CONFIG_SPARSE_DENSITY or set "
            "CONFIG_SPARSE_START=random",
        )
    shares = scores / scores.mean(1, keepdim=True)
    waits = -keys.clamp_min(TINY).log() / shares  # a race: infinite where there is no score
    return select_per_unit(1 / (1 + waits), count)


def _to_classes(weight: Tensor) -> Tensor:
    """(classes, units) bool: the edges from units to their own classes."""
    classes, units = weight.shape
    return (torch.arange(units) % classes == torch.arange(classes)[:, None]).to(weight.device)


def _take_over(weight: Tensor, live: Tensor, small: Tensor) -> None:
    """Give each unit its class's weights, as long together as those that it had."""
    taken = small * live
    length = (weight * live).norm(dim=1, keepdim=True)
    weight.copy_(taken * length / taken.norm(dim=1, keepdim=True).clamp_min(TINY))


def _check_pixels(run: Run, weight: Tensor) -> None:
    x, _ = next(iter(run.train.pieces(2)))
    found = readers(run.model, x)
    if found is None or [layer.weight is weight for layer in found] != [True]:
        raise CannotTrain(
            "start_without_pixels",
            "only CONFIG_SPARSE_START=random goes with a model that has not one first layer, "
            f"linear in all pixels; the model is a {type(run.model).__name__}: set "
            "CONFIG_MODEL=mlp or CONFIG_SPARSE_START=random",
        )


def _charge(run: Run, weights: int, counts: Sequence[int]) -> int:
    """Epochs of the run that so many weights, each trained for one epoch, cost.

    Raises CannotTrain if none would be left.
    """
    small = flops.of_weights(weights, weights)
    charged = math.ceil(small / flops.of_weights(sum(counts), counts[0]))
    if charged >= run.epochs:
        raise CannotTrain(
            "start_takes_all_epochs",
            f"the small network of CONFIG_SPARSE_START=hierarchical costs as much as {charged} "
            f"of {run.epochs} epochs: lower CONFIG_SPARSE_START_EPOCHS or raise CONFIG_NUM_EPOCHS",
        )
    return charged
