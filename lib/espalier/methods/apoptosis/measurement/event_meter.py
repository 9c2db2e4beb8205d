"""Measurement of what events cost a run: the jump of the loss, the way back, and time.

The loss is that of a fixed probe of validation samples, in evaluation mode. Measuring changes
nothing and draws no random numbers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch.nn import functional as F

from espalier.core.contracts import Run
from espalier.core.samples import Split
from espalier.methods.apoptosis.apoptosis_manager import ApoptosisManager
from espalier.methods.apoptosis.branches.layer_apoptosis import LayerApoptosisManager
from espalier.surgery.probe import evaluating

PROBE_SAMPLES = 512  # images
PROBE_TOKENS = 2048  # characters of text


def probe_size(split: Split) -> int:
    """Return the number of samples in a probe: images, or windows of text."""
    if split.y.ndim == 1:
        return min(PROBE_SAMPLES, len(split))
    return min(max(1, PROBE_TOKENS // split.y.shape[1]), len(split))


@torch.no_grad()
def probe_loss(run: Run) -> float:
    """Return the mean loss on the first validation samples, in nats."""
    left, total, labels = probe_size(run.validation), 0.0, 0
    with evaluating(run.model):
        for x, y in run.validation.pieces(left):
            logits = run.model(x[:left]).float().flatten(0, -2)
            targets = y[:left].flatten()
            total += float(F.cross_entropy(logits, targets, reduction="sum"))
            left, labels = left - len(x), labels + len(targets)
            if left <= 0:
                break
    return total / labels


Manager = ApoptosisManager | LayerApoptosisManager


@dataclass
class Spike:
    """One event: at `step` the loss was `before`; it has risen by `jump` at most since."""

    step: int
    before: float
    jump: float = float("-inf")
    recovered: int | None = None  # steps until the loss was back


@dataclass
class EventMeter:
    """Follows the loss from each event until it is back, or the next event or task comes.

    `pause` is the number of steps between two looks. `seconds` went into the manager, and `probing`
    into looking at the loss, which a run that measures nothing would not do.
    """

    pause: int
    spikes: list[Spike] = field(default_factory=list)
    seconds: float = 0.0
    probing: float = 0.0
    following: bool = False
    _task: Split | None = None

    @contextmanager
    def event(self, run: Run, manager: Manager) -> Iterator[None]:
        """Measure what happens within: an event may begin, go on or end.

        One that is due at which no neuron dies or is born, because too few parts of neurons are
        owed yet or none is mature, is no event.
        """
        before = self._probe(run) if manager.due else None
        past, started = len(manager.apoptosis_events), time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started
        begun = manager.busy or len(manager.apoptosis_events) > past
        if before is not None and begun:
            self.spikes.append(Spike(run.step, before))
            self.following, self._task = True, run.validation
        self.watch(run, manager)

    def watch(self, run: Run, manager: Manager) -> None:
        """Look at the loss after an update, if it is not yet back after an event."""
        if self.following:
            self._follow(run, manager.busy)

    def _follow(self, run: Run, busy: bool) -> None:
        spike = self.spikes[-1]
        if run.validation is not self._task:
            self.following = False
        elif (run.step - spike.step) % self.pause == 0:
            rise = self._probe(run) - spike.before
            spike.jump = max(spike.jump, rise)
            if rise <= 0 and not busy:
                spike.recovered, self.following = run.step - spike.step, False

    def _probe(self, run: Run) -> float:
        if run.validation.device.type == "cuda":
            torch.cuda.synchronize()  # what was begun before is not part of it
        started = time.perf_counter()
        loss = probe_loss(run)
        self.probing += time.perf_counter() - started
        return loss

    def measures(self) -> dict[str, Any]:
        """Return the measures of events; empty if there were none."""
        if not self.spikes:
            return {}
        jumps = [spike.jump for spike in self.spikes]
        back = [s.recovered for s in self.spikes if s.recovered is not None]
        return {
            "event_jump": sum(jumps) / len(jumps),
            "event_jump_max": max(jumps),
            "recovery_steps": sum(back) / len(back) if back else None,
            "unrecovered": len(jumps) - len(back),
            "probe_seconds": self.probing,
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the events so far and the times as plain data."""
        spikes = [asdict(spike) for spike in self.spikes]
        times = {"seconds": self.seconds, "probing": self.probing}
        return {"spikes": spikes, "following": self.following, **times}

    def load_state_dict(self, state: dict[str, Any], run: Run) -> None:
        """Restore what `state_dict` returned."""
        self.spikes = [Spike(**spike) for spike in state["spikes"]]
        self.following = state["following"]
        self.seconds, self.probing = state["seconds"], state["probing"]
        self._task = run.validation
