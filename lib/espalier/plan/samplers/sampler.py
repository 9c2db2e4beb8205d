"""What every sampler is: a component that turns the requests of a range file into trials."""

from __future__ import annotations

from abc import ABC, abstractmethod

from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan.expand import Expansion


class Sampler(ABC):
    """How the configurations of a sweep are chosen."""

    @abstractmethod
    def sample(
        self, symbols: Symbols, requested: Requests, limit: int | None, strict: bool
    ) -> Expansion:
        """Return what a plan begins with; arguments and errors are those of `expand.expand`."""
