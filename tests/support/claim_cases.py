"""Sweeps of two arms whose differences are given, and headers with claims sealed before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trial_results import ended, passed, trial

from espalier.analysis.rank import TrialResult
from espalier.core.records import ClaimSeal, PlanHeader
from espalier.core.trial import Status
from espalier.plan.claim_seal import signed

CLAIM = "WAY=new better than WAY=old by {} val_acc"
SEALED = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC


def arms(differences: Sequence[float | None], by: str = "val_acc", **new: Any) -> list[TrialResult]:
    """Trials of the old way, then of the new, one a difference: odd numbers and even ones.

    None has not run. `new` are further measures of the new way, 100 and so on in the old.
    """
    made: list[TrialResult] = []
    for seed, difference in enumerate(differences, 1):
        for way, more in (("old", 0.0), ("new", difference)):
            item = trial(len(made) + 1, seed, WAY=way)
            if difference is None or more is None:
                made.append(ended(item, Status.NOTRUN))
                continue
            others = new if way == "new" else dict.fromkeys(new, 100)
            made.append(passed(item, **{"val_acc": 50.0, **others, by: 50.0 + seed / 4 + more}))
    return made


def made_seal(*claims: str, alpha: str = "0.05", max_seeds: int = 3, **more: Any) -> ClaimSeal:
    """A seal as a store has it, of before the first trial."""
    placed = {"sealed": SEALED, "ended": [], **more}
    return signed(ClaimSeal(claims=[*claims], alpha=alpha, max_seeds=max_seeds, **placed))


def header(*claims: str, alpha: str = "0.05", max_seeds: int = 3) -> PlanHeader:
    """The header of a sweep whose claims were sealed once."""
    sealed = made_seal(*claims, alpha=alpha, max_seeds=max_seeds)
    return PlanHeader(claims=sealed, seals=[sealed])
