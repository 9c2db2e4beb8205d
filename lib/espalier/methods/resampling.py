"""Synaptic resampling: see `espalier.dendrites.resampling`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.contracts import CannotTrain, Method, Run
from espalier.dendrites.cadence import Cadence
from espalier.dendrites.resampling import Resampler, Surroundings
from espalier.dendrites.turnover import Turnover
from espalier.dendrites.wiring import Pixels
from espalier.sparse.masked_linear import count_parameters


@dataclass(frozen=True)
class Resampling(Method):
    """`run.method_state` is the Resampler; it acts after an update, never before one.

    `resamplings` are events so far, `swaps` the synapses replaced in them.
    """

    cadence: Cadence = Cadence()
    turnover: Turnover = Turnover()

    def attach(self, run: Run) -> None:  # noqa: D102
        if self.cadence.events(run.total_steps, run.total_steps) == 0:
            raise CannotTrain(
                "resampling_never_starts",
                f"no resampling would come before step {run.total_steps}, the run's last, within "
                f"the first {self.cadence.stop:g} of it: lower CONFIG_RESAMPLING_STEPS "
                f"({self.cadence.steps}) or raise CONFIG_RESAMPLING_STOP or CONFIG_NUM_EPOCHS",
            )
        around = Surroundings(lambda: _drawn(run), _loss, _pixels(run))
        random = run.generators["method"]
        try:
            made = Resampler(run.model, run.optimizer, random, self.turnover, around)
        except ValueError as error:
            raise CannotTrain("nothing_to_resample", f"synaptic resampling: {error}") from None
        run.method_state = made

    def after_step(self, run: Run) -> None:  # noqa: D102
        run.method_state.after_step()
        if self.cadence.due(run.step, run.total_steps):
            run.method_state.resample()

    def check(self, run: Run) -> None:  # noqa: D102
        run.method_state.assert_consistent()

    def measures(self, run: Run) -> dict[str, Any]:  # noqa: D102
        counts = {"resamplings": run.method_state.resamplings, "swaps": run.method_state.swaps}
        return {"sparsity": 0.0, "live_parameters": count_parameters(run.model), **counts}

    def state_dict(self, run: Run) -> dict[str, Any]:  # noqa: D102
        return dict(run.method_state.state_dict())

    def load_state_dict(self, run: Run, state: dict[str, Any]) -> None:  # noqa: D102
        run.method_state.load_state_dict(state)


def _loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs.float().flatten(0, -2), targets.flatten())


def _drawn(run: Run) -> tuple[Tensor, Tensor]:
    """One batch of training samples, all different."""
    order = torch.randperm(len(run.train), generator=run.generators["method"])[: run.batch_size]
    return next(iter(run.train.batches(order[None], run.batch_size)))


def _pixels(run: Run) -> Pixels | None:
    shape = tuple(run.train.x.shape[1:])
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else None
