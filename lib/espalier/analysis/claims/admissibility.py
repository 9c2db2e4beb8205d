"""Why a claim may not be judged: it came after its results, or its trials do not test it fairly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from espalier.analysis.claims.claim_text import Claim, parse_claim
from espalier.analysis.comparing.arm_question import ArmVerdict
from espalier.analysis.controls import Comparison
from espalier.analysis.rank import SLACK, Configuration, TrialResult, scores
from espalier.core.errors import UserError
from espalier.core.measures import Measure
from espalier.core.records import ClaimSeal, PlanHeader
from espalier.core.texts.shortening import join_first
from espalier.core.trial import Status
from espalier.plan.claim_seal import ALPHA, CLAIM, emptied, is_intact, split_claims

SHOWN = 3  # trials that a reason names
MADE = ("code", "data", "versions")
"""In what the trials of both arms must have been made alike."""


@dataclass(frozen=True)
class Case:
    """A claim beside the configurations of a sweep that it speaks of."""

    claim: Claim
    verdict: ArmVerdict

    @cached_property
    def trials(self) -> list[TrialResult]:
        """The trials of both arms, in plan order."""
        items = (item for side in self.verdict.configurations for item in side.results)
        return sorted(items, key=lambda item: item.trial.number)

    @property
    def waiting(self) -> int:
        """How many of its trials have not ended."""
        return len(self.verdict.pending)

    @property
    def seeds(self) -> tuple[int, int]:
        """The fewest and the most seeds that a configuration is planned with."""
        counts = [len(side.results) for side in self.verdict.configurations]
        return min(counts), max(counts)

    def ended(self, seal: ClaimSeal) -> list[TrialResult]:
        """Return its trials that had ended when a seal was made."""
        numbers = set(seal.ended or ())
        return [item for item in self.trials if item.trial.number in numbers]


def make_case(text: str, every: Sequence[Configuration], alpha: float) -> Case:
    """Return a claim with what `every` configuration says to it. Raises UserError if none does."""
    claim = parse_claim(text)
    return Case(claim, claim.ask(every, alpha))


def withdrawn(seals: Sequence[ClaimSeal], every: Sequence[Configuration]) -> list[str]:
    """Return the claims that were taken back when trials of theirs had ended."""
    dropped: dict[str, None] = {}
    for before, after in zip(seals, seals[1:], strict=False):
        gone = [text for text in before.claims if text not in seals[-1].claims]
        dropped |= dict.fromkeys(text for text in gone if _had_results(text, after, every))
    return list(dropped)


def _had_results(text: str, seal: ClaimSeal, every: Sequence[Configuration]) -> bool:
    try:
        return bool(make_case(text, every, float(seal.alpha)).ended(seal))
    except UserError:
        return False


def fault(case: Case, header: PlanHeader) -> str:
    """Return why a claim is inadmissible, in words; empty if it is not."""
    return _late(case, header) or _unfair(case, last_seal(header))


def last_seal(header: PlanHeader) -> ClaimSeal:
    """Return the seal of the claims that hold now; an empty one where nothing was sealed."""
    return (header.seals or [ClaimSeal()])[-1]


def _late(case: Case, header: PlanHeader) -> str:
    """Return how the claim came after results of its trials; empty if it was sealed before."""
    seals, text = header.seals or [], case.claim.text
    if not seals or not all(map(is_intact, seals)) or not _stands(header.claims, seals[-1]):
        return "the claims of the store are not those that were sealed"
    if text not in seals[-1].claims:
        return "taken back when trials of its arms had ended"
    seal = _since(text, seals)
    if early := case.ended(seal):
        what = "made" if seal is seals[0] else "made or changed"
        return f"{what} when {len(early)} of its trials had ended ({_named(early)})"
    if other := [item for item in case.trials if _is_of_others(item, text, seal)]:
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
    if case.verdict.unpaired and not case.waiting:
        return "arms not run: a pair of configurations has no seed that passed in both"
    return _unlike(case) or _short(case) or _unequal(case)


def _unlike(case: Case) -> str:
    """Return in what the trials of both arms were not made alike; empty if in nothing."""
    odd = next((item for item in case.verdict.unlike if item.what in MADE), None)
    if odd is None:
        return ""
    sides = " and ".join(odd.sides)
    return f"unequal {odd.what} in {odd.count} of {odd.of} pairs of trials: {sides}"


def _short(case: Case) -> str:
    """Return the trials that are less sparse than their target, which is easier; empty if none."""
    short = [item for item in case.trials if item.shortfall > SLACK]
    return f"{len(short)} of its trials missed their sparsity ({_named(short)})" if short else ""


def _unequal(case: Case) -> str:
    """Return the first measure that must be equal in both of a pair and is not, if there is one."""
    compared = (_scored(*pair, case.claim.by) for pair in case.verdict.pairs)
    odd = ((item, name) for item in compared for name in case.claim.equal if name in item.unequal)
    for item, name in odd:
        own, other = (f"{number:,.10g}" for number in item.unequal[name])
        names = f"{item.arm.first.name} and {item.control.first.name}"
        return f"unequal {name.replace('_', ' ')}: {own} and {other} ({names})"
    return ""


def _scored(first: Configuration, second: Configuration, by: Measure) -> Comparison:
    arm, control = (replace(item, scores=scores(item.results, by.name)) for item in (first, second))
    return Comparison(arm, control, "", "", by)


def _named(items: Sequence[TrialResult]) -> str:
    return join_first([item.trial.name for item in items], SHOWN)
