"""The directions of measures that components declare by the mark `Measure: name max`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from espalier.core import measures
from espalier.core.measures import MAX, MIN, MeasureError
from espalier.kconfig.advice import spelling


def directions() -> Mapping[str, str]:
    """Return the direction of each measure that a component of the tree declares."""
    from espalier.kconfig import tree  # takes a tenth of a second
    from espalier.kconfig.symbols import Symbols

    return Symbols(tree.parse()).measures


def resolve(
    text: str,
    recorded: Collection[str] = (),
    declared: Callable[[], Mapping[str, str]] = directions,
) -> str:
    """Return a text of `RANK_BY` in which every direction is known, given or declared.

    What is `declared` is read only for a name that needs it. `recorded` are the measures that
    trials have. Raises MeasureError, also for a name that is a slip of the pen.
    """
    for name in measures.own_names(text):
        near = spelling.nearest(name, recorded or measures.NAMED)
        if name not in recorded and near and name not in declared():
            fix = f"one of your own has its direction, {name}:{MAX} or {name}:{MIN}"
            raise MeasureError(text, f"did you mean {near}? {fix}")
    return measures.resolve(text, recorded, declared)
