"""Methods that run a manager of apoptosis and measure what its events cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from typing_extensions import override

from espalier.core.contracts import Method, Run, StateDict
from espalier.core.self_measuring import Measures, count_parameters
from espalier.methods.apoptosis.measurement.event_meter import EventMeter, Manager

MAX_PROBES = 20  # how often, at most, the loss is measured between two events
M = TypeVar("M", bound=Manager)


@dataclass
class MeteredManager(Generic[M]):
    """A run's manager, and the meter beside it."""

    manager: M
    meter: EventMeter


class MeteredMethod(Method[MeteredManager[M]], ABC, Generic[M]):
    """A method whose `run.method_state` is a `MeteredManager`."""

    @abstractmethod
    def count_exchanges(self, manager: M) -> tuple[int, int]:
        """Return how many deaths and births there were."""

    @override
    def after_step(self, run: Run[MeteredManager[M]]) -> None:
        state = run.method_state
        if run.step == run.total_steps:
            return  # nothing could be learned from what happens after the last update
        with state.meter.event(run, state.manager):
            state.manager.step()

    @override
    def measures(self, run: Run[MeteredManager[M]]) -> Measures:
        manager, meter = run.method_state.manager, run.method_state.meter
        measures = {"sparsity": 0.0, "live_parameters": count_parameters(run.model)}
        if not meter.spikes:
            return measures
        deaths, births = self.count_exchanges(manager)
        counts = {"events": len(meter.spikes), "deaths": deaths, "births": births}
        return {**measures, **counts, **meter.measures(), "event_seconds": meter.seconds}

    @override
    def state_dict(self, run: Run[MeteredManager[M]]) -> StateDict:
        state = run.method_state
        return {"manager": state.manager.state_dict(), "meter": state.meter.state_dict()}

    @override
    def load_state_dict(self, run: Run[MeteredManager[M]], state: StateDict) -> None:
        run.method_state.manager.load_state_dict(state["manager"])
        run.method_state.meter.load_state_dict(state["meter"], run)
