"""The Kconfig symbols that apoptosis methods share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espalier.core.component import symbol
from espalier.core.run_length import RunLength
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis.neurons.apoptosis_strategy import Victims
from espalier.methods.apoptosis.neurons.event_schedule import Annealing, EventEnd
from espalier.methods.apoptosis.neurons.fitness import FitnessMetric
from espalier.methods.apoptosis.neurons.layer_patterns import Pattern, layer_shares, select_pairs
from espalier.methods.apoptosis.neurons.replacement_ops import BirthKind
from espalier.methods.apoptosis.replacement.function_preserving import DeathKind
from espalier.surgery.pairing.pairs import Pair


@kconfig_dataclass
class ApoptosisSettings:
    """Which layers take part, how neurons are scored, and when turnover ends."""

    layers: Pattern = symbol("APOPTOSIS_PATTERN")
    names: str | None = symbol("APOPTOSIS_LAYER_NAMES")
    fitness: FitnessMetric = symbol("APOPTOSIS_FITNESS")
    invert: bool | None = symbol("APOPTOSIS_INVERT")
    decay: float = symbol("APOPTOSIS_DECAY")
    maturity: int = symbol("APOPTOSIS_MATURITY")  # steps
    victims: Victims | None = symbol("APOPTOSIS_VICTIMS")
    annealing: Annealing
    end: EventEnd

    def shares(self, pairs: Sequence[Pair]) -> dict[str, float]:
        """Return what the rate is multiplied with, by layer; ValueError if no layer is left."""
        if self.layers == "named":
            names = [name.strip() for name in (self.names or "").split(",") if name.strip()]
            return {pair.name: 1.0 for pair in select_pairs(pairs, names)}
        return layer_shares(pairs, self.layers)

    def options(self, length: RunLength) -> dict[str, Any]:
        """Return the fields of `ApoptosisOptions` that these settings fix."""
        return {
            "fitness_metric": self.fitness,
            "maturity": self.maturity,
            "decay": self.decay,
            "invert": bool(self.invert),
            "anneal_steps": self.annealing.steps(length.total_steps),
            "window": self.end.window(length),
        }


@kconfig_dataclass
class Pace:
    """Share of neurons replaced at an event, and steps between events."""

    rate: float = symbol("APOPTOSIS_RATE")  # share of a layer's neurons, [0, 1)
    interval: int = symbol("APOPTOSIS_INTERVAL")  # steps


@kconfig_dataclass
class Births:
    """Kind of birth, and noise of mutations."""

    kind: BirthKind = symbol("APOPTOSIS_BIRTH")
    mutation: float | None = symbol("APOPTOSIS_MUTATION")


@kconfig_dataclass
class Deaths:
    """Kind of death."""

    kind: DeathKind = symbol("APOPTOSIS_DEATH")
