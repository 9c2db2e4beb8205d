"""Base of the methods of neuron apoptosis: everything but the strategy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.nn import functional as F
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.core.run_length import RunLength
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis.apoptosis_manager import ApoptosisManager
from espalier.methods.apoptosis.apoptosis_settings import ApoptosisSettings, Pace
from espalier.methods.apoptosis.measurement.event_meter import EventMeter, probe_size
from espalier.methods.apoptosis.measurement.metered_method import (
    MAX_PROBES,
    MeteredManager,
    MeteredMethod,
)
from espalier.methods.apoptosis.neurons.apoptosis_strategy import (
    ApoptosisOptions,
    ApoptosisStrategy,
)
from espalier.methods.apoptosis.neurons.event_schedule import EventSchedule
from espalier.methods.apoptosis.neurons.lineage import TABLE
from espalier.methods.apoptosis.neurons.stat_sources import ProbePassStats, StatSource
from espalier.methods.apoptosis.weight_ages import WeightAges
from espalier.surgery.pairing.pairs import Pair, find_pairs
from espalier.train.random_batch import draw_batch

SHORTEST_PAUSE = 10  # steps between two probes: they must not cost as much as training


@kconfig_dataclass
class ApoptosisMethod(MeteredMethod[ApoptosisManager]):
    """A strategy of neuron apoptosis under the harness.

    Neurons are observed in passes of the manager's own, over
    training samples drawn for each event, so that a run in a pack is as it would be alone.
    """

    settings: ApoptosisSettings

    if TYPE_CHECKING:  # a field of most strategies; at run time a property would be its default

        @property
        def pace(self) -> Pace:
            """Share of neurons replaced at an event, and steps between events."""

    @abstractmethod
    def strategy(self) -> ApoptosisStrategy:
        """Return the strategy. Raises ValueError for fields that are out of range."""

    @override
    def attach(self, run: Run[MeteredManager[ApoptosisManager]]) -> None:
        pairs = find_pairs(run.model)
        if not pairs:
            raise CannotTrain(
                "nothing_to_replace", "no two layers of the model follow each other as a pair"
            )
        settings, pace = self.settings, self.pace
        schedule = EventSchedule(pace.rate, pace.interval, settings.annealing, settings.end)
        schedule.check_length(run.length)
        try:
            manager = self._manager(run, self.settings.shares(pairs))
        except ValueError as error:
            raise CannotTrain("apoptosis", str(error)) from error
        if not manager.is_judging(schedule.first_event(run.length)):
            raise CannotTrain(
                "apoptosis_never_starts",
                "no layer has room to grow: raise CONFIG_APOPTOSIS_GROWTH_MAX_CAPACITY",
            )
        meter = EventMeter(pause=max(SHORTEST_PAUSE, manager.options.interval // MAX_PROBES))
        run.method_state = MeteredManager(manager, meter)

    def _manager(
        self, run: Run[MeteredManager[ApoptosisManager]], shares: dict[str, float]
    ) -> ApoptosisManager:
        options = ApoptosisOptions(
            *(self.pace.rate, self.pace.interval),
            optimizer=run.optimizer,
            generator=run.generators["method"],
            shares=shares,
            stat_source=self.stat_source(run),
            chains_only=True,
            **self.options(run.length),
        )
        return ApoptosisManager(run.model, list(shares), self.strategy(), options)

    def options(self, length: RunLength) -> dict[str, Any]:
        """Return the fields of `ApoptosisOptions` that the settings fix."""
        return self.settings.options(length)

    def stat_source(
        self, run: Run[MeteredManager[ApoptosisManager]]
    ) -> Callable[[list[Pair]], StatSource]:
        """Return how neurons are observed: on training samples drawn for each event."""

        def probe_stats(pairs: list[Pair]) -> StatSource:
            return ProbePassStats(
                run.model, pairs, _loss, lambda: draw_batch(run, probe_size(run.train))
            )

        return probe_stats

    @override
    def birth_record(self, run: Run[MeteredManager[ApoptosisManager]]) -> WeightAges:
        return run.method_state.manager.weight_ages

    @override
    def check(self, run: Run[MeteredManager[ApoptosisManager]]) -> None:
        run.method_state.manager.assert_consistent()

    @override
    def count_exchanges(self, manager: ApoptosisManager) -> tuple[int, int]:
        died = sum(population.died for population in manager.populations)
        return died, sum(population.born for population in manager.populations)

    @override
    def write(self, run: Run[MeteredManager[ApoptosisManager]], folder: Path) -> None:
        run.method_state.manager.lineage.write(folder / TABLE)


def _loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs.float().flatten(0, -2), targets.flatten())
