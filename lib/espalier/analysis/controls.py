"""Each configuration beside its controls, seed by seed. Pure functions over results.

A control of a configuration has the value that is the control of some symbol (the method that does
nothing, a choice made at random), where the configuration has another, and agrees with it in every
other symbol that both have. Symbols that only one of them has are its own. A symbol may have
several such values: each is a control of all others, but for those before it, which are controls
of it (a sparse network is one of a network with dendrites, and has a dense one). Differences are
configuration minus control, over the draws (SEED and SPLIT_SEED) that both have a number for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from espalier.analysis.arms import agreeing
from espalier.analysis.confidence import Interval, interval
from espalier.analysis.rank import Configuration, Ranking, TrialResult
from espalier.core.measures import Measure
from espalier.core.records import EpochRecord
from espalier.core.trial import REPETITION

RANDOM = "random"
"""A value that is a control of whatever symbol is swept over it: chance instead of a choice."""
SAME = ("steps", "parameters", "live_parameters")
"""What a fair comparison has in common; where it differs, the report says so."""
TIME = "total_time"
TIME_SLACK = 0.1
"""Seconds of training that differ by a smaller part are those of one machine at two times."""
HEAD_START = 1 + 1e-9
"""Equal times, summed in another order, are equal."""


@dataclass(frozen=True)
class Cut:
    """How a trial stood when its control was done: the measure, and the share of its steps."""

    value: float
    share: float


@dataclass(frozen=True)
class Comparison:
    """A configuration, `arm`, beside the control that differs from it in `symbol`.

    Without a symbol the control is a baseline that a user chose.
    """

    arm: Configuration
    control: Configuration
    symbol: str
    value: str  # the control's, of `symbol`
    by: Measure

    @cached_property
    def pairs(self) -> list[tuple[TrialResult, TrialResult]]:
        """The trials of both that have the same draw and a score."""
        own = {item.draw: item for item in self.arm.counted}
        return [(own[trial.draw], trial) for trial in self.control.counted if trial.draw in own]

    @property
    def at_end(self) -> Interval | None:
        """The difference of the final values."""
        arm, control = self.arm.scores, self.control.scores
        return interval([arm[item.draw] - control[item.draw] for item, _ in self.pairs])

    @cached_property
    def cuts(self) -> list[tuple[float, Cut]]:
        """For each pair the control's final value, and how the arm stood at the same time."""
        pairs = [
            (self.control.scores[control.draw], _cut(arm.result.epochs, time, self.by))
            for arm, control in self.pairs
            if (time := _time(control.result.epochs)) is not None
        ]
        return [(value, cut) for value, cut in pairs if cut is not None]

    @property
    def at_time(self) -> Interval | None:
        """The difference when the arm had trained for the control's time."""
        return interval([cut.value - value for value, cut in self.cuts])

    @property
    def share(self) -> float | None:
        """The mean share of its steps that the arm had done by then."""
        shares = [cut.share for _, cut in self.cuts]
        return sum(shares) / len(shares) if shares else None

    @property
    def untimed(self) -> str:
        """Why there is no difference at equal time; empty if there is one."""
        if self.cuts or not self.pairs:
            return ""
        arms = [arm.result.epochs for arm, _ in self.pairs]
        controls = [control.result.epochs for _, control in self.pairs]
        if None in map(_time, arms + controls):
            return "histories hold no times"
        if all(record.measure(self.by.name) is None for history in arms for record in history):
            return f"histories hold no {self.by.label}"
        return "the control is done before its first epoch"

    @property
    def packed(self) -> bool:
        """Whether a time is a share of that of several trials, trained as one program."""
        return any(_pack(item) > 1 for pair in self.pairs for item in pair)

    @property
    def unequal(self) -> dict[str, tuple[float, float]]:
        """What a fair comparison has in common and this one has not: the arm's, the control's."""
        return {name: both for name in SAME if (both := self._means(name)) and both[0] != both[1]}

    @property
    def unequal_time(self) -> tuple[float, float] | None:
        """The seconds of training of both, where they differ by more than machines do."""
        both = self._means(TIME)
        return both if both and not within_slack(*both) else None

    def _means(self, name: str) -> tuple[float, float] | None:
        arm, control = self.arm.measure(name), self.control.measure(name)
        return (arm.mean, control.mean) if arm and control else None


def within_slack(own: float, other: float) -> bool:
    """Return whether two times are alike."""
    return max(own, other) <= min(own, other) * (1 + TIME_SLACK)


@dataclass(frozen=True)
class Events:
    """What the events of a configuration did, over its counted trials; None if not measured.

    Jumps are of the loss, in nats. `seconds` is the time of one event, `share` that of all events
    as a part of training. Means, but `jump_max` is the largest.
    """

    count: float
    jump: float | None
    jump_max: float | None
    recovery_steps: float | None
    unrecovered: float | None
    seconds: float | None
    share: float | None


