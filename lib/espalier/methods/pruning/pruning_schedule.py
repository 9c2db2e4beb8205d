"""The symbols that all pruning methods share: target, allocation, and when weights go.

Which weights go is the method's own; when, and whether training goes back to an earlier step
afterwards, is said here for all of them alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import RunLength, RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.sparse.schedule import Curve, PrunedRounds, Schedule, SparsitySchedule

Timing = Literal["gradual", "start", "one_shot", "rounds"]
Rewind = Literal["nothing", "learning_rate", "weights"]


@dataclass(frozen=True)
class RoundTimes:
    """Equal rounds of a run: train, prune, go back to step `back`, and so on, then train once more.

    The first round does the updates 1 to `back` + `span`, each later one does `span` again; what
    is left over after a division without remainder belongs to the last.
    """

    total: int
    rounds: int  # mask updates
    back: int = 0

    @property
    def span(self) -> int:
        """The updates from step `back` to the end of a round."""
        return (self.total - self.back) // (self.rounds + 1)

    @property
    def ends(self) -> tuple[int, ...]:
        """The updates after which masks change."""
        return tuple(self.back + self.span * i for i in range(1, self.rounds + 1))

    @property
    def longest(self) -> int:
        """The updates of the last ticket, counted as if it had been trained from step 0."""
        return self.back + self.total - self.ends[-1]

    def done(self, step: int) -> int:
        """Return how many rounds have ended after `step` updates in all."""
        return sum(end <= step for end in self.ends)

    def position(self, step: int) -> int:
        """Return which update of its ticket the run has come to after `step` updates in all."""
        return step - self.span * self.done(step)


@kconfig_dataclass
class PruningPlan(RunSchedule):
    """The target sparsity, when it is reached, and its allocation to layers.

    Gradual: by a ramp after `warmup` steps. Start: before the first update. One shot: after
    `ramp_end_epoch`. Rounds: after each of so many equal parts of the run but the last, each time
    the same share of what is live; then the run goes back to `rewind_step`, if `rewind` says so.
    """

    moments: ClassVar[tuple[str, ...]] = ("warmup", "ramp_end_epoch", "rewind_step")

    target: float = symbol("TARGET_SPARSITY")  # share of prunable weights, [0, 1)
    warmup: int | None = symbol("PRUNING_WARMUP")  # steps
    ramp_end_epoch: int | None = symbol("PRUNING_RAMP_END_EPOCH")
    frequency: int | None = symbol("PRUNING_FREQUENCY")  # steps
    curve: Curve | None = symbol("PRUNING_CURVE")
    allocation: Literal["global", "per_layer", "per_unit", "erk", "depth"] = symbol(
        "PRUNING_ALLOCATION"
    )
    timing: Timing = symbol("PRUNING_TIMING")
    rounds: int | None = symbol("PRUNING_ROUNDS")
    rewind: Rewind | None = symbol("PRUNING_REWIND")
    rewind_step: int | None = symbol("PRUNING_REWIND_STEP")

    def schedule(self, length: RunLength) -> SparsitySchedule:
        """Return the schedule in the steps of a run.

        Raises CannotTrain if the run would end before the first weight is pruned or before the
        target is reached, or if the ramp would end before it starts.
        """
        self.check_length(length)
        if self.timing == "start":
            return PrunedRounds(self.target, (0,))
        if self.timing == "rounds":
            return PrunedRounds(self.target, self.round_times(length).ends)
        ramp_end = self._ramp_end(length)
        if self.timing == "one_shot":
            return PrunedRounds(self.target, (ramp_end,))
        assert self.warmup is not None and self.frequency is not None and self.curve is not None
        return Schedule(self.target, self.warmup, ramp_end, self.frequency, self.curve)

    def round_times(self, length: RunLength) -> RoundTimes:
        """Return the rounds of a run, for the timing of that name."""
        assert self.rounds is not None, "the timing is rounds"
        back = self.rewind_step if self.goes_back else None
        return RoundTimes(length.total_steps, self.rounds, back or 0)

    @property
    def goes_back(self) -> bool:
        """Whether the learning-rate schedule goes back after a round."""
        return self.timing == "rounds" and self.rewind in ("learning_rate", "weights")

    @property
    def rewinds_weights(self) -> bool:
        """Whether weights and optimizer state go back too."""
        return self.goes_back and self.rewind == "weights"

    def _ramp_end(self, length: RunLength) -> int:
        assert self.ramp_end_epoch is not None
        return self.ramp_end_epoch * length.steps_per_epoch

    @override
    def check_steps(self, length: RunLength) -> None:
        if self.timing == "gradual":
            self._check_ramp(length)
        elif self.timing == "rounds":
            self._check_rounds(length)

    def _check_rounds(self, length: RunLength) -> None:
        times = self.round_times(length)
        if times.span < 1:
            raise CannotTrain(
                "rounds_too_short",
                f"{self.rounds} pruning rounds and one more need {times.rounds + 1} "
                f"updates after step {times.back}, and the run has {times.total} in all: lower "
                "CONFIG_PRUNING_ROUNDS or CONFIG_PRUNING_REWIND_STEP, or raise CONFIG_NUM_EPOCHS",
            )

    def _check_ramp(self, length: RunLength) -> None:
        assert self.warmup is not None and self.frequency is not None
        ramp_end = self._ramp_end(length)
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
        if self.timing not in ("gradual", "one_shot"):
            return
        assert self.ramp_end_epoch is not None
        if self.ramp_end_epoch > epochs:
            raise CannotTrain(
                "ramp_never_ends",
                f"the sparsity ramp ends with epoch {self.ramp_end_epoch} but the run has "
                f"{epochs}, so that its target {self.target:g} is not reached: lower "
                "CONFIG_PRUNING_RAMP_END_EPOCH or raise CONFIG_NUM_EPOCHS",
            )
