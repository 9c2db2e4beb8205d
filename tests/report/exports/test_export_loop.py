from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from tracked_runs import plain_run

from espalier.core.errors import UserError
from espalier.report.exports.export_loop import Outcome, ReadBackError, counted, export_runs
from espalier.report.exports.tracked_run import TrackedRun


@dataclass
class Shelf:
    """A tool that keeps runs in memory."""

    runs: dict[str, TrackedRun] = field(default_factory=dict)

    def read(self, run: TrackedRun) -> TrackedRun | None:
        return self.runs.get(run.id)

    def write(self, run: TrackedRun) -> None:
        self.runs[run.id] = run


class Rounding(Shelf):
    """A tool that rounds."""

    def write(self, run: TrackedRun) -> None:
        rounded = {name: round(float(value)) for name, value in run.measures.items()}
        super().write(replace(run, measures=rounded))


def test_a_second_export_writes_nothing_and_a_later_one_what_is_new() -> None:
    shelf = Shelf()
    assert list(export_runs([plain_run(1)], shelf)) == [Outcome.NEW]
    assert list(export_runs([plain_run(1)], shelf)) == [Outcome.UNCHANGED]
    both = [plain_run(1), plain_run(2)]
    assert list(export_runs(both, shelf)) == [Outcome.UNCHANGED, Outcome.NEW]


def test_half_a_run_is_replaced() -> None:
    shelf = Shelf({plain_run(1).id: plain_run(1, history=())})
    assert list(export_runs([plain_run(1)], shelf)) == [Outcome.REPLACED]
    assert shelf.runs == {plain_run(1).id: plain_run(1)}


def test_what_is_not_read_as_it_was_written_is_an_error() -> None:
    with pytest.raises(ReadBackError) as caught:
        list(export_runs([plain_run(1, measures={"val_acc": 95.7})], Rounding()))
    assert isinstance(caught.value, UserError)
    assert str(caught.value) == "config_001: measure val_acc: 95.7 was written, 96 was read"


def test_of_many_differences_the_first_are_named() -> None:
    measures = {f"m{n}": 0.5 for n in range(9)}
    with pytest.raises(ReadBackError, match=r"measure m2: .* \(and 6 more\)$"):
        list(export_runs([plain_run(1, measures=measures)], Rounding()))


def test_outcomes_are_counted_in_words() -> None:
    counts = Counter({Outcome.NEW: 1200, Outcome.UNCHANGED: 3})
    assert counted(counts) == "1,200 new, 0 replaced, 3 unchanged"
