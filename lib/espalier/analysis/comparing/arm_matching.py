"""The two sides of a question matched: which stand side by side, or why none do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from espalier.analysis import arms
from espalier.analysis.arms import Arm, Pair
from espalier.analysis.comparing.arm_question import ArmVerdict, Question
from espalier.analysis.rank import Configuration
from espalier.core.errors import UserError

COMPARED = 200  # configurations of each side that a message looks at


def ask(every: Sequence[Configuration], question: Question) -> ArmVerdict:
    """Return the verdict on a question by the results of `every` configuration.

    Raises UserError if the sides are the same, overlap, are not comparable or do not match.
    """
    given = _resolved(every, question)
    question, pairs = given, _match(every, given)
    if not pairs:
        question = _spelled_out(every, given)
        pairs = _match(every, question)
    if not pairs:
        raise UserError(_unmatched(every, given))
    _check_samples(pairs)
    by = question.by
    met = [pair for pair in pairs if arms.paired(*pair, by)]
    return ArmVerdict(
        question,
        tuple(name for name in question.first.values if name not in given.first.values),
        tuple(met),
        tuple(pair for pair in pairs if not arms.paired(*pair, by)),
        (_alone(every, question, 0, pairs), _alone(every, question, 1, pairs)),
        arms.differences(met, by),
    )


def _resolved(every: Sequence[Configuration], question: Question) -> Question:
    """Return the question in the words of the trials. Raises UserError if it is none."""
    sides = {"A": question.first, "B": question.second}
    first, second = (arms.resolve(arm, every, name) for name, arm in sides.items())
    where = arms.resolve(question.where, every, "WHERE", together=False)
    place = f"A={first} and B={second}"
    if first == second:
        raise UserError(f"{place}: are the same; give B another value")
    both = [item.first.name for item in every if first.holds(item) and second.holds(item)]
    if both:
        raise UserError(f"{place}: overlap in {_some(both)}; no configuration may be of both")
    if first.values and second.values and not first.values.keys() & second.values.keys():
        raise UserError(f"{place}: must give values of the same symbol")
    return replace(question, first=first, second=second, where=where)


def _match(every: Sequence[Configuration], question: Question) -> list[Pair]:
    return arms.match(every, question.first, question.second, question.where)


def _spelled_out(every: Sequence[Configuration], question: Question) -> Question:
    """Return the question with the choices of their own that the sides make."""
    sides = [_of_side(every, arm, question.where) for arm in (question.first, question.second)]
    names = arms.own_choices(*sides)
    own, others = ({name: side[0].first.config[name] for name in names} for side in sides)
    return replace(
        question,
        first=Arm({**question.first.values, **own}),
        second=Arm({**question.second.values, **others}),
    )


def _check_samples(pairs: Iterable[Pair]) -> None:
    """Raise UserError if two of a pair were validated on different samples."""
    for first, second in pairs:
        names = {**first.samples, **second.samples}
        mixed = [name for name in names if first.samples.get(name) != second.samples.get(name)]
        if mixed:
            raise UserError(
                f"{first.first.name} and {second.first.name} were validated on different samples "
                f"(CONFIG_{mixed[0]}), so no seed of one is a pair of the other"
            )


def _alone(
    every: Sequence[Configuration], question: Question, side: int, pairs: Sequence[Pair]
) -> tuple[Configuration, ...]:
    """Return the configurations of a side that are in none of the pairs."""
    met = {id(pair[side]) for pair in pairs}
    items = _of_side(every, (question.first, question.second)[side], question.where)
    return tuple(item for item in items if id(item) not in met)


def _of_side(every: Sequence[Configuration], arm: Arm, where: Arm) -> list[Configuration]:
    return arms.in_plan_order(item for item in every if arm.holds(item) and where.allows(item))


def _unmatched(every: Sequence[Configuration], question: Question) -> str:
    """Return why no two configurations stand side by side."""
    first, second, where = question.first, question.second, question.where
    place = f"A={first} and B={second}" + f" where {where}" * bool(where.values)
    for name, arm in (("A", first), ("B", second)):
        if not _of_side(every, arm, where):
            return f"{place}: no configuration of {name} is there"
    own, others = (_of_side(every, arm, where)[:COMPARED] for arm in (first, second))
    free = arms.distinguishing(first, second)
    pairs = [(arms.differing(a, b, free), a, b) for a in own for b in others]
    nearest, mine, other = min(pairs, key=lambda pair: len(pair[0]))
    if not nearest:
        return f"{place}: no two configurations are there where {where}"
    sides = (
        f'{name}="{_with(arm, item, nearest)}"'
        for name, arm, item in (("A", first, mine), ("B", second, other))
    )
    listed = ", ".join(f"CONFIG_{name}" for name in nearest)
    fix = f"to compare them give {' '.join(sides)}"
    return f"{place}: no two agree in all else; the nearest differ in {listed}; {fix}"


def _with(arm: Arm, item: Configuration, names: Iterable[str]) -> Arm:
    """Return the arm with the values that a configuration of it has for more symbols."""
    return Arm({**arm.values, **{name: item.first.config[name] for name in names}})


def _some(names: Sequence[str]) -> str:
    return names[0] + f" and {len(names) - 1} more" * (len(names) > 1)
