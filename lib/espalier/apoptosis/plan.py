"""The symbols that apoptosis methods share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from espalier.apoptosis.fitness import Measure
from espalier.apoptosis.neuron import Options
from espalier.apoptosis.patterns import Pattern, chosen, shares
from espalier.apoptosis.replacing import BirthKind, DeathKind
from espalier.component import symbol
from espalier.kconfig.options import kconfig_dataclass
from espalier.surgery.pairs import Pair


@kconfig_dataclass
class ApoptosisPlan:
    """Where, whom and how long; how is up to the method."""

    layers: Pattern = symbol("APOPTOSIS_PATTERN")
    names: str | None = symbol("APOPTOSIS_LAYER_NAMES")
    fitness: Measure = symbol("APOPTOSIS_FITNESS")
    invert: bool | None = symbol("APOPTOSIS_INVERT")
    decay: float = symbol("APOPTOSIS_DECAY")
    maturity: int = symbol("APOPTOSIS_MATURITY")  # steps
    anneal: Literal["none", "half_cosine"] = symbol("APOPTOSIS_ANNEAL")
    anneal_end: float | None = symbol("APOPTOSIS_ANNEAL_END")  # None: no end

    def shares(self, pairs: Sequence[Pair]) -> dict[str, float]:
        """What the rate is multiplied with, by layer; raises ValueError if no layer is left."""
        if self.layers == "named":
            names = [name.strip() for name in (self.names or "").split(",") if name.strip()]
            return {pair.name: 1.0 for pair in chosen(pairs, names)}
        return shares(pairs, self.layers)

    def options(self, total_steps: int) -> Options:
        """The part of the plan that strategies take as options."""
        annealed = self.anneal == "half_cosine"
        return {
            "maturity": self.maturity,
            "decay": self.decay,
            "invert": bool(self.invert),
            "anneal_steps": round((self.anneal_end or 0) * total_steps) if annealed else 0,
        }


@kconfig_dataclass
class Pace:
    """How many, how often."""

    rate: float = symbol("APOPTOSIS_RATE")  # share of a layer's neurons, [0, 1)
    interval: int = symbol("APOPTOSIS_INTERVAL")  # steps


@kconfig_dataclass
class Births:
    """How neurons are born."""

    kind: BirthKind = symbol("APOPTOSIS_BIRTH")
    mutation: float | None = symbol("APOPTOSIS_MUTATION")


@kconfig_dataclass
class Deaths:
    """How neurons die."""

    kind: DeathKind = symbol("APOPTOSIS_DEATH")
