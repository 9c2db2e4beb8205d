"""Early stopping: end a run when its validation has not improved for some epochs.

The run ends with the weights, buffers and masks of its best epoch, whether it was stopped or not.
Only epochs of equally sparse networks are compared: a network from before its pruning is not the
one that was to be trained.

Source: Prechelt 1998, Early stopping - but when?, criterion UP with strips of one epoch.
Differs: a fresh wait and a cool-down after a change of structure, and the best epoch restored.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from espalier.core.component import symbol
from espalier.core.contracts import Run
from espalier.core.trial import Record
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class StopCriterion:
    """The least improvement, in nats or percentage points, and epochs that need none."""

    by: Literal["val_loss", "val_acc"] = symbol("EARLY_STOP_BY")
    min_delta: float = symbol("EARLY_STOP_MIN_DELTA")
    cooldown: int = symbol("EARLY_STOP_COOLDOWN")  # epochs

    def score(self, record: Record) -> float:
        """Return how bad an epoch is: its loss in nats, or its accuracy in percent times -1."""
        return float(record[self.by]) * (1 if self.by == "val_loss" else -1)


@kconfig_dataclass
class EarlyStopPlan:
    """The symbols; a run is stopped after `patience` epochs without improvement (0: never)."""

    patience: int = symbol("EARLY_STOP_PATIENCE")
    criterion: StopCriterion | None

    def start(self) -> EarlyStopping | None:
        """Return the rule for one run; None if it is never stopped."""
        if not self.patience or self.criterion is None:
            return None
        return EarlyStopping(self.patience, self.criterion)


class EarlyStopping:
    """The rule that may end one run, updated after each of its epochs."""

    def __init__(self, patience: int, criterion: StopCriterion) -> None:
        self._patience, self._criterion = patience, criterion
        self._best: KeptEpoch | None = None
        self._mark = math.inf  # what the next improvement is measured from
        self._left = patience  # epochs until the end; more while it cools down
        self._changes = 0
        self.stopped = False

    @property
    def epoch(self) -> int:
        """Return the best epoch so far (1 is the first), whose weights the run ends with."""
        return self._best.epoch if self._best else 0

    def after_epoch(self, run: Run, record: Record) -> None:
        """Update the rule by the record of the epoch that `run` has just completed.

        After the last epoch, restore the network of the best one.
        """
        self._left -= 1
        self._extend(run)
        self._compare(run, record)
        self.stopped = self._left <= 0
        if self._best and (self.stopped or run.epoch == run.epochs):
            self._best.restore(run)

    def state_dict(self) -> dict[str, Any]:
        """Return the best epoch and the counters as plain data and tensors."""
        best = None
        if self._best is not None:
            best = {**vars(self._best), "size": tuple(self._best.size)}
        counts = {"left": self._left, "changes": self._changes, "stopped": self.stopped}
        return {"best": best, "mark": self._mark, **counts}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._best = None
        if saved["best"] is not None:
            self._best = KeptEpoch(**{**saved["best"], "size": NetworkSize(*saved["best"]["size"])})
        self._mark, self._left = saved["mark"], saved["left"]
        self._changes, self.stopped = saved["changes"], saved["stopped"]

    def _extend(self, run: Run) -> None:
        """Wait longer after a change of structure, and while the method is not done."""
        changes = run.method.changes(run)
        if changes != self._changes:
            self._changes = changes
            self._left = self._patience + self._criterion.cooldown
        if run.method.unfinished(run):
            self._left = max(self._left, self._patience)

    def _compare(self, run: Run, record: Record) -> None:
        score, size = self._criterion.score(record), NetworkSize.of(record)
        if self._best is None or size.pruned_from(self._best.size):
            self._best, self._mark = None, math.inf
        if score < self._mark - self._criterion.min_delta:
            self._mark, self._left = score, max(self._left, self._patience)
        if self._best is None or score < self._best.score:
            self._best = KeptEpoch.of(run, score, size)


class NetworkSize(NamedTuple):
    """How sparse a network was after an epoch, a share, and how many parameters lived."""

    sparsity: float
    live: float

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> NetworkSize:
        """Return the size in an epoch's record; `live` is infinite where none are counted."""
        return cls(float(record["sparsity"]), float(record.get("live_parameters", math.inf)))

    def pruned_from(self, earlier: NetworkSize) -> bool:
        """Return whether a network of size `earlier` was pruned to this one.

        A growing network gains live parameters, even where its sparsity rises.
        """
        return self.sparsity > earlier.sparsity and self.live <= earlier.live


UNKNOWN_SIZE = NetworkSize(0.0, math.inf)


@dataclass(frozen=True)
class KeptEpoch:
    """A run's network and the state of its method as they were after an epoch."""

    epoch: int
    score: float
    size: NetworkSize
    tensors: dict[str, Tensor]
    method: dict[str, Any]

    @classmethod
    def of(cls, run: Run, score: float = 0.0, size: NetworkSize = UNKNOWN_SIZE) -> KeptEpoch:
        """Copy the network and the state of the method of `run`."""
        tensors = {name: tensor.detach().clone() for name, tensor in named_tensors(run.model)}
        method = copy.deepcopy(run.method.state_dict(run))
        return cls(run.epoch, score, size, tensors, method)

    @torch.no_grad()
    def restore(self, run: Run) -> None:
        """Write the copy back, in place; the optimizer is left as it is.

        Raises RuntimeError if the method does not restore the sizes of layers.
        """
        if run.epoch == self.epoch:
            return
        run.method.load_state_dict(run, self.method)  # first: it may be what sizes depend on
        for name, tensor in named_tensors(run.model):
            if name not in self.tensors or tensor.shape != self.tensors[name].shape:
                raise RuntimeError(f"{name} is not what it was: see Method.load_state_dict")
            tensor.copy_(self.tensors[name])


def named_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield every parameter and buffer by name, also buffers outside of the state dict."""
    yield from model.named_parameters()
    yield from model.named_buffers()
