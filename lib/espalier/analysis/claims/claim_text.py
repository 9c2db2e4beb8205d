"""Claims: what a sweep is to show, as CONFIG_CLAIM says it, checked against a plan's trials.

A claim is `A better than B by MARGIN MEASURE`, then, where needed, `where W`, `at equal ...` and
`at any steps`. A, B and W are arms (see `espalier.analysis.arms`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from espalier.analysis.arms import Arm, parse_arm
from espalier.analysis.controls import SAME
from espalier.analysis.rank import Configuration, grouped
from espalier.core.errors import UserError
from espalier.core.measures import Measure, MeasureError, find
from espalier.core.records import ClaimSeal
from espalier.core.trial import Result, Status, Trial
from espalier.kconfig.declared_measures import resolve
from espalier.plan.claim_seal import ALPHA, CLAIM, MAX_SEEDS

if TYPE_CHECKING:
    from espalier.analysis.comparing.arm_question import ArmVerdict

FORM = "must be: A better than B by MARGIN MEASURE [where W] [at equal parameters] [at any steps]"
EXAMPLE = "PRUNING_METHOD=state better than PRUNING_METHOD=magnitude by 0.2 val_acc"
STEPS = "steps"
"""Equal in a fair comparison, unless a claim says otherwise."""

_CLAIM = re.compile(
    r"(?P<first>.+?) better than (?P<second>.+?) by (?P<margin>\S+) (?P<measure>\S+)"
    r"(?: where (?P<where>.+?))?(?: at equal (?P<equal>[\w, ]+?))?(?P<any> at any steps)?"
)
_BETWEEN = re.compile(r"[,\s]+(?:and\s+)?")


@dataclass(frozen=True)
class Claim:
    """That the first arm is better than the second by more than `margin` >= 0.

    `margin` is in the unit of the measure, `equal` the measures in which both must agree.
    """

    text: str
    first: Arm
    second: Arm
    where: Arm
    margin: float
    by: Measure
    equal: tuple[str, ...]

    def ask(self, every: Sequence[Configuration], alpha: float) -> ArmVerdict:
        """Return what configurations say to it, with an interval at the level 1 - 2 `alpha`.

        Raises UserError if no two of them stand side by side.
        """
        from espalier.analysis.comparing.arm_matching import ask  # numpy takes a tenth of a second
        from espalier.analysis.comparing.arm_question import Question

        arms = (self.first, self.second, self.where)
        return ask(every, Question(*arms, self.by, 2 * alpha, self.margin))


def parse_claim(text: str) -> Claim:
    """Return the claim that `text` makes. Raises UserError."""
    parts = _CLAIM.fullmatch(text)
    if parts is None:
        raise UserError(f"{FORM}; for example {EXAMPLE}")
    return Claim(
        text,
        parse_arm(parts["first"], "A"),
        parse_arm(parts["second"], "B"),
        parse_arm(parts["where"], "WHERE") if parts["where"] else Arm(),
        _margin(parts["margin"]),
        _measure(parts["measure"]),
        _equal(parts["equal"] or "", bool(parts["any"])),
    )


def check_claims(sealed: ClaimSeal | None, trials: Iterable[Trial]) -> None:
    """Raise UserError, with the line, unless a plan's trials can show each of its claims."""
    if sealed is None:
        return
    every = configurations((trial, Result(Status.NOTRUN), 0) for trial in trials)
    place = f"{sealed.place}: CONFIG_{CLAIM}" if sealed.place else f"CONFIG_{CLAIM}"
    if not sealed.claims:
        raise UserError(f"{place}: holds no claim; {FORM}")
    if 1 - float(sealed.alpha) / len(sealed.claims) == 1:
        rule = "is too small to be told from 0 among them; give a larger one"
        raise UserError(f"{place}: CONFIG_{ALPHA}={sealed.alpha} {rule}")
    for text in sealed.claims:
        try:
            _check(text, every, sealed)
        except UserError as error:
            raise UserError(f"{place}={text}: {error}") from None


def configurations(results: Iterable[tuple[Trial, Result, int]]) -> list[Configuration]:
    """Return the configurations of results, without scores, in plan order."""
    return [Configuration(group, {}) for group in grouped(results)]


def _check(text: str, every: Sequence[Configuration], sealed: ClaimSeal) -> None:
    """Raise UserError unless a claim can be shown by configurations that have not run."""
    verdict = parse_claim(text).ask(every, float(sealed.alpha))
    seeds = max(len(item.results) for item in verdict.configurations)
    if seeds > sealed.max_seeds:
        raise UserError(
            f"the plan has {seeds} seeds, and CONFIG_{MAX_SEEDS}={sealed.max_seeds} allows no "
            "more; plan as many, or leave it out"
        )


def _margin(text: str) -> float:
    try:
        margin = float(text)
    except ValueError:
        margin = math.nan
    if not 0 <= margin < math.inf:
        raise UserError(f"the margin {text} must be a number of at least 0, such as 0.2")
    return margin


def _measure(name: str) -> Measure:
    try:
        return find(resolve(name))
    except MeasureError as error:
        raise UserError(f"the measure {name}: {error.rule}") from None


def _equal(text: str, any_steps: bool) -> tuple[str, ...]:
    names = [name for name in _BETWEEN.split(text) if name]
    for name in names:
        if name not in SAME:
            raise UserError(f"at equal {name}: must be some of {', '.join(SAME)}")
    usual = () if any_steps else (STEPS,)
    return tuple(dict.fromkeys([*usual, *names]))
