"""What events cost a run: how far the loss jumps, how long until it is back, and time.

The loss is that of a fixed probe of validation samples, in evaluation mode. Measuring changes
nothing and draws no random numbers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from torch.nn import functional as F

from espalier.contracts import Run, Split
from espalier.surgery.probe import evaluating

PROBE_SAMPLES = 512  # images
PROBE_TOKENS = 2048  # characters of text


def probe_size(split: Split) -> int:
    """Samples of a probe: images, or windows of text."""
    if split.y.ndim == 1:
        return min(PROBE_SAMPLES, len(split))
    return min(max(1, PROBE_TOKENS // split.y.shape[1]), len(split))


@torch.no_grad()
def probe_loss(run: Run) -> float:
    """The mean loss on the first validation samples, in nats."""
    wanted, total, labels = probe_size(run.validation), 0.0, 0
    with evaluating(run.model):
        for x, y in run.validation.pieces(wanted):
            logits = run.model(x[:wanted]).float().flatten(0, -2)
            targets = y[:wanted].flatten()
            total += float(F.cross_entropy(logits, targets, reduction="sum"))
            wanted, labels = wanted - len(x), labels + len(targets)
            if wanted <= 0:
                break
    return total / labels


class Eventful(Protocol):
    """A strategy whose events can be followed."""

    @property
    def due(self) -> bool:
        """Whether the coming step brings an event."""
        ...

    @property
    def busy(self) -> bool:
        """Whether an event that has begun is not over."""
        ...

    @property
    def apoptosis_events(self) -> Sequence[object]:
        """What has happened so far."""
        ...


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

    `pause` is the number of steps between two looks. `seconds` went into the strategy, and `looked`
    into looking at the loss, which a run that measures nothing would not do.
    """

    pause: int
    spikes: list[Spike] = field(default_factory=list)
    seconds: float = 0.0
    looked: float = 0.0
    following: bool = False
    _task: Split | None = None

    @contextmanager
    def event(self, run: Run, strategy: Eventful) -> Iterator[None]:
        """Around `strategy.step()`: an event may begin, go on or end.

        One that is due at which nobody dies or is born, for too few parts of neurons are owed yet,
        or none is mature, is no event.
        """
        before = self._look(run) if strategy.due else None
        past, started = len(strategy.apoptosis_events), time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started
        begun = strategy.busy or len(strategy.apoptosis_events) > past
        if before is not None and begun:
            self.spikes.append(Spike(run.step, before))
            self.following, self._task = True, run.validation
        if self.following:
            self._follow(run, strategy.busy)

    def _follow(self, run: Run, busy: bool) -> None:
        spike = self.spikes[-1]
        if run.validation is not self._task:
            self.following = False
        elif (run.step - spike.step) % self.pause == 0:
            rise = self._look(run) - spike.before
            spike.jump = max(spike.jump, rise)
            if rise <= 0 and not busy:
                spike.recovered, self.following = run.step - spike.step, False

    def _look(self, run: Run) -> float:
        if run.validation.device.type == "cuda":
            torch.cuda.synchronize()  # what was begun before is not part of it
        started = time.perf_counter()
        loss = probe_loss(run)
        self.looked += time.perf_counter() - started
        return loss

    def measures(self) -> dict[str, Any]:
        """See `espalier.apoptosis.apoptosis_method`; empty if there were no events."""
        if not self.spikes:
            return {}
        jumps = [spike.jump for spike in self.spikes]
        back = [s.recovered for s in self.spikes if s.recovered is not None]
        return {
            "event_jump": sum(jumps) / len(jumps),
            "event_jump_max": max(jumps),
            "recovery_steps": sum(back) / len(back) if back else None,
            "unrecovered": len(jumps) - len(back),
            "probe_seconds": self.looked,
        }

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs."""
        spikes = [asdict(spike) for spike in self.spikes]
        times = {"seconds": self.seconds, "looked": self.looked}
        return {"spikes": spikes, "following": self.following, **times}

    def load_state_dict(self, state: dict[str, Any], run: Run) -> None:
        """The inverse of `state_dict`."""
        self.spikes = [Spike(**spike) for spike in state["spikes"]]
        self.following = state["following"]
        self.seconds, self.looked = state["seconds"], state["looked"]
        self._task = run.validation
