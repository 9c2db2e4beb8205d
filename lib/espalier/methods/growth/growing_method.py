"""Growth of a network's edges: when it grows, what that costs, and what is measured."""

from __future__ import annotations

import csv
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar, Generic

from typing_extensions import override

from espalier.core.atomic_write import draft
from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.masked_blocks import Blocks
from espalier.methods.growth.growth_table import TABLE
from espalier.methods.growth.structure.edge_editor import EdgeEditor
from espalier.methods.growth.structure.layer_editor import open_layers
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.timing.gradient_variance import VarianceTrigger, gradient_norm
from espalier.methods.growth.timing.growth_credits import GrowthBudget
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule
from espalier.methods.growth.timing.growth_state import GrowthState, Memory_co
from espalier.sparse.initial_edges import EdgePlan
from espalier.surgery.probe import evaluating
from espalier.train.engine.evaluation import evaluate_model


@kconfig_dataclass
class GrowingMethod(Method[GrowthState[Memory_co]], ABC, Generic[Memory_co]):
    """A method that changes a network on a `schedule` and within a `budget`.

    Subclasses implement the structural change in `act`, and what they remember in `begin`. An
    ordinary model begins with the edges of a `plan`; a network of masked blocks has its own.
    """

    packable: ClassVar[bool] = False

    schedule: GrowthSchedule
    budget: GrowthBudget
    plan: EdgePlan | None  # None of masked blocks

    @property
    def needs_graph(self) -> str:
        """What of the method needs a network whose graph is known, and the way out; or nothing."""
        return ""

    @abstractmethod
    def begin(self, editor: EdgeEditor) -> Memory_co:
        """Return the first memory. Raises CannotTrain if the network cannot grow by this method."""

    @abstractmethod
    def act(self, run: Run[GrowthState[Memory_co]], max_edges: int) -> None:
        """Change the network by operations on `run.method_state.editor`, or leave it as it is.

        It may gain `max_edges` live edges at most, which is what the budget can pay for.
        """

    @override
    def attach(self, run: Run[GrowthState[Memory_co]]) -> None:
        self.schedule.check_length(run.length)
        editor = self._open(run)
        variance, plateau = self.schedule.variance, self.schedule.plateau
        credits = self.budget.credits
        run.method_state = GrowthState(
            editor,
            self.begin(editor),
            variance=None if variance is None else VarianceTrigger(**vars(variance)),
            plateau=None if plateau is None else plateau.trigger(),
            ledger=None if credits is None else credits.open_ledger(run.validation.y),
        )

    def _open(self, run: Run[GrowthState[Memory_co]]) -> EdgeEditor:
        generator = run.generators["method"]
        if isinstance(run.model, Blocks):
            return NetworkEditor(run.model, generator, run.optimizer)
        if self.needs_graph:
            raise CannotTrain(
                "nothing_to_grow",
                f"{self.needs_graph}, and of a {type(run.model).__name__} it is not known which "
                "layer leads to which: set CONFIG_MODEL=blocks",
            )
        assert self.plan is not None, "Kconfig hides the density of masked blocks alone"
        return open_layers(run.model, run.optimizer, self.plan, generator, run.announce)

    @override
    def after_backward(self, run: Run[GrowthState[Memory_co]]) -> None:
        state = run.method_state
        state.editor.before_step()
        if state.variance is None:
            return
        norm = gradient_norm(run.model.parameters())
        if math.isfinite(norm):  # one that is not says nothing about noise, and the loop sees it
            state.fired = state.variance.after_step(norm)

    @override
    def after_step(self, run: Run[GrowthState[Memory_co]]) -> None:
        state = run.method_state
        state.editor.after_step()
        if self._is_due(run, state.fired):
            self._run_event(run)
        state.fired = False

    def _is_due(self, run: Run[GrowthState[Memory_co]], fired: bool) -> bool:
        return self.schedule.is_due(run.step, run.total_steps, fired, run.method_state.num_events)

    def _run_event(self, run: Run[GrowthState[Memory_co]]) -> None:
        state = run.method_state
        live = state.net.live
        max_edges = sys.maxsize if state.ledger is None else state.ledger.affordable(live)
        if max_edges > 0:
            self._act_and_measure(run, max_edges)
        state.num_events += 1
        if state.ledger is not None and state.net.live > live:
            state.ledger.pay(state.net.live - live, live)
        if state.plateau is not None:
            state.plateau.restart()

    def _act_and_measure(self, run: Run[GrowthState[Memory_co]], max_edges: int) -> None:
        """Act, and record what that cost in accuracy, if the network has changed."""
        state = run.method_state
        operations, before = len(state.editor.events), validate(run)[1]
        with run.masks.event() if run.masks else nullcontext():
            self.act(run, max_edges)
        if len(state.editor.events) > operations:
            state.steps.append(run.step)
            state.event_costs.add(run.step, before, validate(run)[1])
            if state.variance is not None:
                state.variance.restart()

    def events_left(self, run: Run[GrowthState[Memory_co]]) -> int:
        """Return how many events there can still be, the present one among them."""
        return self.schedule.events_left(run.step, run.total_steps, run.method_state.num_events)

    @override
    def after_epoch(self, run: Run[GrowthState[Memory_co]]) -> None:
        state = run.method_state
        when = run.step, run.steps_per_epoch
        if state.ledger is None and state.plateau is None and not state.event_costs.pending(*when):
            return
        loss, accuracy = validate(run)
        state.event_costs.complete(*when, accuracy)
        if state.ledger is not None and math.isfinite(loss):  # else the loop ends the run
            state.ledger.earn(loss)
        stuck = state.plateau is not None and state.plateau.update(loss)
        if stuck and self._is_due(run, stuck):
            self._run_event(run)

    @override
    def check(self, run: Run[GrowthState[Memory_co]]) -> None:
        run.method_state.net.assert_masked(run.optimizer)

    @override
    def measures(self, run: Run[GrowthState[Memory_co]]) -> Measures:
        """Return `edges_added` and `edges_dropped` in all `growth_events` so far, and others.

        After the first event with those of `EventCosts`.
        """
        state = run.method_state
        events = state.editor.events
        measures = {
            "sparsity": 1 - state.net.density,
            "live_parameters": state.editor.live_parameters,
            "live_edges": state.net.live,
            "edges_added": sum(event.added for event in events),
            "edges_dropped": sum(event.dropped for event in events),
            "growth_events": len(state.steps),
            **state.event_costs.measures(),
        }
        return measures if state.ledger is None else {**measures, "credits": state.ledger.balance}

    @override
    def changes(self, run: Run[GrowthState[Memory_co]]) -> int:
        return len(run.method_state.steps)

    @override
    def unfinished(self, run: Run[GrowthState[Memory_co]]) -> bool:
        return self.schedule.by_clock and run.step < self.schedule.last_step(run.total_steps)

    @override
    def write(self, run: Run[GrowthState[Memory_co]], folder: Path) -> None:
        """Write the operations, a line each, to `growth.csv`; no file if there was none."""
        write_table(folder / TABLE, [event.record() for event in run.method_state.editor.events])

    @override
    def birth_record(self, run: Run[GrowthState[Memory_co]]) -> GrowthState[Memory_co]:
        return run.method_state

    @override
    def state_dict(self, run: Run[GrowthState[Memory_co]]) -> StateDict:
        return run.method_state.state_dict()

    @override
    def load_state_dict(self, run: Run[GrowthState[Memory_co]], state: StateDict) -> None:
        run.method_state.load_state_dict(state)


def write_table(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write records of one form as a CSV file; no file without any."""
    if not records:
        return
    with draft(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(records[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(records)


def validate(run: Run) -> tuple[float, float]:
    """Return loss and accuracy in percent on validation, in evaluation mode."""
    run.count_passes(len(run.validation), 0)
    with evaluating(run.model):
        return evaluate_model(run.model, run.validation)
