"""By which measure the best of several configurations is chosen: never one of the test data."""

from __future__ import annotations

from collections.abc import Collection

from espalier.core import measures
from espalier.core.measures import MAX, MIN, VAL_ACC, VAL_LOSS, Measure

TESTED, VALIDATED = "test_", "val_"


def selecting_measure(by: Measure, recorded: Collection[str]) -> Measure | None:
    """Return what chooses where `by` is shown: itself, or for a test measure one of validation.

    `recorded` are the measures that trials have. None if none of them is of validation: then
    nothing may choose.
    """
    if not by.tested:
        return by
    direction = MAX if by.larger else MIN
    own = f"{VALIDATED}{by.name.removeprefix(TESTED)}"
    usual = (VAL_ACC, VAL_LOSS) if by.larger else (VAL_LOSS, VAL_ACC)
    texts = {own: f"{own}:{direction}", **{each.name: each.name for each in usual}}
    return next((measures.find(texts[name]) for name in texts if name in recorded), None)
