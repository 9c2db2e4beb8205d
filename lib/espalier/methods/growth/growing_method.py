"""What all methods share that change the structure of a network of masked blocks."""

from __future__ import annotations

import csv
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic

from typing_extensions import override

from espalier.core.atomic_write import draft
from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.masked_blocks import Blocks
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.timing.gradient_variance import gradient_norm
from espalier.methods.growth.timing.growth_budget import GrowthBudget
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule
from espalier.methods.growth.timing.growth_state import GrowthState, Memory_co
from espalier.surgery.probe import evaluating
from espalier.train.engine.evaluation import evaluate_model

TABLE = "growth.csv"
"""What the table of structural operations is called in a trial's folder."""


@kconfig_dataclass
class GrowingMethod(Method[GrowthState[Memory_co]], ABC, Generic[Memory_co]):
    """Operations on a network of masked blocks at `moments`, paid for as the `economy` says.

    Subclasses say in `act` what is done at a moment, and in `begin` what they remember.
    """

    packable: ClassVar[bool] = False

    moments: GrowthSchedule
    economy: GrowthBudget

    @abstractmethod
    def begin(self, net: Blocks) -> Memory_co:
        """Return what is remembered at first. Raises CannotTrain if `net` cannot grow like that."""

    @abstractmethod
    def act(self, run: Run[GrowthState[Memory_co]], most: int) -> None:
        """Change the network by operations on `run.method_state.ground`.

        By `most` live edges more than it has, at most: what can be paid for. Doing nothing is
        allowed.
        """

    @override
    def attach(self, run: Run[GrowthState[Memory_co]]) -> None:
        if not isinstance(run.model, Blocks):
            raise CannotTrain(
                "nothing_to_grow",
                f"the method grows masked blocks, and the model is a {type(run.model).__name__}: "
                "set CONFIG_MODEL=blocks",
            )
        self.moments.check(run.total_steps, run.steps_per_epoch)
        ground = NetworkEditor(run.model, run.generators["method"], run.optimizer)
        noise, standstill = self.moments.noise, self.moments.standstill
        purse = self.economy.purse
        run.method_state = GrowthState(
            ground,
            self.begin(run.model),
            noise=None if noise is None else noise.begin(),
            plateau=None if standstill is None else standstill.begin(),
            ledger=None if purse is None else purse.begin(run.validation.y),
        )

    @override
    def after_backward(self, run: Run[GrowthState[Memory_co]]) -> None:
        state = run.method_state
        if state.noise is None:
            return
        norm = gradient_norm(run.model.parameters())
        if math.isfinite(norm):  # one that is not says nothing about noise, and the loop sees it
            state.fired = state.noise.after_step(norm)

    @override
    def after_step(self, run: Run[GrowthState[Memory_co]]) -> None:
        state = run.method_state
        state.ground.after_step()
        if self.moments.due(run.step, run.total_steps, state.fired, state.moments):
            self._event(run)
        state.fired = False

    def _event(self, run: Run[GrowthState[Memory_co]]) -> None:
        state = run.method_state
        live = state.net.live
        most = sys.maxsize if state.ledger is None else state.ledger.affordable(live)
        if most > 0:
            self._followed(run, most)
        state.moments += 1
        if state.ledger is not None and state.net.live > live:
            state.ledger.pay(state.net.live - live, live)
        if state.plateau is not None:
            state.plateau.restart()

    def _followed(self, run: Run[GrowthState[Memory_co]], most: int) -> None:
        """Act, and note what that did, if it did anything."""
        state = run.method_state
        operations, before = len(state.ground.events), validated(run)[1]
        self.act(run, most)
        if len(state.ground.events) > operations:
            state.steps.append(run.step)
            state.setbacks.note(run.step, before, validated(run)[1])
            if state.noise is not None:
                state.noise.restart()

    def left(self, run: Run[GrowthState[Memory_co]]) -> int:
        """How many moments there can still be, the present one among them."""
        return self.moments.left(run.step, run.total_steps, run.method_state.moments)

    @override
    def after_epoch(self, run: Run[GrowthState[Memory_co]]) -> None:
        state = run.method_state
        when = run.step, run.steps_per_epoch
        unasked = state.ledger is None and state.plateau is None
        if unasked and not state.setbacks.due(*when):
            return
        loss, accuracy = validated(run)
        state.setbacks.settle(*when, accuracy)
        if state.ledger is not None and math.isfinite(loss):  # else the loop ends the run
            state.ledger.earn(loss)
        stuck = state.plateau is not None and state.plateau.heed(loss)
        if stuck and self.moments.due(run.step, run.total_steps, stuck, state.moments):
            self._event(run)

    @override
    def check(self, run: Run[GrowthState[Memory_co]]) -> None:
        run.method_state.net.assert_masked(run.optimizer)

    @override
    def measures(self, run: Run[GrowthState[Memory_co]]) -> Measures:
        """`edges_added` and `edges_dropped` are those of all `growth_events` so far.

        With those of `Setbacks`, if there was an event.
        """
        state = run.method_state
        events = state.ground.events
        found = {
            "sparsity": 1 - state.net.density,
            "live_parameters": state.net.live + sum(state.net.sizes[1:]),
            "live_edges": state.net.live,
            "edges_added": sum(event.added for event in events),
            "edges_dropped": sum(event.dropped for event in events),
            "growth_events": len(state.steps),
            **state.setbacks.measures(),
        }
        return found if state.ledger is None else {**found, "credits": state.ledger.balance}

    @override
    def changes(self, run: Run[GrowthState[Memory_co]]) -> int:
        return len(run.method_state.steps)

    @override
    def unfinished(self, run: Run[GrowthState[Memory_co]]) -> bool:
        return self.moments.clock and run.step < self.moments.last(run.total_steps)

    @override
    def write(self, run: Run[GrowthState[Memory_co]], folder: Path) -> None:
        """The operations, a line each, as `growth.csv`; nothing if there was none."""
        tabulate(folder / TABLE, [event.record() for event in run.method_state.ground.events])

    @override
    def birth_record(self, run: Run[GrowthState[Memory_co]]) -> GrowthState[Memory_co]:
        return run.method_state

    @override
    def state_dict(self, run: Run[GrowthState[Memory_co]]) -> StateDict:
        return run.method_state.state_dict()

    @override
    def load_state_dict(self, run: Run[GrowthState[Memory_co]], state: StateDict) -> None:
        run.method_state.load_state_dict(state)


def tabulate(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Leave records of one form as a table; no file without any."""
    if not records:
        return
    with draft(path) as place, place.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(records[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(records)


def validated(run: Run) -> tuple[float, float]:
    """Loss and accuracy on validation as the network is, between two updates."""
    with evaluating(run.model):
        return evaluate_model(run.model, run.validation)
