"""The symbols that all pruning methods share: target, schedule and allocation."""

from __future__ import annotations

from typing import Literal

from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.sparse.schedule import Curve, Schedule


@kconfig_dataclass
class PruningPlan:
    """The target sparsity, its ramp, and its allocation to layers."""

    target: float = symbol("TARGET_SPARSITY")  # share of prunable weights, [0, 1)
    warmup: int = symbol("PRUNING_WARMUP")  # steps
    ramp_end_epoch: int = symbol("PRUNING_RAMP_END_EPOCH")
    frequency: int = symbol("PRUNING_FREQUENCY")  # steps
    curve: Curve = symbol("PRUNING_CURVE")
    allocation: Literal["global", "per_layer", "erk", "depth"] = symbol("PRUNING_ALLOCATION")

    def schedule(self, run: Run) -> Schedule:
        """Return the schedule in this run's steps.

        Raises CannotTrain if the run would end before the first weight is pruned, or if the ramp
        would end before it starts.
        """
        ramp_end = self.ramp_end_epoch * run.steps_per_epoch
        self._check(run, ramp_end)
        return Schedule(self.target, self.warmup, ramp_end, self.frequency, self.curve)

    def _check(self, run: Run, ramp_end: int) -> None:
        if ramp_end <= self.warmup and self.warmup < run.total_steps:
            raise CannotTrain(
                "ramp_ends_before_it_starts",
                f"the sparsity ramp ends at step {ramp_end} (epoch {self.ramp_end_epoch}) but "
                f"starts at step {self.warmup}: lower CONFIG_PRUNING_WARMUP or raise "
                "CONFIG_PRUNING_RAMP_END_EPOCH",
            )
        first = self.warmup + self.frequency
        first = min(first, ramp_end) if ramp_end > self.warmup else first
        if first > run.total_steps:
            raise CannotTrain(
                "pruning_never_starts",
                f"pruning starts at step {self.warmup} (first weights at {first}) but the run has "
                f"{run.total_steps} steps: lower CONFIG_PRUNING_WARMUP or raise CONFIG_NUM_EPOCHS",
            )
