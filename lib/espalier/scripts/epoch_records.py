"""The record of each epoch and the final measures of a trial, from what its program says.

A program says names with numbers, in one piece or several, with the epoch or without:

* the `epoch` that is given last holds until another is given. Where none ever is, a measure that
  comes a second time begins the next epoch. Epochs that are counted from 0 are counted from 1;
* of a measure that comes twice in an epoch the last value counts;
* an accuracy is a share, 0 to 1, and is recorded in percent as all of ours are; a name with
  `_percent` behind it gives it in percent. No unit is ever guessed;
* what is measured on test data (`test_...`) is no part of an epoch, as nothing may be chosen by it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from espalier.core.measures import NAMED, listed, measures_of
from espalier.core.records import PackShare, Provenance
from espalier.core.trial import Record, Result, Status

PERCENT = "_percent"
"""Ends the name of an accuracy that is given in percent."""
EPOCH, EPOCHS, STEP, SECONDS = "epoch", "epochs", "step", "seconds"
RESERVED = frozenset(
    ("config_file", "test_id", "status", "reason", "message", "seed", "attempts", "trial", "config")
    + ("number", "configuration", "more")
)
"""What tables of trials have beside measures."""
REFUSED = "input"
"""The reason of an error that trying again will not mend."""
_LARGEST = 1e100
_LARGEST_COUNT = 2**53
"""Of a whole number: larger ones are no counts, and are kept as floats."""
MOST_EPOCHS = 100_000
"""Of a trial: more are no epochs, and nothing shows or stores them."""
_LONGEST_NAME = 200  # characters
_SHOWN = 60
HOW_TO_REPORT = (
    'let it call espalier.log(val_acc=...), append lines such as {"val_acc": 0.91} to the file '
    "that ESPALIER_LOG names, or set CONFIG_SCRIPT_PATTERN"
)


class BadMeasureError(ValueError):
    """What a program says is no measure; the text says what is wrong with it."""


class EpochRecords:
    """What a program has said so far, as a record an epoch."""

    def __init__(
        self,
        epochs: int,
        earlier: Sequence[Mapping[str, Any]] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`epochs` is how many the trial is to have.

        `earlier` is what an earlier attempt said: of it the epochs remain that come before the
        first one of this attempt.
        """
        self._epochs, self._clock = epochs, clock
        self._started = self._ended = clock()
        self._records: dict[int, Record] = {}
        self._latest: Record = {}  # by name, over all epochs
        self._epoch, self._counted = 0, True  # whether we count them ourselves
        self._shift = 0  # 1 if the program counts from 0
        self._earlier = self._recovered(earlier)

    def _recovered(self, earlier: Sequence[Mapping[str, Any]]) -> dict[int, Record]:
        for given in earlier:
            try:
                self.add(given)
            except BadMeasureError:  # that attempt has ended in an error for it
                continue
        records = self._records
        for record in records.values():
            record.pop(SECONDS, None)
        self._records, self._latest, self._epoch, self._counted = {}, {}, 0, True
        return records

    @property
    def history(self) -> list[Record]:
        """The records of the epochs, in their order."""
        first = min(self._records, default=0)
        kept = {epoch: record for epoch, record in self._earlier.items() if epoch < first}
        return [record for _, record in sorted((kept | self._records).items())]

    @property
    def resumed_after(self) -> int | None:
        """The epoch of an earlier attempt that this one has gone on from; None if it has not."""
        first = min(self._records, default=0)
        return max((epoch for epoch in self._earlier if epoch < first), default=None)

    def add(self, given: Mapping[str, Any]) -> Record | None:
        """Take in what the program says; return the record of the epoch that this belongs to.

        None if it says nothing about an epoch. Raises BadMeasureError.
        """
        values = dict(_checked(given))
        number = values.pop(EPOCH, None)
        if number is not None:
            self._set_epoch(int(number))
        of_epoch = {name: value for name, value in values.items() if not name.startswith("test_")}
        self._latest |= {name: v for name, v in values.items() if name not in (EPOCHS, SECONDS)}
        if not of_epoch:
            return None
        if self._counted and of_epoch.keys() & self._records.get(self._epoch, {EPOCH: 0}).keys():
            self._epoch += 1
        elif self._counted and not self._epoch:
            self._epoch = 1
        return self._merge(of_epoch)

    def _set_epoch(self, number: int) -> None:
        if number < 0:
            raise BadMeasureError(f"{EPOCH}={number}: must be 0 or more")
        if number == 0 and not self._shift:
            self._shift = 1
        self._epoch, self._counted = number + self._shift, False

    def _merge(self, values: Record) -> Record:
        if self._epoch not in self._records and len(self._records) >= MOST_EPOCHS:
            why = "where none is named each value begins one; report less often, or name them"
            raise BadMeasureError(f"{EPOCH}: there are more than {MOST_EPOCHS}: {why}")
        now, before = self._clock(), self._records.get(self._epoch, {})
        began = self._ended - before.get(SECONDS, 0.0)
        total = max(self._epochs, self._epoch)
        record = {EPOCH: self._epoch, EPOCHS: total, **before, SECONDS: now - began, **values}
        self._ended = now
        self._records[self._epoch] = record
        return record

    def result(self, ranked_by: str, provenance: Provenance, advice: str = HOW_TO_REPORT) -> Result:
        """Return the result of a trial whose program has come to its end.

        `ranked_by` is a text of RANK_BY: without its first measure the result is an error, which
        gives the `advice` if there is no measure at all.
        """
        after = self.resumed_after
        resumed = None if after is None else {EPOCH: after}
        made = replace(provenance, pack=PackShare(), resumed=resumed)
        measures, history = self.measures(), self.history
        needed = measures_of(ranked_by)[0].name
        if diverged := self._why_diverged(needed):
            return Result(Status.FAILED, "diverged", diverged, measures, history, made)
        if needed in measures:
            return Result(Status.PASSED, measures=measures, history=history, provenance=made)
        return Result(Status.ERROR, REFUSED, self._why_unranked(needed, advice), {}, history, made)

    def measures(self) -> Record:
        """Return the final measures: of each name the last value, and what follows from all."""
        history = self.history
        if not self._latest:
            return {}
        own: Record = {"total_time": self._clock() - self._started}
        if history:
            own[EPOCHS] = history[-1][EPOCH]
        if scored := [r for r in history if math.isfinite(r.get("val_acc") or math.nan)]:
            best = max(scored, key=lambda record: float(record["val_acc"]))
            own |= {"best_val_acc": best["val_acc"], "best_epoch": best[EPOCH]}
        named = {("steps" if name == STEP else name): v for name, v in self._latest.items()}
        return {**own, **named}

    def _why_diverged(self, needed: str) -> str:
        """Return which accuracy, loss or `needed` has ended as no finite number, or nothing."""
        return next(
            (
                f"{name} is {value} at the end of the program"
                for name, value in self._latest.items()
                if (name == needed or _ends_finite(name)) and not math.isfinite(value)
            ),
            "",
        )

    def _why_unranked(self, needed: str, advice: str) -> str:
        said = [name for name in self._latest if name not in (EPOCH, EPOCHS, STEP)]
        if not said:
            return f"the program ended well, and reported no measure; {advice}"
        return (
            f"the program reported {listed(said)}, but not {needed}, which ranks; report it, or "
            f"rank by another with RANK_BY"
        )


