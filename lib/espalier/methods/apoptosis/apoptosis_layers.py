"""Layer-level apoptosis: residual branches fade, die and are born again.

See `espalier.methods.apoptosis.branches.layer_apoptosis`. An event is the death and birth of one
branch or of several at one step. That a branch fades for a long time before it dies is
not part of the event, nor of its jump.
"""

from __future__ import annotations

from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis.branches.layer_apoptosis import (
    LayerApoptosisManager,
    LifespanOptions,
)
from espalier.methods.apoptosis.branches.lifespan_schedule import BranchSchedule
from espalier.methods.apoptosis.measurement.event_meter import EventMeter, probe_size
from espalier.methods.apoptosis.measurement.metered_method import (
    MAX_PROBES,
    MeteredManager,
    MeteredMethod,
)
from espalier.methods.apoptosis.neurons.event_schedule import EventEnd


@kconfig_dataclass
class ApoptosisLayers(MeteredMethod[LayerApoptosisManager]):
    """Residual branches die and are born again; contributions are of validation samples."""

    lifespan: LifespanOptions
    targets: str
    end: EventEnd

    @override
    def attach(self, run: Run[MeteredManager[LayerApoptosisManager]]) -> None:
        BranchSchedule(self.lifespan, self.end).check_length(run.length)
        meter = EventMeter(pause=max(1, self.lifespan.interval // MAX_PROBES))
        run.method_state = MeteredManager(self._manager(run), meter)

    @override
    def after_step(self, run: Run[MeteredManager[LayerApoptosisManager]]) -> None:
        if self.end.window(run.length).is_open(run.step):
            super().after_step(run)
        else:  # nothing ages
            run.method_state.meter.watch(run, run.method_state.manager)

    def _manager(self, run: Run[MeteredManager[LayerApoptosisManager]]) -> LayerApoptosisManager:
        probe, _ = next(iter(run.validation.pieces(probe_size(run.validation))))
        names = [name.strip() for name in self.targets.split(",") if name.strip()]
        try:
            return LayerApoptosisManager(
                run.model,
                names,
                self.lifespan,
                probe=probe,
                optimizer=run.optimizer,
                generator=run.generators["method"],
            )
        except ValueError as error:
            raise CannotTrain("no_branches", f"layer-level apoptosis: {error}") from None

    @override
    def count_exchanges(self, manager: LayerApoptosisManager) -> tuple[int, int]:
        died = len(manager.apoptosis_events)
        return died, died
