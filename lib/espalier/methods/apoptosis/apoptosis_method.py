"""What the apoptosis methods share: everything but the strategy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis.apoptosis_manager import ApoptosisManager
from espalier.methods.apoptosis.apoptosis_settings import ApoptosisSettings, Pace
from espalier.methods.apoptosis.event_meter import EventMeter, probe_size
from espalier.methods.apoptosis.neurons.apoptosis_options import ApoptosisOptions
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisStrategy
from espalier.methods.apoptosis.neurons.lineage import TABLE
from espalier.methods.apoptosis.neurons.stat_sources import ProbePassStats, StatSource
from espalier.methods.apoptosis.weight_ages import WeightAges
from espalier.surgery.pairs import Pair, find_pairs

LOOKS = 20  # how often, at most, the loss is looked at between two events
SHORTEST_PAUSE = 10  # steps from one look to the next: looking must not cost as much as training


@dataclass
class ApoptosisState:
    """A run's manager, the meter beside it, and the ages of its weights."""

    manager: ApoptosisManager
    meter: EventMeter
    weight_ages: WeightAges


@kconfig_dataclass
class ApoptosisMethod(Method[ApoptosisState], ABC):
    """A strategy of this package under the harness.

    `run.method_state` is an `ApoptosisState`. Neurons are observed in passes of the manager's own,
    over training samples drawn for each event, so that a run in a pack is as it would be alone.
    """

    settings: ApoptosisSettings

    if TYPE_CHECKING:  # a field of most strategies; at run time a property would be its default

        @property
        def pace(self) -> Pace:
            """How many neurons are replaced at an event, and how often."""

    @abstractmethod
    def strategy(self) -> ApoptosisStrategy:
        """Return the strategy. Raises ValueError for fields that are out of range."""

    @override
    def attach(self, run: Run[ApoptosisState]) -> None:
        pairs = find_pairs(run.model)
        if not pairs:
            raise CannotTrain(
                "nothing_to_replace", "no two layers of the model follow each other as a pair"
            )
        try:
            manager = self._manager(run, self.settings.shares(pairs))
        except ValueError as error:
            raise CannotTrain("apoptosis", str(error)) from error
        first = next((s for s in range(1, run.total_steps) if manager.is_due(s)), None)
        if first is None:
            raise CannotTrain(
                "apoptosis_never_starts",
                f"no event would come before step {run.total_steps}, the run's last: lower the "
                "interval or raise CONFIG_NUM_EPOCHS; a rate of 0, or no room to grow, is never",
            )
        meter = EventMeter(pause=max(SHORTEST_PAUSE, manager.options.interval // LOOKS))
        run.method_state = ApoptosisState(manager, meter, WeightAges(manager))

    def _manager(self, run: Run[ApoptosisState], shares: dict[str, float]) -> ApoptosisManager:
        def probe_stats(pairs: list[Pair]) -> StatSource:
            return ProbePassStats(run.model, pairs, _loss, lambda: _sample_batch(run))

        options = ApoptosisOptions(
            *(self.pace.rate, self.pace.interval),
            optimizer=run.optimizer,
            generator=run.generators["method"],
            shares=shares,
            stat_source=probe_stats,
            **self.settings.options(run.total_steps),
        )
        return ApoptosisManager(run.model, list(shares), self.strategy(), options)

    @override
    def after_step(self, run: Run[ApoptosisState]) -> None:
        state = run.method_state
        if run.step == run.total_steps:
            return  # nothing could be learned from what happens after the last update
        with state.meter.event(run, state.manager):
            state.manager.step()

    @override
    def birth_record(self, run: Run[ApoptosisState]) -> WeightAges:
        return run.method_state.weight_ages

    @override
    def check(self, run: Run[ApoptosisState]) -> None:
        run.method_state.manager.assert_consistent()

    @override
    def measures(self, run: Run[ApoptosisState]) -> Measures:
        total = sum(p.numel() for p in run.model.parameters())
        manager, meter = run.method_state.manager, run.method_state.meter
        measures = {"sparsity": 0.0, "live_parameters": total}
        if not meter.spikes:
            return measures
        return {
            **measures,
            "events": len(meter.spikes),
            "deaths": sum(population.died for population in manager.populations),
            "births": sum(population.born for population in manager.populations),
            **meter.measures(),
            "event_seconds": meter.seconds,
        }

    @override
    def write(self, run: Run[ApoptosisState], folder: Path) -> None:
        run.method_state.manager.lineage.write(folder / TABLE)

    @override
    def state_dict(self, run: Run[ApoptosisState]) -> StateDict:
        state = run.method_state
        return {"manager": state.manager.state_dict(), "meter": state.meter.state_dict()}

    @override
    def load_state_dict(self, run: Run[ApoptosisState], state: StateDict) -> None:
        run.method_state.manager.load_state_dict(state["manager"])
        run.method_state.meter.load_state_dict(state["meter"], run)


def _loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs.float().flatten(0, -2), targets.flatten())


def _sample_batch(run: Run[ApoptosisState]) -> tuple[Tensor, Tensor]:
    """Draw training samples, all different."""
    size = min(probe_size(run.train), len(run.train))
    generator = run.generators["method"]
    order = torch.randperm(len(run.train), generator=generator)[:size]
    return next(iter(run.train.batches(order[None], size)))