def _ends_finite(name: str) -> bool:
    return name in NAMED and (is_accuracy(name) or name.endswith("_loss"))


def is_accuracy(name: str) -> bool:
    """Return whether a measure is recorded in percent."""
    return name in NAMED and NAMED[name].unit == "%"


def _checked(given: Mapping[str, Any]) -> Iterator[tuple[str, int | float]]:
    """Yield names as records have them, with numbers in their units. Raises BadMeasureError."""
    if not isinstance(given, Mapping):
        raise BadMeasureError(f'{_show(given)}: must be an object such as {{"val_acc": 0.91}}')
    for name, value in given.items():
        if not _is_name(name):
            raise BadMeasureError(f"{_show(name)}: must be a name without blanks, commas, colons")
        if name.lower() in RESERVED or name.startswith("CONFIG_"):
            raise BadMeasureError(f"{name}: is recorded of every trial; give it another name")
        plain = name.removesuffix(PERCENT)
        number = _number(name, value)
        if is_accuracy(plain):
            yield plain, _in_percent(name, plain, number)
        else:
            yield name, _whole(name, number) if name in (EPOCH, EPOCHS, STEP) else number


def _is_name(name: object) -> bool:
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        return False
    return not any(mark in name for mark in " ,:")


def _number(name: str, value: Any) -> int | float:
    """Return a number; null and numbers that are not finite are NaN."""
    if value is None:
        return math.nan
    if hasattr(value, "item"):  # a scalar of numpy or torch
        value = value.item()
    if not isinstance(value, (int, float)):
        raise BadMeasureError(f"{name}={_show(value)}: must be a number")
    number = int(value) if isinstance(value, bool) else value
    if _LARGEST < abs(number) < math.inf:
        raise BadMeasureError(f"{name}={_show(value)}: must be within {_LARGEST:g}")
    return float(number) if abs(number) > _LARGEST_COUNT else number


def _whole(name: str, number: int | float) -> int:
    if not math.isfinite(number) or number != int(number) or abs(number) > _LARGEST_COUNT:
        rule = f"must be a whole number of at most {_LARGEST_COUNT}"
        raise BadMeasureError(f"{name}={number:g}: {rule}")
    return int(number)


def _in_percent(name: str, plain: str, number: float) -> float:
    """Return an accuracy in percent. Raises BadMeasureError if it is outside of its range."""
    top = 100 if name != plain else 1
    if math.isfinite(number) and not 0 <= number <= top:
        fix = f"{plain} is a share, 0 to 1, and {plain}{PERCENT} is in percent"
        raise BadMeasureError(f"{name}={number:g}: must be 0 to {top}; {fix}")
    return float(number) * (100 / top)


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
