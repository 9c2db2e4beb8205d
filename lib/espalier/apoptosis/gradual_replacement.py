"""Deaths that take time: what the dying do is handed over step by step, then the newborn come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import torch
from torch import nn

from espalier.apoptosis.layer_population import LayerPopulation
from espalier.apoptosis.function_preserving import ExactApoptosis, ExactOptions
from espalier.apoptosis.fitness import Measure
from espalier.apoptosis.neuron import check
from espalier.apoptosis.patterns import Names
from espalier.apoptosis.replacement_ops import DEATHS
from espalier.surgery.death import Substitute, hand_over


@dataclass(frozen=True)
class _Fade:
    """Neurons on their way out since step `start`, and what stands in for them."""

    start: int
    substitute: Substitute


class _FadingApoptosis(ExactApoptosis):
    """Those chosen at an event lose their influence over `_duration` steps (0: at once).

    Equal parts of what they did are handed over after each update; at the end what is left of it
    dies as in any exact strategy, seen anew, and others are born into their slots.
    """

    _duration = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        self._fades: dict[str, _Fade] = {}
        super().__init__(*args, **options)
        known, interval = 0 <= self._duration < self.apoptosis_interval, self.apoptosis_interval
        if not known:
            self.remove()
        rule = f"in [0, {interval}), shorter than apoptosis_interval"
        check(self._named, self._duration, known, rule)

    _named = "duration"  # what users call the duration

    @property
    def busy(self) -> bool:
        """Whether somebody is on the way out."""
        return bool(self._fades)

    def _looks_at(self, step: int) -> bool:
        ending = any(fade.start + self._duration <= step for fade in self._fades.values())
        return ending or super()._looks_at(step)

    def _go_on(self) -> None:
        """Hand over another part; whoever has nothing left to do dies."""
        for colony in self.colonies:
            fade = self._fades.get(colony.name)
            if fade is None:
                continue
            left = fade.start + self._duration - self.step_count
            if left > 0:
                hand_over(colony.site, fade.substitute, 1 / (left + 1))
            else:
                del self._fades[colony.name]
                colony.claimed = colony.claimed.new_zeros(0)
                self._replace(colony, fade.substitute.dead)

    def _turn(self, colony: LayerPopulation) -> None:
        dying = self._select(colony, colony.quota(self._rate(self.step_count)))
        if not len(dying):
            return
        if self._duration == 0:
            self._replace(colony, dying)
            return
        colony.claimed = torch.zeros(colony.size, dtype=torch.bool, device=dying.device)
        colony.claimed[dying] = True
        way = DEATHS[self._death]
        substitute = way(colony.site.pair, dying, colony.sight.statistics)
        self._fades[colony.name] = _Fade(self.step_count, substitute)

    def state_dict(self) -> dict[str, Any]:
        """See the standard strategy; fades that are going on are part of it."""
        fades = {
            name: {"start": fade.start, "substitute": dict(vars(fade.substitute))}
            for name, fade in self._fades.items()
        }
        return {**super().state_dict(), "fades": fades}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self._fades = {
            name: _Fade(saved["start"], Substitute(**saved["substitute"]))
            for name, saved in state["fades"].items()
        }
        super().load_state_dict(state)


class FunctionalPreservationApoptosis(_FadingApoptosis):
    """What the dying did is taken over by the survivors, as well as they can.

    At an event each of the dying is expressed by the survivors (least squares on what is seen).
    Over `preservation_steps` steps their outgoing weights move to the survivors accordingly, while
    all go on learning. Then the newborn come, read by nobody yet.

    Source: the earlier apoptosis code's class of this name, for the aim.
    Differs: that one copies a neuron that is similar and keeps the outgoing weights.
    """

    _named = "preservation_steps"

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        fitness_metric: Measure = "grad_activation",
        mutation_strength: float = 0.3,
        preservation_steps: int = 50,
        **options: Unpack[ExactOptions],
    ) -> None:
        """As the exact strategies; `preservation_steps` in [0, apoptosis_interval)."""
        self._duration = preservation_steps
        super().__init__(
            *(model, target_layers, prune_rate, apoptosis_interval),
            *(fitness_metric, mutation_strength),
            **options,
        )


class GradualFadeApoptosis(_FadingApoptosis):
    """What the dying did fades to its mean over `fade_steps` steps; training makes up for the rest.

    Others are born into their slots when the fade ends, and not at the next event.

    Source: the earlier apoptosis code's class of this name.
    Differs: outgoing weights fade, not incoming ones, and the mean stays.
    """

    _named = "fade_steps"
    _death = "mean"

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        fitness_metric: Measure = "grad_activation",
        mutation_strength: float = 0.3,
        fade_steps: int = 50,
        **options: Unpack[ExactOptions],
    ) -> None:
        """As the exact strategies; `fade_steps` in [0, apoptosis_interval)."""
        self._duration = fade_steps
        super().__init__(
            *(model, target_layers, prune_rate, apoptosis_interval),
            *(fitness_metric, mutation_strength),
            **options,
        )
