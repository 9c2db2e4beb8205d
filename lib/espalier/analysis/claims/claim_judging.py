"""What came of a sweep's claims: confirmed, refuted, undecided, or inadmissible.

A claim that A is better than B by m is confirmed if a one-sided paired t-test shows a difference
above m, and refuted if one shows a difference below m. It is tested once, when its trials with all
seeds of the seal have ended. So it can go wrong in one way only: if the difference is at most m, by
being confirmed; if it is above m, by being refuted. K claims are each tested at alpha / K, so that
in at most alpha of all sweeps any claim goes wrong, however they depend on each other.
Sources: Student 1908, "The probable error of a mean"; Bonferroni's inequality.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from espalier.analysis.claims.admissibility import Case, fault, last_seal, make_case, withdrawn
from espalier.analysis.claims.claim_text import configurations
from espalier.analysis.confidence import Interval, has_spread
from espalier.analysis.rank import Configuration, TrialResult
from espalier.core.errors import UserError
from espalier.core.records import ClaimSeal, PlanHeader


class ClaimStatus(StrEnum):
    """What came of a claim."""

    CONFIRMED = "CONFIRMED"
    REFUTED = "REFUTED"
    UNDECIDED = "UNDECIDED"
    INADMISSIBLE = "INADMISSIBLE"


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its status, and `why` in words; `case` is None where no trial is of it.

    `difference` is by how much the first arm is better, in the measure's unit, a mean over draws.
    Its interval has the level 1 - 2 `alpha`: one of its ends is beyond the margin if and only if
    the one-sided test at `alpha` shows that side.
    """

    text: str
    status: ClaimStatus
    why: str
    alpha: float
    case: Case | None = None
    difference: Interval | None = None


@dataclass(frozen=True)
class JudgedClaims:
    """The claims of a sweep, those taken back too late included, and the seal of the last ones."""

    seal: ClaimSeal
    claims: tuple[JudgedClaim, ...]


def judge(header: PlanHeader, results: Iterable[TrialResult]) -> JudgedClaims | None:
    """Return what came of the claims of a sweep; None if it has none to answer for."""
    seals = header.seals or []
    last = seals[-1] if seals else header.claims
    if last is None:
        return None
    every = configurations(results)
    texts = [*last.claims, *withdrawn(seals, every)]
    judged = [_judged(text, float(last.alpha) / len(texts), header, every) for text in texts]
    return JudgedClaims(last, tuple(judged)) if judged else None


def _judged(
    text: str, alpha: float, header: PlanHeader, every: Sequence[Configuration]
) -> JudgedClaim:
    """Return a claim with what its trials say, or why they may not say anything."""
    try:
        case = make_case(text, every, alpha)
    except UserError as error:
        return JudgedClaim(text, ClaimStatus.INADMISSIBLE, f"arms not run: {error}", alpha)
    difference = case.verdict.reply.difference
    if why := fault(case, header):
        status = ClaimStatus.INADMISSIBLE
    elif why := _unfinished(case, last_seal(header)):
        status = ClaimStatus.UNDECIDED
    else:
        status, why = _tested(difference, case)
    return JudgedClaim(text, status, why, alpha, case, difference)


def _unfinished(case: Case, seal: ClaimSeal) -> str:
    """Return what is missing until the claim is tested; empty if nothing is."""
    if case.waiting:
        return f"{case.waiting} of its trials have not ended; it is tested when all have"
    if case.seeds[0] < seal.max_seeds:
        return f"it has {case.seeds[0]} of the {seal.max_seeds} seeds that it is to be tested with"
    return ""


def _tested(difference: Interval | None, case: Case) -> tuple[ClaimStatus, str]:
    """Return what the one-sided tests say, with the reason in words."""
    by, margin = case.claim.by, case.claim.margin
    said = by.number(margin) + by.difference_unit
    if difference is None or not has_spread(difference):
        return ClaimStatus.UNDECIDED, "one seed, or the same on each, says nothing about chance"
    if difference.low > margin:
        return ClaimStatus.CONFIRMED, f"the difference is more than {said}"
    if difference.high < margin:
        return ClaimStatus.REFUTED, f"the difference is less than {said}"
    return ClaimStatus.UNDECIDED, f"the difference may be more or less than {said}"
