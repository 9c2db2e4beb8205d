"""Newborns that are taught by the dying before they take their places."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Unpack

import torch
from torch import Tensor, nn

from espalier.apoptosis.layer_population import LayerPopulation
from espalier.apoptosis.function_preserving import ExactApoptosis, ExactOptions
from espalier.apoptosis.fitness import Measure
from espalier.apoptosis.neuron import check
from espalier.apoptosis.activation_hooks import Observation
from espalier.apoptosis.patterns import Names
from espalier.apoptosis.replacement_ops import Parents, drawn_parents, relative_noise, sole
from espalier.apoptosis.candidate_neurons import CandidateNeurons
from espalier.surgery import death
from espalier.surgery.death import Substitute
from espalier.surgery.pairs import Layer

LESSON = 256
"""Positions that shadows are taught on, at least one sample's."""


@dataclass(frozen=True)
class _Heirs:
    """CandidateNeurons who are ready, what the consumer will make of them, and their parents."""

    shadows: CandidateNeurons
    outgoing: Tensor  # (outputs, n * per, ...)
    parents: Tensor  # (n,)


class DistillationApoptosis(ExactApoptosis):
    """Each of the dying teaches its successor, and both survivors and successors replace it.

    At an event each of the dying gets a shadow, the mutation of a fit parent, which takes
    `distillation_steps` steps of descent towards doing on the observed inputs what the dying does.
    Then what the dying do is expressed by survivors and shadows together (least squares, as in
    folding, which has the survivors only), and the shadows take the slots, read accordingly. With
    many steps a shadow becomes the one that it replaces.

    Source: the earlier apoptosis code's class of this name, for the aim.
    Differs: there, shadows were neither taught nor put in place.
    """

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        fitness_metric: Measure = "grad_activation",
        distillation_steps: int = 10,
        mutation_strength: float = 0.3,
        **options: Unpack[ExactOptions],
    ) -> None:
        """As the exact strategies; `distillation_steps` is 0 or more. Deaths and births are set."""
        known = distillation_steps >= 0
        check("distillation_steps", distillation_steps, known, "0 or more")
        for name in ("death", "birth"):
            check(name, options.get(name), name not in options, "left out: it is what this does")
        self.distillation_steps = distillation_steps
        self._heirs: dict[str, _Heirs] = {}  # between a death and the birth at once after it
        super().__init__(
            *(model, target_layers, prune_rate, apoptosis_interval),
            *(fitness_metric, mutation_strength),
            **options,
        )

    def _kill(self, colony: LayerPopulation, dying: Tensor) -> Tensor | None:
        seen, site = colony.sight, colony.site
        shadows, parents = self._shadows(colony, dying)
        columns = site.pair.columns(dying)
        whole = _together(seen, dying, shadows)
        outgoing = death.as_read(site, death.taken(site, columns), whole.blend[columns])
        self._heirs[colony.name] = _Heirs(shadows, outgoing, parents)
        alive = death.others(len(whole.alive), columns)
        return death.kill(site, replace(whole, alive=alive, blend=whole.blend[alive]))

    def _shadows(self, colony: LayerPopulation, dying: Tensor) -> tuple[CandidateNeurons, Tensor]:
        """Taught mutations of the fit, and their parents (n,)."""
        pair, seen = colony.site.pair, colony.sight
        healthy, fitness = colony.others(dying), colony.ageing.fitness
        cradle = self._cradle(pair.producer, dying, healthy, fitness)
        parents = drawn_parents(cradle)[:, 0]
        shadows = CandidateNeurons.of(pair, parents)
        rows = shadows.making["weight"]
        noise = relative_noise(rows, cradle.generator)
        shadows.making["weight"] = rows + self.mutation_strength * noise
        lesson = _some(seen)
        wanted = CandidateNeurons.of(pair, dying).answer(lesson, whole=False)
        shadows.teach(lesson, wanted, self.distillation_steps)
        shadows.settle(seen.given)
        return shadows, parents

    def _regrow_neurons(
        self, layer: Layer, dying_indices: Tensor, healthy_indices: Tensor, fitness: Tensor
    ) -> Parents | None:
        """See the standard strategy. What the newborns do has been taken from the survivors."""
        cradle = self._cradle(layer, dying_indices, healthy_indices, fitness)
        site, heirs = cradle.site, self._heirs.pop(cradle.colony.name)
        heirs.shadows.install(dying_indices)
        columns = site.pair.columns(dying_indices)
        site.pair.consumer.weight.index_copy_(1, columns, heirs.outgoing)
        site.obey()
        return sole(heirs.parents)


def _some(seen: Observation) -> Tensor:
    """Inputs of the producer at `LESSON` positions or a few more."""
    if isinstance(seen.pair.producer, nn.Linear):
        flat = seen.given.flatten(0, -2)
        return flat[:: -(-len(flat) // LESSON)].contiguous()
    places = seen.made[0, 0].numel()
    return seen.given[:: max(1, len(seen.given) * places // LESSON)]


@torch.no_grad()
def _together(seen: Observation, dying: Tensor, shadows: CandidateNeurons) -> Substitute:
    """The dying as functions of all inputs of the consumer, in their own slots the shadows'.

    The moments are those of what is seen, with the rows and columns of the dying exchanged.
    """
    pair, known = seen.pair, seen.statistics
    columns = pair.columns(dying)
    extra, own = pair.samples(shadows.answer(seen.given)), pair.samples(seen.fed)
    usual = extra.mean(0)
    extra = extra - usual
    fresh, lost = own.T @ extra, known.scatter.index_select(1, columns)
    across = lost.index_copy(0, columns, fresh[columns].T)
    fresh[columns] = extra.T @ extra
    inner = known.scatter.index_copy(0, columns, fresh.T).index_copy_(1, columns, fresh)
    count = max(known.count, 1)
    looseness = death.RIDGE * (len(inner) + len(columns)) / count
    blend, rest = death.regression(inner, across, lost[columns], looseness)
    constant = known.mean[columns] - known.mean.index_copy(0, columns, usual) @ blend
    every = torch.arange(len(inner), device=inner.device)
    return Substitute(dying, every, blend, constant, known.shares, rest / count)
