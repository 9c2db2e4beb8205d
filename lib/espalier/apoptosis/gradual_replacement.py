"""Events that take time: what the dying do is handed over step by step, then others are born."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

from espalier.apoptosis.apoptosis_options import check
from espalier.apoptosis.function_preserving import SubstitutedDeath
from espalier.apoptosis.layer_population import Fade, LayerPopulation
from espalier.apoptosis.strategy import Replacer, Schedule, Selected
from espalier.surgery.death import hand_over


@dataclass(frozen=True)
class GradualReplacement(Schedule):
    """The selected lose their influence over `steps` steps (0: at once).

    Equal parts of what they did are handed over after each update. At the end, what is left dies
    as it would at once, observed anew, and others are born into the slots. `argument` is what users
    call `steps`.
    """

    steps: int
    death: SubstitutedDeath
    argument: str

    @override
    def check(self, interval: int) -> None:
        rule = f"in [0, {interval}), shorter than apoptosis_interval"
        check(self.argument, self.steps, 0 <= self.steps < interval, rule)

    def _left(self, fade: Fade, step: int) -> int:
        """Return the steps from `step` to the end of a fade."""
        return fade.start + self.steps - step

    @override
    def is_ending(self, population: LayerPopulation, step: int) -> bool:
        return population.fade is not None and self._left(population.fade, step) <= 0

    @override
    def advance(self, replacer: Replacer, population: LayerPopulation) -> None:
        fade = population.fade
        if fade is None:
            return
        left = self._left(fade, replacer.step)
        if left > 0:
            hand_over(population.site, fade.substitute, 1 / (left + 1))
        else:
            population.fade = None
            replacer.replace(population, Selected(fade.substitute.dead))

    @override
    def begin(
        self, replacer: Replacer, population: LayerPopulation, others: Sequence[LayerPopulation]
    ) -> None:
        if self.steps == 0:
            super().begin(replacer, population, others)
            return
        slots = replacer.select(population).slots
        if len(slots):
            population.fade = Fade(replacer.step, self.death.substitute(population, slots))
