"""Whether every requested value can take effect: one that does nowhere is an error."""

from __future__ import annotations

from dataclasses import dataclass, field

from espalier.kconfig import assign
from espalier.kconfig.line_faults import Faults
from espalier.kconfig.requests import Request, Requests
from espalier.kconfig.symbols import Symbols

Choice = tuple[str, str]  # a target and the value it was given


@dataclass
class EffectCheck:
    """Values that took effect somewhere, and why others did not."""

    took: set[Choice] = field(default_factory=set)  # values that some configuration has
    refused: dict[Choice, str] = field(default_factory=dict)  # did not stick somewhere
    hidden: dict[Choice, str] = field(default_factory=dict)  # the symbol was off somewhere
    shown: set[str] = field(default_factory=set)  # whose symbol was on somewhere
    blocked: dict[Choice, str] = field(default_factory=dict)  # something else was refused then

    def hide(self, symbols: Symbols, name: str, value: str) -> None:
        """Record that a value is off now, since its symbol is."""
        if name not in self.shown and (name, value) not in self.hidden:
            self.hidden[name, value] = assign.why_inactive(symbols, name)

    def check(self, requests: Requests, strict: bool) -> None:
        """Raise UserError for values that no configuration has, all of the plainest case.

        Unless `strict`, a fixed value may be one whose symbol is never shown.
        """
        lost = [
            (request, value)
            for request in requests.values()
            for value in request.values
            if request.requires(value) and (request.name, value) not in self.took
        ]
        for cause, template in (
            (self.refused, "{}"),
            (self.hidden, "never in effect: {}"),
            (self.blocked, "never in effect, since {}"),
        ):
            faults = Faults()
            for request, value in lost:
                is_shown = cause is self.hidden and request.name in self.shown
                reason = "" if is_shown else cause.get((request.name, value))
                if reason and (strict or self._binding(request)):
                    faults.add(request.error(value, template.format(reason)))
            faults.check()

    def _binding(self, request: Request) -> bool:
        """Return whether a value must take effect even in a lenient expansion."""
        return request.is_axis or any(name == request.name for name, _ in self.refused)
