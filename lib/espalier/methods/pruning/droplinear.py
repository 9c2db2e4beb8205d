"""DropLinear: structured pruning of the inputs of linear layers, column by column.

See `espalier.layers.dendrites.drop_linear`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures, count_parameters
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.dendrites.drop_linear import DropPace, Shrinking, smallest_columns
from espalier.methods.pruning.dropping_schedule import DroppingSchedule
from espalier.sparse.mask import MaskSet
from espalier.sparse.prunable import prunable


class Columns:
    """A run's `method_state`: columns of some layers' weights, dropped by a schedule each."""

    def __init__(self, weights: Mapping[str, Tensor], schedules: list[Shrinking]) -> None:
        self.masks = MaskSet(weights)
        self.schedules = schedules

    def after_step(self, step: int, optimizer: torch.optim.Optimizer) -> None:
        """Drop the columns that are due after update `step` (1 is the first)."""
        counts = [schedule.after(step) for schedule in self.schedules]
        if not any(counts):
            return
        with self.masks.event():
            parts = zip(self.masks.weights, self._dropped(), counts, strict=True)
            mask = torch.cat([_mask_columns(*part).flatten() for part in parts])
            self.masks.set(mask, optimizer)

    def _dropped(self) -> list[Tensor]:
        """Return the dropped columns of each weight, (inputs,) bool."""
        mask = self.masks.mask
        if mask is not None:
            return [part[0] for part in self.masks.split(mask)]
        return [w.new_zeros(w.shape[1], dtype=torch.bool) for w in self.masks.weights]

    def assert_whole(self) -> None:
        """Raise AssertionError where a part of a column is masked."""
        mask = self.masks.mask
        for part in [] if mask is None else self.masks.split(mask):
            assert bool((part == part[0]).all()), "a part of a column is gone"


def _mask_columns(weight: Tensor, dropped: Tensor, count: int) -> Tensor:
    """Return the mask of `weight` with the `count` weakest columns dropped too."""
    dropped = dropped.clone()
    dropped[smallest_columns(weight, ~dropped, count)] = True
    return dropped.expand(weight.shape)


@kconfig_dataclass
class DropLinearMethod(Method[Columns]):
    """Drop `share` of the inputs of the first `layers` linear layers.

    Columns are dropped every `steps` updates until `stop`, a share of all updates, in numbers
    that follow from `pace`.
    """

    share: float
    layers: int
    steps: int
    stop: float
    pace: DropPace

    @override
    def attach(self, run: Run[Columns]) -> None:
        linear = {name: w for name, w in prunable(run.model).items() if w.ndim == 2}
        if len(linear) < self.layers:
            raise CannotTrain(
                "too_few_layers",
                f"CONFIG_DROPLINEAR_LAYERS={self.layers}: the model has only {len(linear)} linear "
                "layers that are trained",
            )
        DroppingSchedule(self.steps, self.stop).check_length(run.length)
        chosen = dict(list(linear.items())[: self.layers])
        schedules = [self._schedule(name, w, run) for name, w in chosen.items()]
        run.method_state = Columns(chosen, schedules)
        run.announce(run.method_state.masks)

    def _schedule(self, name: str, weight: Tensor, run: Run[Columns]) -> Shrinking:
        inputs = weight.shape[1]
        columns = math.floor(round(self.share * inputs, 6))
        if not 0 < columns < inputs:
            raise CannotTrain(
                "no_column_to_drop",
                f"CONFIG_DROPLINEAR_SHARE={self.share:g}: of the {inputs} inputs of {name} that "
                f"is {columns}; at least one must go and one stay",
            )
        return Shrinking(columns, run.total_steps, self.steps, self.stop, self.pace)

    @override
    def after_backward(self, run: Run[Columns]) -> None:
        run.method_state.masks.mask_gradients()

    @override
    def after_step(self, run: Run[Columns]) -> None:
        run.method_state.after_step(run.step, run.optimizer)

    @override
    def check(self, run: Run[Columns]) -> None:
        run.method_state.masks.assert_masked(run.optimizer)
        run.method_state.assert_whole()

    @override
    def unfinished(self, run: Run[Columns]) -> bool:
        """Return whether columns are still to be dropped."""
        return any(
            schedule.drops * schedule.every > run.step for schedule in run.method_state.schedules
        )

    @override
    def measures(self, run: Run[Columns]) -> Measures:
        """Return `sparsity`, of all prunable weights of the model, and `live_parameters`."""
        pruned = run.method_state.masks.pruned
        weights = sum(w.numel() for w in prunable(run.model).values())
        return {
            "sparsity": pruned / weights,
            "live_parameters": count_parameters(run.model) - pruned,
        }

    @override
    def state_dict(self, run: Run[Columns]) -> StateDict:
        mask = run.method_state.masks.mask
        return {} if mask is None else {"mask": mask.clone()}

    @override
    def load_state_dict(self, run: Run[Columns], state: StateDict) -> None:
        if state:
            run.method_state.masks.restore(state["mask"].clone())
