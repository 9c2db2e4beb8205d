"""What came of a sweep's claims: the head of sweep_analysis.txt, and sweep_claims.json."""

from __future__ import annotations

from espalier.analysis.claims.claim_judging import JudgedClaim, JudgedClaims
from espalier.analysis.confidence import has_spread
from espalier.core import strict_json
from espalier.core.texts.utc_time import utc_text
from espalier.core.trial import Record
from espalier.plan.claim_seal import SHOWN
from espalier.report.templates import render

SHARED = "Bonferroni"
"""How several claims share alpha."""


def render_claims(judged: JudgedClaims) -> str:
    """Return the part of the report, plain ASCII."""
    return render(
        "claims.txt",
        seal=judged.seal,
        digest=judged.seal.sha256[:SHOWN],
        sealed=when_sealed(judged.seal.sealed),
        claims=judged.claims,
        shared=SHARED,
        also=also_text,
        numbers=claim_numbers,
    )


def claims_json(judged: JudgedClaims) -> str:
    """Return the text of sweep_claims.json: strict JSON."""
    seal = judged.seal
    return strict_json.pretty(
        {
            "sealed": seal.sealed,
            "sha256": seal.sha256,
            "alpha": float(seal.alpha),
            "shared_by": SHARED,
            "max_seeds": seal.max_seeds,
            "claims": [_record(item) for item in judged.claims],
        }
    )


def when_sealed(moment: float | None) -> str:
    """Return when claims were sealed, in seconds since 1970, as text."""
    return "never" if moment is None else utc_text(moment)


def also_text(item: JudgedClaim) -> str:
    """Return the choices that tell the sides apart without being named; empty for none."""
    if item.case is None or not item.case.verdict.also:
        return ""
    verdict = item.case.verdict
    sides = (verdict.question.first, verdict.question.second)
    pairs = [[side.values[name] for side in sides] for name in verdict.also]
    named = zip(verdict.also, pairs, strict=True)
    said = [f"CONFIG_{name} ({own} and {other})" for name, (own, other) in named]
    return f"the sides also differ in {', '.join(said)}"


def claim_numbers(item: JudgedClaim) -> str:
    """Return the difference of a claim, its interval, and how it was tested."""
    level, case, difference = 1 - 2 * item.alpha, item.case, item.difference
    if case is None or difference is None:
        return "no number"
    by = case.claim.by
    said = f"better by {by.with_unit(difference.mean, '+')}"
    if has_spread(difference):
        low, high = (by.number(end, "+") for end in (difference.low, difference.high))
        said += f", {100 * level:.4g}% interval {low} to {high}"
    return f"{said}, n={difference.n}, alpha {item.alpha:.4g}"


def _record(item: JudgedClaim) -> Record:
    case, difference = item.case, item.difference
    ends = (difference.low, difference.high) if difference and has_spread(difference) else None
    return {
        "claim": item.text,
        "status": item.status.value,
        "why": item.why,
        "measure": case.claim.by.name if case else None,
        "margin": case.claim.margin if case else None,
        "difference": difference.mean if difference else None,
        "interval": ends,
        "level": 1 - 2 * item.alpha,
        "n": difference.n if difference else 0,
        "alpha": item.alpha,
        "pairs": [[side.first.name for side in pair] for pair in case.verdict.pairs]
        if case
        else [],
    }
