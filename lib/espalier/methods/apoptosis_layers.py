"""Layer-level apoptosis: residual branches fade, die and are born again.

See `espalier.apoptosis.layerwise`. An event is the death and birth of one branch or of several at
one step. That a branch fades for a long time before it dies is not part of the event, nor of its
jump.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from espalier.apoptosis.events import Meter, probe_size
from espalier.apoptosis.layerwise import Course, LayerApoptosisManager
from espalier.apoptosis.method import LOOKS
from espalier.contracts import CannotTrain, Method, Run
from espalier.sparse.masked_linear import count_parameters


@dataclass
class _Attended:
    manager: LayerApoptosisManager
    meter: Meter


@dataclass(frozen=True)
class ApoptosisLayers(Method):
    """`run.method_state` holds the manager and the meter.

    Contributions are measured on the first validation samples.
    """

    course: Course = Course()
    targets: str = ""

    def attach(self, run: Run) -> None:  # noqa: D102
        first = self.course.first_death
        if first >= run.total_steps:
            raise CannotTrain(
                "apoptosis_never_starts",
                f"the first layer would die at step {first}, but the run has {run.total_steps} "
                "steps: lower CONFIG_APOPTOSIS_LAYERS_MAX_LIFESPAN or raise CONFIG_NUM_EPOCHS",
            )
        meter = Meter(pause=max(1, self.course.interval // LOOKS))
        run.method_state = _Attended(self._manager(run), meter)

    def _manager(self, run: Run) -> LayerApoptosisManager:
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

    def after_step(self, run: Run) -> None:
        """Nothing happens after the last update: nothing could be learned from it."""
        attended = run.method_state
        if run.step == run.total_steps:
            return
        with attended.meter.event(run, attended.manager):
            attended.manager.step()

    def measures(self, run: Run) -> dict[str, Any]:  # noqa: D102
        manager, meter = run.method_state.manager, run.method_state.meter
        found = {"sparsity": 0.0, "live_parameters": count_parameters(run.model)}
        if not meter.spikes:
            return found
        died = len(manager.apoptosis_events)
        counts = {"events": len(meter.spikes), "deaths": died, "births": died}
        return {**found, **counts, **meter.measures(), "event_seconds": meter.seconds}

    def state_dict(self, run: Run) -> dict[str, Any]:  # noqa: D102
        attended = run.method_state
        return {"manager": attended.manager.state_dict(), "meter": attended.meter.state_dict()}

    def load_state_dict(self, run: Run, state: dict[str, Any]) -> None:  # noqa: D102
        run.method_state.manager.load_state_dict(state["manager"])
        run.method_state.meter.load_state_dict(state["meter"], run)
