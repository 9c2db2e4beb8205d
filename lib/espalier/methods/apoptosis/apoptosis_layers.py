"""Layer-level apoptosis: residual branches fade, die and are born again.

See `espalier.methods.apoptosis.branches.layer_apoptosis`. An event is the death and birth of one
branch or of several at one step. That a branch fades for a long time before it dies is
not part of the event, nor of its jump.
"""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures, count_parameters
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis.apoptosis_method import LOOKS
from espalier.methods.apoptosis.branches.layer_apoptosis import (
    LayerApoptosisManager,
    LifespanOptions,
)
from espalier.methods.apoptosis.event_meter import EventMeter, probe_size


@dataclass
class LayerApoptosisState:
    """A run's manager of branches, and the meter beside it."""

    manager: LayerApoptosisManager
    meter: EventMeter


@kconfig_dataclass
class ApoptosisLayers(Method[LayerApoptosisState]):
    """`run.method_state` holds the manager and the meter.

    Contributions are measured on the first validation samples.
    """

    course: LifespanOptions
    targets: str

    @override
    def attach(self, run: Run[LayerApoptosisState]) -> None:
        first = self.course.first_death
        if first >= run.total_steps:
            raise CannotTrain(
                "apoptosis_never_starts",
                f"the first layer would die at step {first}, but the run has {run.total_steps} "
                "steps: lower CONFIG_APOPTOSIS_LAYERS_MAX_LIFESPAN or raise CONFIG_NUM_EPOCHS",
            )
        meter = EventMeter(pause=max(1, self.course.interval // LOOKS))
        run.method_state = LayerApoptosisState(self._manager(run), meter)

    def _manager(self, run: Run[LayerApoptosisState]) -> LayerApoptosisManager:
        probe, _ = next(iter(run.validation.pieces(probe_size(run.validation))))
        names = [name.strip() for name in self.targets.split(",") if name.strip()]
        try:
            return LayerApoptosisManager(
                run.model,
                names,
                self.course,
                probe=probe,
                optimizer=run.optimizer,
                generator=run.generators["method"],
            )
        except ValueError as error:
            raise CannotTrain("no_branches", f"layer-level apoptosis: {error}") from None

    @override
    def after_step(self, run: Run[LayerApoptosisState]) -> None:
        state = run.method_state
        if run.step == run.total_steps:
            return  # nothing could be learned from what happens after the last update
        with state.meter.event(run, state.manager):
            state.manager.step()

    @override
    def measures(self, run: Run[LayerApoptosisState]) -> Measures:
        manager, meter = run.method_state.manager, run.method_state.meter
        measures = {"sparsity": 0.0, "live_parameters": count_parameters(run.model)}
        if not meter.spikes:
            return measures
        died = len(manager.apoptosis_events)
        counts = {"events": len(meter.spikes), "deaths": died, "births": died}
        return {**measures, **counts, **meter.measures(), "event_seconds": meter.seconds}

    @override
    def state_dict(self, run: Run[LayerApoptosisState]) -> StateDict:
        state = run.method_state
        return {"manager": state.manager.state_dict(), "meter": state.meter.state_dict()}

    @override
    def load_state_dict(self, run: Run[LayerApoptosisState], state: StateDict) -> None:
        run.method_state.manager.load_state_dict(state["manager"])
        run.method_state.meter.load_state_dict(state["meter"], run)
