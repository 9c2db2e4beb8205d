"""The test matrix: a MULTIPLE mode becomes an axis over what is enabled.

So a trial never has a MULTIPLE mode, and a matrix goes through the same expansion as a sweep.
"""

from __future__ import annotations

from decimal import Decimal

from espalier.core.component import KINDS
from espalier.core.errors import UserError
from espalier.kconfig import assign
from espalier.kconfig.line_faults import Place
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
    """
    for kind, (_, switches, mode) in MATRIX.items():
        if mode in symbols and _is_multiple(symbols, requests, mode):
            requests = _replace(symbols, requests, kind, switches, mode)
    return requests


def _is_multiple(symbols: Symbols, requests: Requests, mode: str) -> bool:
    choice, multiple = _owner(symbols, mode)
    return choice in requests and requests[choice].values == (multiple,)


def _replace(symbols: Symbols, requests: Requests, kind: str, switches: str, mode: str) -> Requests:
    choice, _ = _owner(symbols, mode)
    single = next(v for v in symbols.members(choice) if v != _owner(symbols, mode)[1])
    place = requests[choice].place
    target = KINDS[kind][1]
    if target in requests:
        values = "|".join(requests[target].values)
        raise UserError(f"{requests[target].at(values)}: conflicts with CONFIG_{mode}; keep one")
    names = [n.lower() for n in _enabled(symbols, requests, switches, place)]
    axes = {choice: Request(choice, (single,), place), target: _axis(target, names, place)}
    if kind == METHOD:
        axes |= _sparsity(symbols, requests, place)
    gone = (switches, LEVELS) if kind == METHOD else (switches,)
    return _with(requests, choice, axes, gone)


def _sparsity(symbols: Symbols, requests: Requests, place: Place) -> Requests:
    if SPARSITY in requests:
        chosen = [n for n in requests if n.startswith(LEVELS) and requests[n].values == ("y",)]
        if chosen:
            raise UserError(f"{requests[chosen[0]].at('y')}: conflicts with CONFIG_{SPARSITY}")
        return {}
    percents = _enabled(symbols, requests, LEVELS, place)
    levels = [canonical("float", plain(Decimal(percent) / 100)) for percent in percents]
    return {SPARSITY: _axis(SPARSITY, levels, place)}


def _enabled(symbols: Symbols, requests: Requests, prefix: str, place: Place) -> list[str]:
    """Return what is enabled under `prefix`, without it, in the tree's order."""
    symbols.kconf.unset_values()
    for request in requests.values():
        if not request.is_axis:
            assign.put(symbols, request.name, request.values[0])
    names = [n for n in symbols.prompted if n.startswith(f"{prefix}_")]
    enabled = [n for n in names if assign.effective(symbols, n) == "y"]
    if not enabled:
        raise UserError(f"{place}: the test matrix is empty; enable one of {_listed(names)}")
    return [name.removeprefix(f"{prefix}_") for name in enabled]


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
        elif not name.startswith(tuple(f"{prefix}_" for prefix in gone)):
            merged[name] = request
    return merged


def _owner(symbols: Symbols, mode: str) -> tuple[str, str]:
    owner = symbols.owner(mode)
    assert owner is not None, f"{mode} must be a member of a named choice"
    return owner
