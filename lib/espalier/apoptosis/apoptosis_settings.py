"""The Kconfig symbols that apoptosis methods share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from espalier.apoptosis.apoptosis_options import MATURITY
from espalier.apoptosis.fitness import Measure
from espalier.apoptosis.function_preserving import DeathKind
from espalier.apoptosis.patterns import Pattern, chosen, shares
from espalier.apoptosis.replacement_ops import BirthKind
from espalier.component import symbol
from espalier.surgery.pairs import Pair


@dataclass(frozen=True)
class ApoptosisSettings:
    """Which layers take part, how neurons are scored, and when turnover ends."""

    layers: Pattern = symbol("APOPTOSIS_PATTERN", "all")
    names: str | None = symbol("APOPTOSIS_LAYER_NAMES", "*")
    fitness: Measure = symbol("APOPTOSIS_FITNESS", "grad_activation")
    invert: bool | None = symbol("APOPTOSIS_INVERT", False)
    decay: float = symbol("APOPTOSIS_DECAY", 0.0)
    maturity: int = symbol("APOPTOSIS_MATURITY", MATURITY)  # steps
    anneal: Literal["none", "half_cosine"] = symbol("APOPTOSIS_ANNEAL", "none")
    anneal_end: float | None = symbol("APOPTOSIS_ANNEAL_END", 0.75)  # None: no end

    def shares(self, pairs: Sequence[Pair]) -> dict[str, float]:
        """Return what the rate is multiplied with, by layer; ValueError if no layer is left."""
        if self.layers == "named":
            names = [name.strip() for name in (self.names or "").split(",") if name.strip()]
            return {pair.name: 1.0 for pair in chosen(pairs, names)}
        return shares(pairs, self.layers)

    def options(self, total_steps: int) -> dict[str, Any]:
        """Return the fields of `ApoptosisOptions` that these settings fix."""
        annealed = self.anneal == "half_cosine"
        return {
            "fitness_metric": self.fitness,
            "maturity": self.maturity,
            "decay": self.decay,
            "invert": bool(self.invert),
            "anneal_steps": round((self.anneal_end or 0) * total_steps) if annealed else 0,
        }


@dataclass(frozen=True)
class Pace:
    """How many neurons are replaced at an event, and how often."""

    rate: float = symbol("APOPTOSIS_RATE", 0.1)  # share of a layer's neurons, [0, 1)
    interval: int = symbol("APOPTOSIS_INTERVAL", 500)  # steps


@dataclass(frozen=True)
class Births:
    """How neurons are born."""

    kind: BirthKind = symbol("APOPTOSIS_BIRTH", "mutation")
    mutation: float | None = symbol("APOPTOSIS_MUTATION", 0.3)


@dataclass(frozen=True)
class Deaths:
    """How neurons die."""

    kind: DeathKind = symbol("APOPTOSIS_DEATH", "fold")
