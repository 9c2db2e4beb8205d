"""The symbols that all pruning methods share: target, schedule and allocation."""

from __future__ import annotations

from typing import ClassVar, Literal

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import RunLength, RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.sparse.schedule import Curve, Schedule


@kconfig_dataclass
class PruningPlan(RunSchedule):
    """The target sparsity, its ramp, and its allocation to layers."""

    moments: ClassVar[tuple[str, ...]] = ("warmup", "ramp_end_epoch")

    target: float = symbol("TARGET_SPARSITY")  # share of prunable weights, [0, 1)
    warmup: int = symbol("PRUNING_WARMUP")  # steps
    ramp_end_epoch: int = symbol("PRUNING_RAMP_END_EPOCH")
    frequency: int = symbol("PRUNING_FREQUENCY")  # steps
    curve: Curve = symbol("PRUNING_CURVE")
    allocation: Literal["global", "per_layer", "erk", "depth"] = symbol("PRUNING_ALLOCATION")

    def schedule(self, length: RunLength) -> Schedule:
        """Return the schedule in the steps of a run.

        Raises CannotTrain if the run would end before the first weight is pruned or before the
        target is reached, or if the ramp would end before it starts.
        """
        self.check_length(length)
        ramp_end = self.ramp_end_epoch * length.steps_per_epoch
        return Schedule(self.target, self.warmup, ramp_end, self.frequency, self.curve)

    @override
    def check_steps(self, length: RunLength) -> None:
        ramp_end = self.ramp_end_epoch * length.steps_per_epoch
        if ramp_end <= self.warmup and self.warmup < length.total_steps:
            raise CannotTrain(
                "ramp_ends_before_it_starts",
                f"the sparsity ramp ends at step {ramp_end} (epoch {self.ramp_end_epoch}) but "
                f"starts at step {self.warmup}: lower CONFIG_PRUNING_WARMUP or raise "
                "CONFIG_PRUNING_RAMP_END_EPOCH",
            )
        first = self.warmup + self.frequency
        first = min(first, ramp_end) if ramp_end > self.warmup else first
        if first > length.total_steps:
            raise CannotTrain(
                "pruning_never_starts",
                f"pruning starts at step {self.warmup} (first weights at {first}) but the run has "
                f"{length.total_steps} steps: lower CONFIG_PRUNING_WARMUP or raise "
                "CONFIG_NUM_EPOCHS",
            )

    @override
    def check_epochs(self, epochs: int) -> None:
        if self.ramp_end_epoch > epochs:
            raise CannotTrain(
                "ramp_never_ends",
                f"the sparsity ramp ends with epoch {self.ramp_end_epoch} but the run has "
                f"{epochs}, so that its target {self.target:g} is not reached: lower "
                "CONFIG_PRUNING_RAMP_END_EPOCH or raise CONFIG_NUM_EPOCHS",
            )
