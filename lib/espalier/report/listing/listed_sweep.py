"""What the list says of a sweep, as plain data that a cache can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

from espalier.analysis.queries.query_tree import Value
from espalier.core.trial import Record, Status

RUNNING, STOPPED, FINISHED = "running", "stopped", "finished"
WORDS = ("name", "note", "tag")
"""What a query may say of a sweep itself."""


@dataclass(frozen=True)
class ListedConfiguration:
    """A configuration: its first trial's name, its place in the ranking from 1, and its score.

    `score` is the mean, the half width of its interval and n, as far as there are any. `values` are
    the texts of swept symbols, seeds left out, `own` those of each symbol whose text is not the
    same in all configurations, seeds included. `means` are those of its measures, `record` what
    sweep_ranking.json has of it.
    """

    name: str
    place: int | None
    score: Sequence[Any] | None
    values: Mapping[str, str]
    own: Mapping[str, Sequence[str]]
    means: Mapping[str, float]
    record: Record


@dataclass(frozen=True)
class SweepFacts:
    """What the store of a sweep says, its trials by status, its configurations best first.

    `created` is in seconds since 1970, `order` its place among others. `by` is a text of RANK_BY,
    `best` the place of the best in `configurations`, `verdict` what is said in words. `common` are
    the texts of symbols that all configurations share.
    """

    created: float
    order: float
    name: str
    note: str
    tags: Sequence[str]
    range_files: Sequence[str]
    swept: Mapping[str, Sequence[str]]
    settings: Mapping[str, str]
    counts: Mapping[str, int]
    by: str
    best: int | None
    verdict: str
    verdicts: Mapping[str, int]
    claims: Sequence[Sequence[str]]
    race_ended: bool | None
    common: Mapping[str, Sequence[str]] = field(default_factory=dict)
    configurations: Sequence[ListedConfiguration] = ()

    def as_json(self) -> Record:
        """Return the facts as a JSON object."""
        return {**vars(self), "configurations": [vars(item) for item in self.configurations]}

    @classmethod
    def from_json(cls, record: Record) -> Self:
        """Return the facts that `as_json` turned into `record`."""
        items = [ListedConfiguration(**each) for each in record["configurations"]]
        return cls(**{**record, "configurations": items})


@dataclass(frozen=True)
class ListedSweep:
    """A sweep of the list: its folder, whether a runner has it, and what its store says."""

    folder: Path
    running: bool
    facts: SweepFacts

    @property
    def total(self) -> int:
        """The number of its trials."""
        return sum(self.facts.counts.values())

    @property
    def ended(self) -> int:
        """The number of its trials that have ended."""
        counts = self.facts.counts
        return self.total - sum(counts.get(at, 0) for at in (Status.NOTRUN, Status.RUNNING))

    @property
    def state(self) -> str:
        """Whether it runs, was stopped before its end, or has finished."""
        if self.running:
            return RUNNING
        whole = self.ended == self.total and self.facts.race_ended is not False
        return FINISHED if whole else STOPPED

    @property
    def best(self) -> ListedConfiguration | None:
        """The best configuration, if one has a score."""
        place = self.facts.best
        return None if place is None else self.facts.configurations[place]

    def values_of(self, item: ListedConfiguration, name: str) -> list[Value]:
        """Return what a configuration has under a name; nothing if it has nothing.

        That is what is said of its sweep, the texts of a symbol (of seeds several), else the mean
        of a measure.
        """
        facts = self.facts
        if name in WORDS:
            said = {"name": [facts.name], "note": [facts.note], "tag": facts.tags}
            return [text for text in said[name] if text]
        for texts in (item.own, facts.common):
            if name in texts:
                return [*texts[name]]
        if name in facts.settings:
            return [facts.settings[name]]
        return [item.means[name]] if name in item.means else []


class UnreadableSweep(NamedTuple):
    """A folder whose store is damaged, foreign, locked or gone, and what is wrong with it."""

    folder: Path
    reason: str
