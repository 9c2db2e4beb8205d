"""The life of residual branches, in steps."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import Rest, RunLength, RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis.neurons.event_schedule import EventEnd

_RULES = {
    "max_lifespan": (1, float("inf"), "1 or more"),
    "maturation": (0, float("inf"), "0 or more"),
    "interval": (1, float("inf"), "1 or more"),
    "threshold": (1e-9, 1, "in (0, 1]"),
    "birth_share": (0, 1, "in [0, 1]"),
    "death_share": (0, 1, "in [0, 1]"),
}


@kconfig_dataclass
class LifespanOptions:
    """The life of branches; times in steps (updates).

    In the death zone influence falls from 1 to 0 within `max_lifespan`. Below `threshold` of it a
    branch dies, at the next multiple of `interval`. A newborn is mature after `maturation` steps.
    It is a `copy` of the branch of its kind that contributes most, with noise of
    `mutation_strength` times the size of the weights, or `fresh`; fresh too if no other can be its
    parent. `birth_share` and `death_share` of all branches begin in those zones, rounded, and at
    least one in the death zone, which never has more.
    """

    max_lifespan: int = symbol("APOPTOSIS_LAYERS_MAX_LIFESPAN")
    maturation: int = symbol("APOPTOSIS_LAYERS_MATURATION")
    interval: int = symbol("APOPTOSIS_LAYERS_INTERVAL")
    threshold: float = symbol("APOPTOSIS_LAYERS_THRESHOLD")
    birth_share: float = symbol("APOPTOSIS_LAYERS_BIRTH_SHARE")
    death_share: float = symbol("APOPTOSIS_LAYERS_DEATH_SHARE")
    rebirth: Literal["copy", "fresh"] = symbol("APOPTOSIS_LAYERS_REBIRTH")
    mutation_strength: float | None = symbol("APOPTOSIS_LAYERS_MUTATION_STRENGTH")

    def __post_init__(self) -> None:
        """Raise ValueError for anything out of range."""
        for name, (low, high, rule) in _RULES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name}={getattr(self, name)!r}: must be {rule}")

    def influence(self, age: int) -> float:
        """Return the influence of a branch after `age` steps in the death zone."""
        return max(0, self.max_lifespan - age) / self.max_lifespan

    @property
    def first_death(self) -> int:
        """The step of the first death."""
        spent = int((1 - self.threshold) * self.max_lifespan)  # steps, but for rounding
        step = max(1, spent // self.interval) * self.interval
        while self.influence(step) >= self.threshold:
            step += self.interval
        return step


@kconfig_dataclass
class BranchSchedule(RunSchedule):
    """The life of branches, which stands still where no event may begin."""

    lifespan: LifespanOptions
    end: EventEnd

    @override
    def check_steps(self, length: RunLength) -> None:
        """Raise CannotTrain if no branch dies before the last step."""
        lived = sum(closes - start for start, closes, _ in self.end.window(length).tasks())
        lived = min(lived, length.total_steps - 1)
        if self.lifespan.first_death > lived:
            raise CannotTrain(
                "apoptosis_never_starts",
                f"the first layer would die after {self.lifespan.first_death} steps of its life, "
                f"but {lived} of {length.total_steps} steps are for that: lower "
                "CONFIG_APOPTOSIS_LAYERS_MAX_LIFESPAN, or raise CONFIG_NUM_EPOCHS or "
                f"CONFIG_APOPTOSIS_STOP ({self.end.stop:g})",
            )

    @override
    def rest(self, length: RunLength) -> Rest | None:
        """Take the last step of life of a task for its last event: branches fade until then."""
        tasks = self.end.window(length).tasks()
        return Rest(min(e - c for _, c, e in tasks), self.lifespan.interval, "APOPTOSIS_STOP")
