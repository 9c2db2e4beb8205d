"""Which samplers draw: they take intervals, and a number of configurations."""

from __future__ import annotations

from kconfiglib import Symbol

from espalier.core import component
from espalier.kconfig import assign
from espalier.kconfig.line_faults import Faults
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols

SAMPLER = component.SWEEP_KINDS["sampler"][1]
DRAWS = "SAMPLER_DRAWS"
"""What the fragment of a sampler that draws selects, itself or by what it selects."""


def drawing_samplers(symbols: Symbols) -> list[str]:
    """Return the names of the samplers that draw, sorted; their fragments say so."""
    if SAMPLER not in symbols:
        return []
    return sorted(name for name, member in symbols.members(SAMPLER).items() if _draws(member))


def _draws(symbol: Symbol) -> bool:
    return any(target.name == DRAWS or _draws(target) for target, _ in symbol.selects)


def drawing_text(symbols: Symbols) -> str:
    """Return `, or take SAMPLER=cmaes, random or tpe`; nothing if no sampler draws."""
    names = drawing_samplers(symbols)
    several = " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
    return f", or take {SAMPLER}={several}" if names else ""


def check_listed(symbols: Symbols, requests: Requests) -> None:
    """Raise UserError for intervals, with what to write where every value must be listed."""
    faults = Faults()
    for request in requests.values():
        if request.interval is not None:
            listed = "|".join(request.interval.at(share) for share in (0, 0.5, 1))
            rule = f"an interval has no combinations to list; write values, such as {listed}"
            faults.add(request.error(request.values[0], rule + drawing_text(symbols)))
    faults.check()


def check_settings(symbols: Symbols, requests: Requests) -> None:
    """Raise UserError for settings of a draw where the sampler that is chosen draws nothing.

    The user values of the tree are those of the requests.
    """
    if SAMPLER not in symbols or assign.is_active(symbols, f"{SAMPLER}_TRIALS"):
        return
    chosen = f"{SAMPLER}={assign.effective(symbols, SAMPLER)}"
    rule = f"is of samplers that draw, and {chosen} draws nothing; leave it out"
    faults = Faults()
    for name in (f"{SAMPLER}_TRIALS", f"{SAMPLER}_SEED"):
        if request := requests.get(name):
            faults.add(request.error(request.values[0], rule + drawing_text(symbols)))
    faults.check()
