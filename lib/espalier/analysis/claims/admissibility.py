"""Why a claim may not be judged: it came after its results, or its trials do not test it fairly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espalier.analysis.arms import Pair
from espalier.analysis.claims.claim_text import Claim, parse_claim
from espalier.analysis.controls import Comparison
from espalier.analysis.rank import Configuration, TrialResult, scores
from espalier.core.errors import UserError
from espalier.core.records import ClaimSeal, PlanHeader
from espalier.core.trial import Status
from espalier.plan.claim_seal import ALPHA, CLAIM, emptied, is_intact, split_claims

SHOWN = 3  # trials that a reason names


@dataclass(frozen=True)
class Case:
    """A claim beside the configurations of a sweep that it speaks of."""

    text: str
    claim: Claim
    pairs: tuple[Pair, ...]

    @property
    def trials(self) -> list[TrialResult]:
        """The trials of both arms, in plan order."""
        sides = (side for pair in self.pairs for side in pair)
        items = {item.trial.number: item for side in sides for item in side.results}
        return [items[number] for number in sorted(items)]

    @property
    def waiting(self) -> int:
        """How many of its trials have not ended."""
        unfinished = (Status.NOTRUN, Status.RUNNING)
        return sum(item.result.status in unfinished for item in self.trials)

    @property
    def seeds(self) -> tuple[int, int]:
        """The fewest and the most seeds that a configuration is planned with."""
        counts = [len(side.results) for pair in self.pairs for side in pair]
        return min(counts), max(counts)

    def ended(self, seal: ClaimSeal) -> list[TrialResult]:
        """Return its trials that had ended when a seal was made."""
        numbers = set(seal.ended or ())
        return [item for item in self.trials if item.trial.number in numbers]


def make_case(text: str, every: Sequence[Configuration]) -> Case:
    """Return a claim with its pairs. Raises UserError if the sweep has none."""
    claim = parse_claim(text, CLAIM)
    return Case(text, claim, tuple(claim.pairs(every, CLAIM)))


def withdrawn(seals: Sequence[ClaimSeal], every: Sequence[Configuration]) -> list[str]:
    """Return the claims that were taken back when trials of theirs had ended."""
    dropped: dict[str, None] = {}
    for before, after in zip(seals, seals[1:], strict=False):
        gone = [text for text in before.claims if text not in seals[-1].claims]
        dropped |= dict.fromkeys(text for text in gone if _was_known(text, after, every))
    return list(dropped)


def _was_known(text: str, seal: ClaimSeal, every: Sequence[Configuration]) -> bool:
    try:
        return bool(make_case(text, every).ended(seal))
    except UserError:
        return False


def fault(case: Case, header: PlanHeader) -> str:
    """Return why a claim is inadmissible, in words; empty if it is not."""
    return _late(case, header) or _unfair(case, (header.seals or [ClaimSeal()])[-1])


def _late(case: Case, header: PlanHeader) -> str:
    """Return how the claim came after results of its trials; empty if it was sealed before."""
    seals = header.seals or []
    if not seals or not all(map(is_intact, seals)) or not _stands(header.claims, seals[-1]):
        return "the claims of the store are not those that were sealed"
    if case.text not in seals[-1].claims:
        return "taken back when trials of its arms had ended"
    seal = _since(case.text, seals)
    if known := case.ended(seal):
        what = "made" if seal is seals[0] else "made or changed"
        return f"{what} when {len(known)} of its trials had ended ({_named(known)})"
    if other := [item for item in case.trials if _is_of_others(item, case.text, seal)]:
        return f"{len(other)} of its trials were run under other claims ({_named(other)})"
    return ""


def _stands(now: ClaimSeal | None, last: ClaimSeal) -> bool:
    """Return whether the claims of now are those of the last seal."""
    return (now or emptied(last)).sha256 == last.sha256


def _since(text: str, seals: Sequence[ClaimSeal]) -> ClaimSeal:
    """Return the seal from which on a claim stands as it does in the last."""
    first = last = seals[-1]
    for seal in reversed(seals):
        same = (seal.alpha, seal.max_seeds) == (last.alpha, last.max_seeds)
        if text not in seal.claims or not same:
            break
        first = seal
    return first


def _is_of_others(item: TrialResult, text: str, seal: ClaimSeal) -> bool:
    """Return whether a result says that the claim did not stand so when it was made."""
    settings = item.result.provenance.settings
    if not settings or item.result.status is Status.NOTRUN:
        return False
    return text not in split_claims(settings.get(CLAIM, "")) or settings.get(ALPHA) != seal.alpha


def _unfair(case: Case, seal: ClaimSeal) -> str:
    """Return why its trials cannot decide it, whatever they are; empty if they can."""
    if case.seeds[1] > seal.max_seeds:
        return f"{case.seeds[1]} seeds, and it was sealed for {seal.max_seeds}"
    compared = [_compared(pair, case.claim) for pair in case.pairs]
    if not case.waiting and not all(item.pairs for item in compared):
        return "arms not run: a pair of configurations has no seed that passed in both"
    return next((text for item in compared if (text := _unequal(item, case.claim))), "")


def _compared(pair: Pair, claim: Claim) -> Comparison:
    first, second = (
        Configuration(side.results, scores(side.results, claim.by.name)) for side in pair
    )
    return Comparison(first, second, "", "", claim.by)


def _unequal(compared: Comparison, claim: Claim) -> str:
    names = f"{compared.arm.first.name} and {compared.control.first.name}"
    for name, (own, other) in compared.unequal.items():
        if name in claim.equal:
            return f"unequal {name.replace('_', ' ')}: {own:,.10g} and {other:,.10g} ({names})"
    return ""


def _named(items: Sequence[TrialResult]) -> str:
    names = [item.trial.name for item in items]
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
