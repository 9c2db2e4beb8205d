"""Strategies whose births change nothing and whose deaths are made up for, all neurons at once."""

from __future__ import annotations

from typing import Unpack, cast, get_args

from torch import Tensor, nn

from espalier.apoptosis.layer_population import LayerPopulation
from espalier.apoptosis.fitness import Measure
from espalier.apoptosis.lineage import Op
from espalier.apoptosis.neuron import NeuronApoptosisManager, Options, check, one_of
from espalier.apoptosis.patterns import Names
from espalier.apoptosis.replacement_ops import BIRTHS, DEATHS, BirthKind, DeathKind, Parents
from espalier.surgery import gradmax
from espalier.surgery.death import kill
from espalier.surgery.pairs import Layer


class ExactOptions(Options, total=False):
    """`Options`, and how neurons die (`death`) and are born (`birth`): see `replacing`."""

    death: DeathKind
    birth: BirthKind


class ExactApoptosis(NeuronApoptosisManager):
    """What the strategies have in common whose events leave what the network knows."""

    _birth: BirthKind = "mutation"
    _death: DeathKind = "fold"

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        fitness_metric: Measure = "grad_activation",
        mutation_strength: float = 0.3,
        **options: Unpack[ExactOptions],
    ) -> None:
        """As the standard strategy.

        Differs: `mutation_strength` is relative to the size of the parent's weights.
        """
        self._death = options.pop("death", self._death)
        self._birth = options.pop("birth", self._birth)
        check("death", self._death, self._death in DEATHS, one_of(get_args(DeathKind)))
        check("birth", self._birth, self._birth in BIRTHS, one_of(get_args(BirthKind)))
        super().__init__(
            model,
            target_layers,
            prune_rate,
            apoptosis_interval,
            fitness_metric,
            mutation_strength=mutation_strength,
            **cast(Options, options),
        )
        self._check_births()

    def _check_births(self) -> None:
        """Raise ValueError now, not at the first event, if there is no such birth here."""
        if self._birth == "gradmax":
            try:
                for colony in self.colonies:
                    gradmax.check(colony.site.pair)
            except ValueError:
                self.remove()
                raise

    def _kill(self, colony: LayerPopulation, dying: Tensor) -> Tensor | None:
        pair = colony.site.pair
        substitute = DEATHS[self._death](pair, dying, colony.sight.statistics)
        damage = kill(colony.site, substitute)
        if pair.norm is not None and pair.norm.weight is not None:
            # under a scale of 0 those who write a layer's rows alone would give birth to nobody
            pair.norm.weight.index_fill_(0, dying, 1.0)
        return damage

    def _regrow_neurons(
        self, layer: Layer, dying_indices: Tensor, healthy_indices: Tensor, fitness: Tensor
    ) -> Parents | None:
        """See the standard strategy. The dead are read by nobody any more: any birth is exact."""
        return BIRTHS[self._birth](self._cradle(layer, dying_indices, healthy_indices, fitness))

    def _welcome(
        self, colony: LayerPopulation, slots: Tensor, parents: Parents | None, op: Op = "birth"
    ) -> None:
        split = parents is not None and self._birth == "split"
        super()._welcome(colony, slots, parents, "split" if split else op)
