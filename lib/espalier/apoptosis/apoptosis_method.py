"""What the apoptosis methods share: everything but the strategy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.apoptosis.weight_ages import WeightAges
from espalier.apoptosis.event_meter import EventMeter, probe_size
from espalier.apoptosis.neuron import NeuronApoptosisManager, Options
from espalier.apoptosis.apoptosis_settings import ApoptosisSettings
from espalier.apoptosis.stat_sources import ProbePassStats, StatSource
from espalier.contracts import CannotTrain, Method, Run
from espalier.rates.history import Growth
from espalier.surgery.pairs import Pair, find_pairs

LINEAGE = "lineage.csv"
LOOKS = 20  # how often, at most, the loss is looked at between two events
SHORTEST_PAUSE = 10  # steps from one look to the next: looking must not cost as much as training


@dataclass
class ApoptosisState:
    """A run's strategy, the meter beside it, and when its weights were born."""

    manager: NeuronApoptosisManager
    meter: EventMeter
    birthdays: WeightAges


@dataclass(frozen=True)
class ApoptosisMethod(Method):
    """A strategy of `espalier.apoptosis` under the harness.

    `run.method_state` is an `ApoptosisState`. Neurons are seen in passes of the strategy's own, over
    training samples drawn for each event, so that a run in a pack is as it would be alone.
    """

    plan: ApoptosisSettings = ApoptosisSettings()

    def manager(self, run: Run, shared: Shared) -> NeuronApoptosisManager:
        """The strategy, with what all strategies take; raises ValueError."""
        raise NotImplementedError

    def attach(self, run: Run) -> None:  # noqa: D102
        pairs = find_pairs(run.model)
        if not pairs:
            raise CannotTrain(
                "nothing_to_replace", "no two layers of the model follow each other as a pair"
            )
        try:
            manager = self.manager(run, self._shared(run, pairs))
        except ValueError as error:
            raise CannotTrain("apoptosis", str(error)) from error
        first = next((s for s in range(1, run.total_steps) if manager.is_due(s)), None)
        if first is None:
            raise CannotTrain(
                "apoptosis_never_starts",
                f"no event would come before step {run.total_steps}, the run's last: lower the "
                "interval or raise CONFIG_NUM_EPOCHS; a rate of 0, or no room to grow, is never",
            )
        pause = max(SHORTEST_PAUSE, manager.apoptosis_interval // LOOKS)
        run.method_state = ApoptosisState(manager, EventMeter(pause), WeightAges(manager))

    def _shared(self, run: Run, pairs: list[Pair]) -> Shared:
        shares = self.plan.shares(pairs)

        def watcher(watched: list[Pair]) -> StatSource:
            return ProbePassStats(run.model, watched, _loss, lambda: _drawn(run))

        options = self.plan.options(run.total_steps)
        options |= {"optimizer": run.optimizer, "generator": run.generators["method"]}
        options |= {"shares": shares, "watcher": watcher}
        return Shared(list(shares), options)

    def after_step(self, run: Run) -> None:
        """Nothing happens after the last update: nobody could learn from it."""
        attended = run.method_state
        if run.step == run.total_steps:
            return
        with attended.meter.event(run, attended.manager):
            attended.manager.step()

    def birth_steps(self, run: Run, parameter: Tensor) -> Tensor | None:
        """See `espalier.rates.history.Growing`."""
        attended: ApoptosisState = run.method_state
        return attended.birthdays.of(parameter)

    def growths(self, run: Run) -> list[Growth]:
        """See `espalier.rates.history.Growing`."""
        attended: ApoptosisState = run.method_state
        return attended.birthdays.growths()

    def check(self, run: Run) -> None:  # noqa: D102
        run.method_state.manager.assert_consistent()

    def measures(self, run: Run) -> dict[str, Any]:  # noqa: D102
        total = sum(p.numel() for p in run.model.parameters())
        manager, meter = run.method_state.manager, run.method_state.meter
        found = {"sparsity": 0.0, "live_parameters": total}
        if not meter.spikes:
            return found
        return {
            **found,
            "events": len(meter.spikes),
            "deaths": sum(colony.died for colony in manager.colonies),
            "births": sum(colony.born for colony in manager.colonies),
            **meter.measures(),
            "event_seconds": meter.seconds,
        }

    def write(self, run: Run, folder: Path) -> None:  # noqa: D102
        run.method_state.manager.lineage.write(folder / LINEAGE)

    def state_dict(self, run: Run) -> dict[str, Any]:  # noqa: D102
        attended = run.method_state
        return {"manager": attended.manager.state_dict(), "meter": attended.meter.state_dict()}

    def load_state_dict(self, run: Run, state: dict[str, Any]) -> None:  # noqa: D102
        run.method_state.manager.load_state_dict(state["manager"])
        run.method_state.meter.load_state_dict(state["meter"], run)


@dataclass(frozen=True)
class Shared:
    """The arguments that every strategy gets."""

    layers: list[str]
    options: Options


def _loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs.float().flatten(0, -2), targets.flatten())


def _drawn(run: Run) -> tuple[Tensor, Tensor]:
    """Training samples, all different."""
    size = min(probe_size(run.train), len(run.train))
    generator = run.generators["method"]
    order = torch.randperm(len(run.train), generator=generator)[:size]
    return next(iter(run.train.batches(order[None], size)))
