"""What two results that stand side by side were not made alike in: code, data, versions, device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from espalier.analysis.rank import TrialResult
from espalier.core.records import Provenance, Revision
from espalier.core.revision import describe

TrialPair = tuple[TrialResult, TrialResult]
Differ = Callable[[Provenance, Provenance], tuple[str, str] | None]


@dataclass(frozen=True)
class Unlike:
    """In `what` the trials of `count` of `of` pairs differ; `sides` has the usual of each side."""

    what: str
    count: int
    of: int
    sides: tuple[str, str]


def unlike(pairs: Sequence[TrialPair]) -> list[Unlike]:
    """Return in what the two trials of pairs were not made alike; empty if in nothing.

    What was not recorded of one of them says nothing.
    """
    kinds = {"code": _codes, "data": _data, "versions": _versions, "device": _devices}
    every = [(what, _differences(pairs, differ)) for what, differ in kinds.items()]
    return [
        Unlike(what, len(said), len(pairs), Counter(said).most_common(1)[0][0])
        for what, said in every
        if said
    ]


def _differences(pairs: Sequence[TrialPair], differ: Differ) -> list[tuple[str, str]]:
    each = (differ(own.result.provenance, other.result.provenance) for own, other in pairs)
    return [said for said in each if said]


def _codes(own: Provenance, other: Provenance) -> tuple[str, str] | None:
    mine, others = own.code or Revision(), other.code or Revision()
    return (describe(mine), describe(others)) if mine.differs(others) else None


def _versions(own: Provenance, other: Provenance) -> tuple[str, str] | None:
    mine, others = own.versions or {}, other.versions or {}
    names = [name for name in mine if name in others and mine[name] != others[name]]
    return (_named(mine, names), _named(others, names)) if names else None


def _named(versions: Mapping[str, str], names: Sequence[str]) -> str:
    return ", ".join(f"{name} {versions[name]}" for name in names)


def _devices(own: Provenance, other: Provenance) -> tuple[str, str] | None:
    return _unequal(own.device, other.device)


def _data(own: Provenance, other: Provenance) -> tuple[str, str] | None:
    return _unequal(own.data_fingerprint, other.data_fingerprint)


def _unequal(own: str | None, other: str | None) -> tuple[str, str] | None:
    return (own, other) if own and other and own != other else None
