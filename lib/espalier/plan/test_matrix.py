"""The test matrix: a MULTIPLE mode becomes an axis over what is enabled.

So a trial never has a MULTIPLE mode, and a matrix goes through the same expansion as a sweep.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from espalier.core.component import KINDS
from espalier.kconfig import assign
from espalier.kconfig.line_faults import Faults, LineError, Place
from espalier.kconfig.number_range import plain
from espalier.kconfig.requests import Request, Requests
from espalier.kconfig.symbols import Symbols
from espalier.kconfig.tree import MATRIX
from espalier.kconfig.values import canonical

METHOD = "method"
SPARSITY = "TARGET_SPARSITY"
LEVELS = "SPARSITY_ENABLE"


def to_axes(symbols: Symbols, requests: Requests) -> Requests:
    """Replace every MULTIPLE mode among `requests` by axes, in the mode's place.

    Values that Kconfig refuses in every combination are left out of a matrix without an error.
    Raises UserError, with every conflict.
    """
    faults = Faults()
    for kind, switches, mode in _multiple(symbols, requests):
        with faults.collect():
            requests = _replace(symbols, requests, kind, switches, mode)
    faults.check()
    return requests


def notes(symbols: Symbols, requests: Requests) -> list[str]:
    """Return a note for each matrix that is not restricted by what a file enables in it."""
    lines = []
    for kind, switches, _ in _multiple(symbols, requests):
        lines += _note(symbols, requests, switches, f"{kind}s")
        if kind == METHOD and SPARSITY not in requests:
            lines += _note(symbols, requests, LEVELS, "sparsities")
    return lines


def _note(symbols: Symbols, requests: Requests, prefix: str, things: str) -> list[str]:
    """Return the note, if any, that what is enabled by name was enabled already, as others are."""
    named = [n for n in requests if n.startswith(f"{prefix}_")]
    switched_on = [n for n in named if requests[n].values == ("y",)]
    unnamed = {name: request for name, request in requests.items() if name not in named}
    by_default = _switched_on(symbols, unnamed, prefix)
    idle = [name for name in switched_on if name in by_default]
    others = len([name for name in by_default if name not in named])
    if not idle or not others:
        return []
    more = f" and {len(idle) - 1} more are" if len(idle) > 1 else " is"
    return [
        f"{requests[idle[0]].at('y')}{more} the default; {others} other {things} are on too; "
        f"`# CONFIG_{prefix}_<NAME> is not set` switches one off"
    ]


def _multiple(symbols: Symbols, requests: Requests) -> list[tuple[str, str, str]]:
    """Return the kind, the prefix of the switches and the mode of each matrix."""
    return [
        (kind, switches, mode)
        for kind, (_, switches, mode) in MATRIX.items()
        if mode in symbols and _is_multiple(symbols, requests, mode)
    ]


def _is_multiple(symbols: Symbols, requests: Requests, mode: str) -> bool:
    choice, multiple = _owner(symbols, mode)
    return choice in requests and requests[choice].values == (multiple,)


def _replace(symbols: Symbols, requests: Requests, kind: str, switches: str, mode: str) -> Requests:
    choice, _ = _owner(symbols, mode)
    single = next(v for v in symbols.members(choice) if v != _owner(symbols, mode)[1])
    place = requests[choice].place
    target = KINDS[kind][1]
    names = [n.lower() for n in _enabled(symbols, requests, switches, place)]
    if target in requests and set(requests[target].values) != set(names):
        values = "|".join(requests[target].values)
        raise requests[target].error(values, f"conflicts with CONFIG_{mode}; keep one")
    axes = {choice: Request(choice, (single,), place), target: _axis(target, names, place)}
    if kind == METHOD:
        axes |= _sparsity(symbols, requests, place)
    gone = (switches, LEVELS) if kind == METHOD else (switches,)
    return _with(requests, choice, axes, gone)


def _sparsity(symbols: Symbols, requests: Requests, place: Place) -> Requests:
    if SPARSITY in requests:
        chosen = [n for n in requests if n.startswith(LEVELS) and requests[n].values == ("y",)]
        if chosen and set(_levels(chosen)) != set(requests[SPARSITY].values):
            values = "|".join(requests[SPARSITY].values)
            raise requests[chosen[0]].error("y", f"conflicts with CONFIG_{SPARSITY}={values}")
        return {}
    return {SPARSITY: _axis(SPARSITY, _levels(_enabled(symbols, requests, LEVELS, place)), place)}


def _levels(names: Iterable[str]) -> list[str]:
    percents = [Decimal(name.removeprefix(f"{LEVELS}_")) for name in names]
    return [canonical("float", plain(percent / 100)) for percent in percents]


def _enabled(symbols: Symbols, requests: Requests, prefix: str, place: Place) -> list[str]:
    """Return what is enabled under `prefix`, without it, in the tree's order."""
    enabled = _switched_on(symbols, requests, prefix)
    if not enabled:
        names = [n for n in symbols.prompted if n.startswith(f"{prefix}_")]
        raise LineError(place, f"the test matrix is empty; enable one of {_listed(names)}")
    return [name.removeprefix(f"{prefix}_") for name in enabled]


def _switched_on(symbols: Symbols, requests: Requests, prefix: str) -> list[str]:
    """Return the symbols under `prefix` that are on with these requests."""
    symbols.kconf.unset_values()
    for request in requests.values():
        if not request.is_axis:
            assign.put(symbols, request.name, request.values[0])
    names = [n for n in symbols.prompted if n.startswith(f"{prefix}_")]
    return [n for n in names if assign.effective(symbols, n) == "y"]


def _listed(names: list[str]) -> str:
    return ", ".join(f"CONFIG_{name}" for name in names)


def _axis(name: str, values: list[str], place: Place) -> Request:
    return Request(name, tuple(values), place, required=False)


def _with(requests: Requests, choice: str, axes: Requests, gone: tuple[str, ...]) -> Requests:
    """Put `axes` where `choice` stood, and leave out the switches that are used up."""
    merged: Requests = {}
    for name, request in requests.items():
        if name == choice:
            merged |= axes
        elif name not in axes and not name.startswith(tuple(f"{prefix}_" for prefix in gone)):
            merged[name] = request
    return merged


def _owner(symbols: Symbols, mode: str) -> tuple[str, str]:
    owner = symbols.owner(mode)
    assert owner is not None, f"{mode} must be a member of a named choice"
    return owner
