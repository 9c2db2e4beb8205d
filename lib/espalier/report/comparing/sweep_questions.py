"""The questions that opened sweeps are asked: is A better than B, and how do two sweeps differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espalier.analysis.arms import Arm, parse_arm
from espalier.analysis.comparing.arm_matching import ask
from espalier.analysis.comparing.arm_question import ArmVerdict, Question
from espalier.analysis.comparing.pooled_sweeps import pool
from espalier.analysis.comparing.sweep_pairs import PairedSweeps, pair_sweeps
from espalier.analysis.rank import rank
from espalier.core.errors import UserError
from espalier.report.comparing.opened_sweeps import OpenedSweep, common_measure


@dataclass(frozen=True)
class Sides:
    """What a verdict is about: whether `first` is better than `second`, where `where` holds."""

    first: Arm
    second: Arm
    where: Arm


def parse_sides(first: str | None, second: str | None, where: str | None = None) -> Sides:
    """Return the sides that A, B and WHERE say. Raises UserError if one of A and B is missing."""
    within = parse_arm(where, "WHERE") if where else Arm()
    return Sides(_side("A", first), _side("B", second), within)


def answer_question(
    opened: Sequence[OpenedSweep], sides: Sides, alpha: float, margin: float
) -> tuple[ArmVerdict, int]:
    """Return the verdict by one sweep or several, and how many trials several of them have.

    Raises UserError if the question is none.
    """
    _check_names(opened, sides)
    results, repeated = pool([sweep.results for sweep in opened])
    ranking = rank(results, common_measure(opened))
    raced = any(sweep.raced for sweep in opened)
    arms = (sides.first, sides.second, sides.where)
    question = Question(*arms, ranking.measure, alpha, margin, raced)
    return ask(ranking.configurations, question), repeated


def compare_sweeps(first: OpenedSweep, second: OpenedSweep, alpha: float) -> PairedSweeps:
    """Return two sweeps side by side. Raises UserError if they are one, or ranked differently."""
    if first.folder.resolve() == second.folder.resolve():
        raise UserError(f"A={first.folder} and B={second.folder}: are the same folder; give two")
    by = common_measure((first, second))
    rankings = [rank(sweep.results, by) for sweep in (first, second)]
    own, others = (ranking.configurations for ranking in rankings)
    return pair_sweeps(own, others, rankings[0].measure, alpha)


def _side(name: str, text: str | None) -> Arm:
    if not text:
        raise UserError(
            f'{name} is missing: give two sides, as A="PRUNING_METHOD=state" '
            'B="PRUNING_METHOD=magnitude"'
        )
    return parse_arm(text, name)


def _check_names(opened: Sequence[OpenedSweep], sides: Sides) -> None:
    names = [arm.name for arm in (sides.first, sides.second, sides.where) if arm.name]
    if names and len(opened) > 1:
        raise UserError(f"{names[0]}: names a trial of each of several sweeps; give its values")
