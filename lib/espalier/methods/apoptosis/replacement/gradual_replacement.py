"""Events that take time: what the dying do is handed over step by step, then others are born."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from espalier.methods.apoptosis.neurons.apoptosis_options import check
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ReplacementSchedule, Selected
from espalier.methods.apoptosis.neurons.layer_population import FadingNeurons, LayerPopulation
from espalier.methods.apoptosis.replacement.function_preserving import SubstitutedDeath
from espalier.surgery.death import hand_over


@dataclass(frozen=True)
class GradualReplacement(ReplacementSchedule):
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

    def _left(self, fade: FadingNeurons, step: int) -> int:
        """Return the steps from `step` to the end of a fade."""
        return fade.start + self.steps - step

    @override
    def is_ending(self, population: LayerPopulation, step: int) -> bool:
        return population.fade is not None and self._left(population.fade, step) <= 0

    @override
    def advance(self, population: LayerPopulation, step: int) -> Selected | None:
        fade = population.fade
        if fade is None:
            return None
        left = self._left(fade, step)
        if left > 0:
            hand_over(population.site, fade.substitute, 1 / (left + 1))
            return None
        population.fade = None
        return Selected(fade.substitute.dead)

    @override
    def begin(self, population: LayerPopulation, selected: Selected, step: int) -> Selected | None:
        if self.steps == 0:
            return selected
        population.fade = FadingNeurons(step, self.death.substitute(population, selected.slots))
        return None
