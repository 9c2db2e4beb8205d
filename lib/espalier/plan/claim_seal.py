"""The seal of a plan's claims: what CONFIG_CLAIM says, with a hash, so that a change shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from espalier.core.records import ClaimSeal
from espalier.core.trial import REPETITION, Trial

SHOWN = 16
"""The digits of a hash that people are shown."""
CLAIM, ALPHA, MAX_SEEDS = "CLAIM", "CLAIM_ALPHA", "CLAIM_MAX_SEEDS"
SEPARATOR = ";"
SCHEME = 1
"""Changes when the same claims must get another hash."""


def seal(settings: Mapping[str, str], trials: Iterable[Trial]) -> ClaimSeal | None:
    """Return the seal of the claims of a plan with these settings; None if it has none.

    Without CONFIG_CLAIM_MAX_SEEDS they are judged with the seeds that the plan has.
    """
    text = settings.get(CLAIM, "")
    if not text:
        return None
    draws = {tuple(trial.config.get(name) for name in REPETITION) for trial in trials}
    limit = int(settings[MAX_SEEDS]) or len(draws)
    return signed(ClaimSeal(claims=split_claims(text), alpha=settings[ALPHA], max_seeds=limit))


def split_claims(text: str) -> list[str]:
    """Return the distinct claims of a value of CONFIG_CLAIM, with single blanks between words."""
    parts = (" ".join(part.split()) for part in text.split(SEPARATOR))
    return list(dict.fromkeys(part for part in parts if part))


def signed(unsigned: ClaimSeal) -> ClaimSeal:
    """Return a seal with its hash, of the claims, alpha and the number of seeds."""
    return replace(unsigned, sha256=_digest(unsigned))


def emptied(last: ClaimSeal) -> ClaimSeal:
    """Return the seal of a sweep whose claims were taken back, `last` being the one before."""
    return signed(replace(last, claims=[]))


def is_intact(sealed: ClaimSeal) -> bool:
    """Return whether a seal has the hash of what it holds."""
    return sealed.sha256 == _digest(sealed)


def _digest(sealed: ClaimSeal) -> str:
    content = [SCHEME, sealed.claims, sealed.alpha, sealed.max_seeds]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
