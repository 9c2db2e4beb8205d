"""What all methods share that change the structure of a network of masked blocks."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from espalier.atomic_write import draft
from espalier.contracts import CannotTrain, Method, Run
from espalier.growth.blocks import Blocks, key
from espalier.growth.credits import Ledger
from espalier.growth.economy import Economy
from espalier.growth.events import Event
from espalier.growth.ground import Ground
from espalier.growth.moments import Moments, Plateau
from espalier.growth.setbacks import Setbacks
from espalier.growth.variance import VarianceTrigger, gradient_norm
from espalier.kconfig.options import kconfig_dataclass
from espalier.rates.history import Growth
from espalier.surgery.probe import evaluating
from espalier.train.evaluation import measured

TABLE = "growth.csv"
"""What the table of structural operations is called in a trial's folder."""


@dataclass
class Grown:
    """The `method_state` of a run: where it grows, by what it is told to, and what pays for it."""

    ground: Ground
    noise: VarianceTrigger | None = None
    plateau: Plateau | None = None
    ledger: Ledger | None = None
    fired: bool = False
    moments: int = 0  # at which it could grow
    steps: list[int] = field(default_factory=list)  # after which it did
    setbacks: Setbacks = field(default_factory=Setbacks)
    memory: dict[str, Any] = field(default_factory=dict)  # of a method: plain data and tensors
    told: tuple[list[int], Event | None, list[Growth]] | None = None  # when growths were asked for

    @property
    def net(self) -> Blocks:
        """What grows."""
        return self.ground.net


@kconfig_dataclass
class GrowingMethod(Method):
    """Operations on a network of masked blocks at `moments`, paid for as the `economy` says.

    Subclasses say in `act` what is done at a moment.
    """

    packable: ClassVar[bool] = False

    moments: Moments
    economy: Economy

    def act(self, run: Run, most: int) -> None:
        """Change the network by operations on `run.method_state.ground`.

        By `most` live edges more than it has, at most: what can be paid for. Doing nothing is
        allowed.
        """
        raise NotImplementedError

    def attach(self, run: Run) -> None:  # noqa: D102
        if not isinstance(run.model, Blocks):
            raise CannotTrain(
                "nothing_to_grow",
                f"the method grows masked blocks, and the model is a {type(run.model).__name__}: "
                "set CONFIG_MODEL=blocks",
            )
        self.moments.check(run.total_steps, run.steps_per_epoch)
        state = Grown(Ground(run.model, run.generators["method"], run.optimizer))
        if self.moments.noise is not None:
            state.noise = self.moments.noise.begin()
        if self.moments.standstill is not None:
            state.plateau = self.moments.standstill.begin()
        if self.economy.purse is not None:
            state.ledger = self.economy.purse.begin(run.validation.y)
        run.method_state = state

    def after_backward(self, run: Run) -> None:  # noqa: D102
        state: Grown = run.method_state
        if state.noise is None:
            return
        norm = gradient_norm(run.model.parameters())
        if math.isfinite(norm):  # one that is not says nothing about noise, and the loop sees it
            state.fired = state.noise.after_step(norm)

    def after_step(self, run: Run) -> None:  # noqa: D102
        state: Grown = run.method_state
        state.ground.after_step()
        if self.moments.due(run.step, run.total_steps, state.fired, state.moments):
            self._event(run)
        state.fired = False

    def _event(self, run: Run) -> None:
        state: Grown = run.method_state
        live = state.net.live
        most = sys.maxsize if state.ledger is None else state.ledger.affordable(live)
        if most > 0:
            self._followed(run, most)
        state.moments += 1
        if state.ledger is not None and state.net.live > live:
            state.ledger.pay(state.net.live - live, live)
        if state.plateau is not None:
            state.plateau.restart()

    def _followed(self, run: Run, most: int) -> None:
        """Act, and note what that did, if it did anything."""
        state: Grown = run.method_state
        operations, before = len(state.ground.events), validated(run)[1]
        self.act(run, most)
        if len(state.ground.events) > operations:
            state.steps.append(run.step)
            state.setbacks.note(run.step, before, validated(run)[1])
            if state.noise is not None:
                state.noise.restart()

    def left(self, run: Run) -> int:
        """How many moments there can still be, the present one among them."""
        return self.moments.left(run.step, run.total_steps, run.method_state.moments)

    def after_epoch(self, run: Run) -> None:  # noqa: D102
        state: Grown = run.method_state
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

    def check(self, run: Run) -> None:  # noqa: D102
        run.method_state.net.assert_masked(run.optimizer)

    def measures(self, run: Run) -> dict[str, Any]:
        """`edges_added` and `edges_dropped` are those of all `growth_events` so far.

        With those of `Setbacks`, if there was an event.
        """
        state: Grown = run.method_state
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

    def changes(self, run: Run) -> int:  # noqa: D102
        return len(run.method_state.steps)

    def unfinished(self, run: Run) -> bool:  # noqa: D102
        return self.moments.clock and run.step < self.moments.last(run.total_steps)

    def write(self, run: Run, folder: Path) -> None:
        """The operations, a line each, as `growth.csv`; nothing if there was none."""
        tabulate(folder / TABLE, [event.record() for event in run.method_state.ground.events])

    def birth_steps(self, run: Run, parameter: Tensor) -> Tensor | None:
        """See `espalier.rates.history.Growing`."""
        state: Grown = run.method_state
        return state.ground.born(parameter)

    def growths(self, run: Run) -> list[Growth]:
        """See `espalier.rates.history.Growing`; layers are those whose edges are still there."""
        state: Grown = run.method_state
        last = state.ground.events[-1] if state.ground.events else None
        if state.told is None or state.told[:2] != (state.steps, last):
            found = [Growth(step, _born_at(state.net, step)) for step in state.steps]
            state.told = (list(state.steps), last, found)
        return state.told[2]

    def state_dict(self, run: Run) -> dict[str, Any]:  # noqa: D102
        state: Grown = run.method_state
        return {
            "ground": state.ground.state_dict(),
            "noise": None if state.noise is None else state.noise.state_dict(),
            "plateau": None if state.plateau is None else vars(state.plateau).copy(),
            "ledger": None if state.ledger is None else state.ledger.state_dict(),
            "moments": state.moments,
            "steps": list(state.steps),
            "setbacks": state.setbacks.state_dict(),
            "memory": {k: v.clone() if torch.is_tensor(v) else v for k, v in state.memory.items()},
        }

    def load_state_dict(self, run: Run, state: dict[str, Any]) -> None:  # noqa: D102
        own: Grown = run.method_state
        own.ground.load_state_dict(state["ground"])
        if own.noise is not None:
            own.noise.load_state_dict(state["noise"])
        own.plateau = None if state["plateau"] is None else Plateau(**state["plateau"])
        if own.ledger is not None:
            own.ledger.load_state_dict(state["ledger"])
        own.moments, own.steps, own.fired = state["moments"], list(state["steps"]), False
        own.setbacks.load_state_dict(state["setbacks"])
        own.memory, own.told = dict(state["memory"]), None


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
        return measured(run.model, run.validation)


def _born_at(net: Blocks, step: int) -> tuple[str, ...]:
    return tuple(f"blocks.{key(p)}" for p, b in net.each() if bool((b.births == step).any()))
