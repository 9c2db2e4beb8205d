"""The first mask of a sparse network: at random, by a network model, or where the data point.

Whatever the start, each layer has as many edges as at random, and a layer that the start does not
concern has the same ones. Receptive fields and small worlds concern every layer, correlations all
but the last.

Where classes are told apart hidden units are assigned to the classes in turn: unit h belongs to
class h mod C. In the last layer the edges from units to their classes come first, as far as there
are edges. In the first layer a unit gets edges to pixels drawn in proportion to the relevance of
the pixels for its class.

Source: StructureNet's "bootstrapped" networks, for the aim.
Differs: there the informed network had three times the edges of its control, and many began at 0,
because features were picked among weights that were not there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring import pixel_relevance
from espalier.methods.rewiring.seed_network import train_linear_classifier
from espalier.methods.rewiring.topology.correlated_links import (
    link_correlated,
    pixel_correlations,
)
from espalier.methods.rewiring.topology.first_links import (
    link_receptive_fields,
    link_small_world,
)
from espalier.sparse.selection import select_per_unit
from espalier.train.costs.layer_products import count_of_weights
from espalier.train.input_layers import find_input_layers

Start = Literal[
    "random", "even", "data", "hierarchical", "correlated", "receptive_field", "small_world"
]
MODELS = {"receptive_field": link_receptive_fields, "small_world": link_small_world}
TINY = 1e-12  # a random number below it would have no logarithm


@kconfig_dataclass
class InitialMask:
    """The kind of start, the epochs of a hierarchical one, the randomness of a network model."""

    start: Start = symbol("SPARSE_START")
    epochs: int | None = symbol("SPARSE_START_EPOCHS")
    randomness: float | None = symbol("SPARSE_START_RANDOMNESS")

    @torch.no_grad()
    def draw(
        self, run: Run, weights: Sequence[Tensor], keys: Sequence[Tensor], counts: Sequence[int]
    ) -> tuple[list[Tensor], int]:
        """Return the first edges of `weights`, `counts` of each layer, and the epochs they cost.

        Weights are (outputs, inputs, ...), masks bool in their shapes. `keys`, uniform in [0, 1) in
        the same shapes, are all that is random. A hierarchical start changes weights of the first
        and last layer too. Raises CannotTrain.
        """
        live = [select_per_unit(*pair) for pair in zip(keys, counts, strict=True)]
        if self.start == "random":
            return live, 0
        if self.start in MODELS:
            assert self.randomness is not None, "a network model has a randomness"
            link = partial(MODELS[self.start], randomness=self.randomness)
            return [link(*pair) for pair in zip(keys, counts, strict=True)], 0
        _check_pixels(run, weights[0])
        if self.start == "correlated":
            correlations = pixel_correlations(run.train)
            pairs = zip(keys[:-1], counts[:-1], strict=True)
            return [*(link_correlated(correlations, *pair) for pair in pairs), live[-1]], 0
        if len(weights) > 1:
            live[-1] = select_per_unit(keys[-1] + _to_classes(weights[-1]), counts[-1])
        if self.start == "even":
            return live, 0
        classes = len(weights[-1])
        units = torch.arange(len(weights[0]), device=weights[0].device) % classes
        if self.start == "data":
            relevance = pixel_relevance.fisher_scores(run.train, classes)
            live[0] = sample_in_proportion(relevance[units], keys[0], counts[0])
            return live, 0
        assert self.epochs is not None, "a hierarchical start has epochs"
        charged = _charge(run, self.epochs * classes * weights[0].shape[1], counts)
        small = train_linear_classifier(run, classes, self.epochs)
        scores = small.abs() * pixel_relevance.pixel_deviations(run.train)
        live[0] = sample_in_proportion(scores[units], keys[0], counts[0])
        _copy_weights(weights[0], live[0], small[units])
        if len(weights) == 2:  # the units themselves lead to the classes
            own = _to_classes(weights[1])
            weights[1].copy_(torch.where(own, weights[1].abs(), weights[1]))
        return live, charged


def sample_in_proportion(scores: Tensor, keys: Tensor, count: int) -> Tensor:
    """Draw `count` edges without repetition, none with a score of 0: (outputs, inputs) bool.

    All units are alike; within one, edges come in proportion to `scores`, 0 or more. Every unit
    gets one if there are enough. `keys` are uniform in [0, 1). Raises CannotTrain if too few
    scores are above 0.

    Source: Efraimidis and Spirakis 2006, "Weighted random sampling with a reservoir".
    """
    relevant = scores > 0
    if int(relevant.sum()) < count or not bool(relevant.any(1).all()):
        raise CannotTrain(
            "too_few_features",
            f"only {int(relevant.sum())} of {scores.numel()} weights of the first layer are at "
            f"pixels that say anything, and {count} are to live: lower CONFIG_SPARSE_DENSITY or "
            "set CONFIG_SPARSE_START=random",
        )
    shares = scores / scores.mean(1, keepdim=True)
    waits = -keys.clamp_min(TINY).log() / shares  # a race: infinite where there is no score
    return select_per_unit(1 / (1 + waits), count)


def _to_classes(weight: Tensor) -> Tensor:
    """Mark the edges from units to their own classes: (classes, units) bool."""
    classes, units = weight.shape
    return (torch.arange(units) % classes == torch.arange(classes)[:, None]).to(weight.device)


def _copy_weights(weight: Tensor, live: Tensor, source: Tensor) -> None:
    """Give each unit the live weights of its `source`, with the norm of those that it had."""
    copied = source * live
    norm = (weight * live).norm(dim=1, keepdim=True)
    weight.copy_(copied * norm / copied.norm(dim=1, keepdim=True).clamp_min(TINY))


def _check_pixels(run: Run, weight: Tensor) -> None:
    x, _ = next(iter(run.train.pieces(2)))
    layers = find_input_layers(run.model, x)
    if layers is None or [layer.weight is weight for layer in layers] != [True]:
        raise CannotTrain(
            "start_without_pixels",
            "only CONFIG_SPARSE_START=random goes with a model that has not one first layer, "
            f"linear in all pixels; the model is a {type(run.model).__name__}: set "
            "CONFIG_MODEL=mlp or CONFIG_SPARSE_START=random",
        )


def _charge(run: Run, weights: int, counts: Sequence[int]) -> int:
    """Return the epochs of the run that `weights`, each trained for one epoch, cost.

    Raises CannotTrain if none would be left.
    """
    small = count_of_weights(weights, weights)
    charged = math.ceil(small / count_of_weights(sum(counts), counts[0]))
    if charged >= run.epochs:
        raise CannotTrain(
            "start_takes_all_epochs",
            f"the small network of CONFIG_SPARSE_START=hierarchical costs as much as {charged} "
            f"of {run.epochs} epochs: lower CONFIG_SPARSE_START_EPOCHS or raise CONFIG_NUM_EPOCHS",
        )
    if run.costs is not None:
        run.costs.add_operations(small * len(run.train))
    return charged