def comparisons(ranking: Ranking, plain: Mapping[str, str | Sequence[str]]) -> list[Comparison]:
    """Return every configuration with each of its controls, the best configuration first.

    `plain` has, by symbol, the values that are controls (in sweeps of long ago the one value); the
    value `random` of a swept symbol is one of its own. Empty if the sweep has no control.
    """
    every = ranking.configurations
    places = {id(item): place for place, item in enumerate(every)}
    compared = [
        Comparison(arm, control, symbol, values[-1], ranking.measure)
        for symbol, values in _kinds(every, plain)
        for arm, control in _matched(every, symbol, values)
    ]
    return sorted(compared, key=lambda item: places[id(item.arm)])


def events(item: Configuration) -> Events | None:
    """Return what the events of a configuration did; None if its method has none."""
    count = _mean(item, "events")
    if count is None:
        return None
    jumps = [trial.measure("event_jump_max") for trial in item.counted]
    seconds, total = _mean(item, "event_seconds"), _mean(item, "total_time")
    return Events(
        count,
        _mean(item, "event_jump"),
        max((jump for jump in jumps if jump is not None), default=None),
        _mean(item, "recovery_steps"),
        _mean(item, "unrecovered"),
        seconds / count if seconds is not None and count else None,
        seconds / total if seconds is not None and total else None,
    )


def _kinds(
    every: Iterable[Configuration], plain: Mapping[str, str | Sequence[str]]
) -> list[tuple[str, list[str]]]:
    """Return symbol and values of each control: its own value, last, and those before it."""
    controls = {
        name: [text] if isinstance(text, str) else list(text) for name, text in plain.items()
    }
    for item in every:
        for name, value in item.first.swept.items():
            if value == RANDOM and name not in REPETITION and value not in controls.get(name, []):
                controls.setdefault(name, []).append(value)
    return [
        (name, values[: n + 1]) for name, values in controls.items() for n in range(len(values))
    ]


def _matched(
    every: Sequence[Configuration], symbol: str, values: Sequence[str]
) -> list[tuple[Configuration, Configuration]]:
    """Return those with none of `values` for `symbol`, with their controls, first in the plan.

    A control has the last of `values`.
    """
    having = [item for item in every if symbol in item.first.config]
    arms = [item for item in having if item.first.config[symbol] not in values]
    controls = [item for item in having if item.first.config[symbol] == values[-1]]
    met = agreeing(arms, controls, {symbol})
    return [(arm, agreed[0]) for arm, agreed in met if agreed]


def _time(history: Sequence[EpochRecord]) -> float | None:
    """Return the seconds of training; None if they were not recorded."""
    seconds = _seconds(history)
    return sum(seconds) if seconds else None


def _seconds(history: Sequence[EpochRecord]) -> list[float]:
    """Return the seconds of each epoch; nothing if they were not recorded.

    Without what looking at the loss around events took: that is no part of a method.
    """
    whole = [record.seconds for record in history if record.seconds is not None]
    if len(whole) < len(history):
        return []
    looked = [0.0, *(float(record.more.get("probe_seconds") or 0.0) for record in history)]
    more = [max(0.0, after - before) for before, after in pairwise(looked)]
    return [max(0.0, each - extra) for each, extra in zip(whole, more, strict=True)]


def _cut(history: Sequence[EpochRecord], time: float, by: Measure) -> Cut | None:
    """Return how the trial stood at `time`, on straight lines between the ends of epochs.

    None if no epoch had ended by then, or epochs have no such measure.
    """
    ends = list(accumulate(_seconds(history)))
    values = [value for record in history if (value := record.measure(by.name)) is not None]
    if not ends or len(values) < len(history):
        return None
    if ends[0] > time * HEAD_START:
        return None
    epochs = [record.epoch or 0 for record in history]
    shares = [epoch / epochs[-1] for epoch in epochs]
    return Cut(_between(time, ends, values), _between(time, ends, shares))


def _between(time: float, ends: Sequence[float], values: Sequence[float]) -> float:
    """Return the value at `time`, which is not before the first of `ends`."""
    after = next((i for i, end in enumerate(ends) if end > time * HEAD_START), None)
    if after is None:
        return values[-1]
    passed = max(0.0, time - ends[after - 1]) / (ends[after] - ends[after - 1])
    return values[after - 1] + passed * (values[after] - values[after - 1])


def _pack(item: TrialResult) -> int:
    return item.result.provenance.pack_size


def _mean(item: Configuration, name: str) -> float | None:
    interval = item.measure(name)
    return None if interval is None else interval.mean
