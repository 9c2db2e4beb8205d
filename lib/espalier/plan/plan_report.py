"""A plan for people, a few lines."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.core.texts.count_text import count_text
from espalier.plan import combinations
from espalier.plan.claim_seal import SHOWN
from espalier.plan.plan import Plan
from espalier.plan.samplers.design_text import design_lines, shorten_values


def describe_plan(plan: Plan) -> list[str]:
    """Return what varies, what the sampler chose, and what was left out and why."""
    lines = [f"Note: {note}" for note in plan.notes]
    lines += ["Variable parameters:"] if plan.axes else ["No variable parameters: one trial."]
    lines += [_axis(axis["symbol"], axis["values"]) for axis in plan.axes]
    lines += [*design_lines(plan.design), *_claims(plan)]
    return [*lines, *combinations.left_out(plan.counts, plan.dropped)]


def _axis(symbol: str, values: Sequence[str]) -> str:
    return f"  CONFIG_{symbol}: {len(values)} values ({shorten_values(values)})"


def _claims(plan: Plan) -> list[str]:
    """Return the claims of a plan and what they are judged by; nothing without any."""
    seal = plan.claims
    if seal is None:
        return []
    terms = f"alpha {seal.alpha}, {count_text(seal.max_seeds, 'seed')}"
    head = f"Claims, sealed when the sweep begins ({terms}, sha256 {seal.sha256[:SHOWN]}):"
    return [head, *(f"  {text}" for text in seal.claims)]
