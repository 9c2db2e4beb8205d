"""Managers of the methods that renew neurons as others have published them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict, Unpack, get_args

import torch
from torch import nn

from espalier.core.arguments import check_choice, check_names
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_manager import ApoptosisManager
from espalier.methods.apoptosis.neurons.apoptosis_strategy import (
    ANY_RATE,
    ApoptosisOptions,
    check,
)
from espalier.methods.apoptosis.neurons.fitness import FitnessMetric
from espalier.methods.apoptosis.neurons.layer_patterns import Names
from espalier.sparse.processes import Group
from espalier.surgery.pairing.pair_names import PairNames

Utility = Literal["contribution", "adaptable_contribution"]
UTILITIES: dict[Utility, FitnessMetric] = {
    "contribution": "utility",
    "adaptable_contribution": "adaptable_utility",
}


class RenewalOptions(TypedDict, total=False):
    """Arguments by name: fields of `ApoptosisOptions` that a published method leaves open."""

    optimizer: torch.optim.Optimizer | None
    generator: torch.Generator | None
    shares: Mapping[str, float]
    process_group: Group
    pairs: PairNames | None
    example: Any


class ContinualBackprop(ApoptosisManager):
    """Continual backpropagation: at each step a share `replacement_rate` of the mature is renewed.

    Those with the least utility, a running average with `decay_rate` of mean |a| times the sum of
    |outgoing weights|, or of the `adaptable_contribution`. A neuron is mature when it is older than
    `maturity_threshold` steps, founders too. Parts of neurons are carried over. With `fold`, the
    running mean of what the dead did goes into the next bias; the published code means to do so
    and does not (see `strategies.continual_backprop`). Give the `optimizer`, or newborns inherit
    its state.

    Source: Dohare et al. 2024, "Loss of plasticity in deep continual learning", Nature 632,
    algorithm 1, and its code `gnt.py` with `accumulate`.
    Differs: newborns are drawn with the deviation that the layer's weights had at first; a sum of
    parts within 1e-9 of a whole number counts as it; Adam's epsilon is added after the correction
    of its bias, as torch does; of large layers a sample of the batch is looked at.
    """

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        replacement_rate: float = 1e-4,
        maturity_threshold: int = 100,
        decay_rate: float = 0.99,
        util_type: Utility = "contribution",
        *,
        fold: bool = True,
        **options: Unpack[RenewalOptions],
    ) -> None:
        """Raises ValueError for anything out of range."""
        check_names(type(self), options, RenewalOptions.__annotations__)
        check_choice("util_type", util_type, get_args(Utility))
        check("replacement_rate", replacement_rate, 0 <= replacement_rate < 1, "in [0, 1)")
        check("maturity_threshold", maturity_threshold, maturity_threshold >= 0, "0 or more")
        check("decay_rate", decay_rate, 0 <= decay_rate < 1, "in [0, 1)")
        shared = ApoptosisOptions(
            *(replacement_rate, 1, UTILITIES[util_type]),
            maturity=maturity_threshold + 1,
            decay=decay_rate,
            **options,
        )
        super().__init__(model, target_layers, strategies.continual_backprop(fold), shared)


class ReDo(ApoptosisManager):
    """ReDo: every `period` steps all dormant neurons are renewed.

    Dormant is one whose mean |a| is at most `threshold` times the mean of its layer's neurons, on
    the batch of that step. Its incoming weights are drawn anew, its bias and outgoing weights
    are 0.

    Source: Sokar et al. 2023, "The Dormant Neuron Phenomenon in Deep Reinforcement Learning",
    arXiv 2302.12902, algorithm 1.
    Differs: newborns are drawn with the deviation that the layer's weights had at first. With
    Adam the count of its steps begins anew as well as its moments; in their code the count goes on,
    and first updates are several times too large.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        threshold: float = 0.1,
        period: int = 1000,
        **options: Unpack[RenewalOptions],
    ) -> None:
        """Raises ValueError for anything out of range."""
        check_names(type(self), options, RenewalOptions.__annotations__)
        check("period", period, period >= 1 and period == int(period), "a whole number, 1 or more")
        shared = ApoptosisOptions(ANY_RATE, period, "activity", maturity=0, **options)
        super().__init__(model, target_layers, strategies.redo(threshold), shared)
