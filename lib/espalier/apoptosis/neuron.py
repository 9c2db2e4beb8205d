"""Neuron apoptosis in anybody's training loop: the standard strategy, and what all share.

Call `step()` after each update of the optimizer, before gradients are cleared. At every event the
least fit neurons of each layer die, and others are born into their slots.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypedDict, Unpack, get_args

import torch
from torch import Tensor, nn

from espalier.apoptosis import fitness as measures
from espalier.apoptosis.fitness_ema import FitnessEma
from espalier.apoptosis.layer_population import LayerPopulation
from espalier.apoptosis.lineage import Lineage, Op
from espalier.apoptosis.patterns import Names, chosen
from espalier.apoptosis.replacement_ops import REGROWTHS, BirthContext, Parents, Regrowth
from espalier.apoptosis.stat_sources import LivePassStats, StatSource
from espalier.surgery.law import law_of
from espalier.surgery.pairs import Layer, Pair, find_pairs
from espalier.surgery.restart import Restarts
from espalier.surgery.site import Site

MATURITY = 100
"""Steps for which a newborn is not judged, as in the code of Dohare et al. 2024."""


class ApoptosisEvent(NamedTuple):
    """Neurons of one layer that died, or were added, at one step."""

    step: int
    layer: str
    count: int  # type: ignore[assignment]


class Options(TypedDict, total=False):
    """What every strategy takes beside its own arguments, by name.

    `optimizer`: its state follows the neurons; without it, newborns inherit the state of the dead.
    `generator`: of all random decisions, on the CPU; by default one with seed 0. `maturity`: steps
    for which a newborn is not judged. `decay`: of the running average of fitness over events, in
    [0, 1). `invert`: the fittest die, as a control. `anneal_steps`: turnover falls along half a
    cosine to nothing at this step (0: it stays as it is). `shares`: what the rate is multiplied
    with, by layer. `watcher`: where neurons are seen; by default in the passes of the loop.
    """

    optimizer: torch.optim.Optimizer | None
    generator: torch.Generator | None
    maturity: int
    decay: float
    invert: bool
    anneal_steps: int
    shares: Mapping[str, float]
    watcher: Callable[[list[Pair]], StatSource]


class NeuronApoptosisManager:
    """The standard strategy: the least fit are zeroed and become mutations of the fit.

    Their outgoing weights stay, so that new features enter with the influence of the old: an
    event costs much. It is here to be compared with.

    Source: the earlier apoptosis code's class of this name.
    Differs: fractions of neurons are carried over to the next event; newborns are left alone until
    they are mature; optimizer state of newborns is reset; fitness is of the last update's batch.
    """

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        fitness_metric: measures.Measure = "grad_activation",
        regrowth_strategy: Regrowth = "mutation",
        mutation_strength: float = 0.3,
        **options: Unpack[Options],
    ) -> None:
        """`target_layers` are names of layers, with wildcards or `...`; all that can, if None.

        `prune_rate` is the share of neurons replaced at each event, in [0, 1), and an event comes
        every `apoptosis_interval` steps. `mutation_strength` is the deviation of the noise added
        to weights. Raises ValueError for anything out of range, and for a model without pairs.
        """
        _refuse_unknown(self, options)
        check("prune_rate", prune_rate, 0 <= prune_rate < 1, "in [0, 1)")
        check("apoptosis_interval", apoptosis_interval, apoptosis_interval >= 1, "1 or more")
        check("mutation_strength", mutation_strength, mutation_strength >= 0, "0 or more")
        known = get_args(measures.Measure)
        check("fitness_metric", fitness_metric, fitness_metric in known, one_of(known))
        check(
            "regrowth_strategy",
            regrowth_strategy,
            regrowth_strategy in REGROWTHS,
            one_of(REGROWTHS),
        )
        self.model, self.prune_rate, self.apoptosis_interval = model, prune_rate, apoptosis_interval
        self.fitness_metric, self.regrowth_strategy = fitness_metric, regrowth_strategy
        self.mutation_strength = mutation_strength
        self.step_count = 0
        self.apoptosis_events: list[ApoptosisEvent] = []
        self._options: Options = options
        self._generator = options.get("generator") or torch.Generator().manual_seed(0)
        self._restarts = _restarts(options.get("optimizer"))
        self.colonies = [self._colony(pair) for pair in _pairs(model, target_layers)]
        self.lineage = Lineage({colony.name: colony.size for colony in self.colonies})
        watcher = options.get("watcher", LivePassStats)
        self._watcher = watcher([colony.site.pair for colony in self.colonies])
        self._watcher.expect(self._looks_at(1))

    def _colony(self, pair: Pair) -> LayerPopulation:
        options, weight = self._options, pair.producer.weight
        site = Site(pair, options.get("optimizer"), restarts=self._restarts)
        maturity, decay = options.get("maturity", MATURITY), options.get("decay", 0.0)
        ageing = FitnessEma(pair.size, decay, maturity, weight.device)
        ageing.step(maturity)  # founders are grown up
        share = options.get("shares", {}).get(pair.name, 1.0)
        return LayerPopulation(site, ageing, law_of(pair.producer), share)

    # -- time ----------------------------------------------------------------------------------

    def step(self) -> None:
        """An update of the optimizer is done; what is due happens."""
        self.step_count += 1
        if self._restarts is not None:
            self._restarts.after_step()
        if not self._looks_at(self.step_count) or self._see():
            self._live()
        for colony in self.colonies:
            colony.seen = None
        self._watcher.expect(self._looks_at(self.step_count + 1))

    @property
    def due(self) -> bool:
        """Whether the coming `step()` brings an event."""
        return self.is_due(self.step_count + 1)

    @property
    def busy(self) -> bool:
        """Whether an event that has begun is not over."""
        return False

    def is_due(self, step: int) -> bool:
        """Whether an event begins at `step` (1 is the first)."""
        return step % self.apoptosis_interval == 0 and self._rate(step) > 0

    def _looks_at(self, step: int) -> bool:
        """Whether neurons must be seen at work for what happens at `step`."""
        return self.is_due(step)

    def _rate(self, step: int) -> float:
        """The share of neurons to replace at `step`.

        Source: the cosine of Evci et al. 2020, "Rigging the Lottery", arXiv:1911.11134.
        """
        end = self._options.get("anneal_steps", 0)
        if not end:
            return self.prune_rate
        return self.prune_rate * 0.5 * (1 + math.cos(math.pi * min(step / end, 1.0)))

    def _go_on(self) -> None:
        """What goes on between events, for strategies whose events take time."""

    def _see(self) -> bool:
        """Whether there is anything to go by: a network that diverges is left alone."""
        seen = self._watcher.look()
        for colony in self.colonies:
            colony.seen = seen[colony.name]
            colony.come_to(self.step_count)
        return all(one.finite for one in seen.values())

    def _live(self) -> None:
        self._go_on()
        if self.is_due(self.step_count):
            for colony in self.colonies:  # all, before a turn changes what the next is judged by
                self._judge(colony)
            for colony in self.colonies:
                self._turn(colony)

    # -- an event ------------------------------------------------------------------------------

    def _turn(self, colony: LayerPopulation) -> None:
        """The event of one layer, whose neurons have been judged."""
        dying = self._select(colony, colony.quota(self._rate(self.step_count)))
        if len(dying):
            self._replace(colony, dying)

    def _judge(self, colony: LayerPopulation) -> None:
        invert = self._options.get("invert", False)
        found = measures.judge(self.fitness_metric, [colony.sight], self._generator, invert)
        colony.ageing.judge(found)

    def _select(self, colony: LayerPopulation, count: int) -> Tensor:
        """Who is to die: up to `count` slots (n,) of mature neurons."""
        return colony.ageing.weakest(count)

    @torch.no_grad()
    def _replace(self, colony: LayerPopulation, dying: Tensor) -> None:
        """Death and rebirth in the slots `dying` (n,)."""
        healthy, fitness = colony.others(dying), colony.ageing.fitness.clone()
        self._mourn(colony, dying, self._kill(colony, dying))
        layer = colony.site.pair.producer
        parents = self._regrow_neurons(layer, dying, healthy, fitness)
        self._welcome(colony, dying, parents)
        self.apoptosis_events.append(ApoptosisEvent(self.step_count, colony.name, len(dying)))

    def _kill(self, colony: LayerPopulation, dying: Tensor) -> Tensor | None:
        """Zero what makes the dying; the damage to what the layer after puts out, if known."""
        for parameter in (colony.site.pair.producer.weight, colony.site.pair.producer.bias):
            if parameter is not None:
                parameter.index_fill_(0, dying, 0.0)
        colony.site.begin_anew(dying)
        return None

    def _regrow_neurons(
        self, layer: Layer, dying_indices: Tensor, healthy_indices: Tensor, fitness: Tensor
    ) -> Parents | None:
        """Write the weights and biases of `layer` that make the neurons `dying_indices` (n,).

        To be overridden for a strategy of one's own. The dead are zeroed before, and optimizer
        state is taken care of. `healthy_indices` (m,) live on, `fitness` (neurons,) is higher for
        the fitter. May return, for each newborn, its parents' indices and shares. Called without
        gradients.
        """
        cradle = self._cradle(layer, dying_indices, healthy_indices, fitness)
        return REGROWTHS[self.regrowth_strategy](cradle)

    # -- what is remembered --------------------------------------------------------------------

    def _mourn(self, colony: LayerPopulation, dying: Tensor, damage: Tensor | None) -> None:
        values = colony.ageing.fitness[dying].tolist()
        drift = None if damage is None else float(damage)
        self.lineage.die(self.step_count, colony.name, dying.tolist(), values, drift=drift)
        colony.died += len(dying)

    def _welcome(
        self, colony: LayerPopulation, slots: Tensor, parents: Parents | None, op: Op = "birth"
    ) -> None:
        self.lineage.be_born(self.step_count, colony.name, slots.tolist(), parents, op)
        colony.ageing.reborn(slots)
        colony.born += len(slots)

    def get_stats(self) -> dict[str, dict[str, float]]:
        """For each layer: how many neurons, deaths and births, and their ages in steps."""
        return {colony.name: self._stats(colony) for colony in self.colonies}

    def _stats(self, colony: LayerPopulation) -> dict[str, float]:
        ages = torch.tensor(self.lineage.ages(colony.name, self.step_count), dtype=torch.float64)
        return {
            "neurons": colony.size,
            "deaths": colony.died,
            "births": colony.born,
            "mean_age": float(ages.mean()),
            "max_age": float(ages.max()),
            "min_age": float(ages.min()),
            "std_age": float(ages.std(correction=0)),
        }

    def assert_consistent(self) -> None:
        """Raise RuntimeError if what is remembered is not what the layers are."""
        for colony in self.colonies:
            known = {len(colony.ageing.age), len(self.lineage.ids(colony.name))}
            if known != {colony.size}:
                raise RuntimeError(f"{colony.name}: has {colony.size} neurons, {known} are known")

    def remove(self) -> None:
        """Take all hooks off the model. `step()` must not be called again."""
        self._watcher.remove()

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on exactly from here, in the middle of anything.

        The model's and the optimizer's own states are saved beside it, as always.
        """
        return {
            "step": self.step_count,
            "events": [tuple(event) for event in self.apoptosis_events],
            "colonies": {colony.name: colony.state_dict() for colony in self.colonies},
            "lineage": self.lineage.state_dict(),
            "generator": self._generator.get_state(),
            "restarts": None if self._restarts is None else self._restarts.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`, for a manager made with the same arguments."""
        self.step_count = state["step"]
        self.apoptosis_events = [ApoptosisEvent(*event) for event in state["events"]]
        for colony in self.colonies:
            colony.load_state_dict(state["colonies"][colony.name])
        self.lineage.load_state_dict(state["lineage"])
        self._generator.set_state(state["generator"])
        if self._restarts is not None:
            self._restarts.load_state_dict(state["restarts"])
        self._watcher.expect(self._looks_at(self.step_count + 1))

    def _cradle(self, layer: Layer, dying: Tensor, healthy: Tensor, fitness: Tensor) -> BirthContext:
        """What births need, from the arguments of `_regrow_neurons`."""
        colony = next(c for c in self.colonies if c.site.pair.producer is layer)
        return BirthContext(colony, dying, healthy, fitness, self._generator, self.mutation_strength)


def _pairs(model: nn.Module, names: Names | None) -> list[Pair]:
    pairs = find_pairs(model)
    if not pairs:
        raise ValueError(f"no two layers of {type(model).__name__} follow each other as a pair")
    if names is None:
        return pairs
    return chosen(pairs, [names] if isinstance(names, str) else names)


def _restarts(optimizer: torch.optim.Optimizer | None) -> Restarts | None:
    return None if optimizer is None else Restarts(optimizer)


def _refuse_unknown(manager: object, options: Options) -> None:
    unknown = next((name for name in options if name not in Options.__annotations__), None)
    if unknown is not None:
        name, known = type(manager).__name__, ", ".join(Options.__annotations__)
        raise TypeError(f"{name} has no argument {unknown!r}; options of all strategies: {known}")


def one_of(names: Iterable[str]) -> str:
    """A rule for `check`."""
    return f"one of {', '.join(names)}"


def check(name: str, value: object, holds: bool, rule: str) -> None:
    """Raise ValueError, with the rule, unless it `holds` for the argument `name`."""
    if not holds:
        raise ValueError(f"{name}={value!r}: must be {rule}")
