"""What a search found: one result a configuration, and the JSON file that keeps them.

A result is the mean over the seeds of its configuration. Results are ordered by the accuracy on
validation samples. The test samples are read once, at the end of each run, after all that could
be decided was: their accuracy is reported, and takes no part in choosing.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from espalier.analysis.rank import TrialResult, grouped
from espalier.core import strict_json
from espalier.core.atomic_write import atomic_write
from espalier.core.errors import UserError
from espalier.core.text_files import read_text
from espalier.core.trial import Record, Status
from espalier.search.search_space import Proposal

VERSION = 1
Key = frozenset[tuple[str, str]]
"""A configuration: every value of a trial but its seeds."""


@dataclass(frozen=True)
class SearchResult:
    """One configuration. Accuracies are in 0..1, losses in nats, the time in seconds a run.

    Accuracies and losses are means over `seeds`, the deviations over them are None for one seed.
    Of a configuration with a run that did not pass (`status`, `reason`) they are None.
    """

    params: Mapping[str, Any]
    test_accuracy: float | None
    train_accuracy: float | None
    total_params: int
    train_time: float
    final_test_loss: float | None
    val_accuracy: float | None = None
    val_loss: float | None = None
    test_std: float | None = None
    val_std: float | None = None
    seeds: Sequence[int] = field(default_factory=list)
    status: str = str(Status.PASSED)
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether every run came to its end, so that the result can be compared."""
        return self.status == Status.PASSED


@dataclass(frozen=True)
class SavedSearch:
    """The content of a file of results.

    `split` has the symbols that choose the samples, `left_out` what of the spaces did not fit.
    """

    trials: list[SearchResult]
    dataset: str = ""
    data_fingerprint: str = ""
    budget: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] = field(default_factory=dict)
    seeds: Sequence[int] = field(default_factory=list)
    left_out: Sequence[str] = field(default_factory=list)
    version: int = VERSION


def collect(
    trials: Iterable[TrialResult], proposals: Iterable[Proposal], decays: Mapping[str, str]
) -> dict[Key, SearchResult]:
    """Return one result for each configuration, in plan order.

    Proposals of different grids may differ in what one of them leaves at its default; `decays`
    are the weight decays of those that do not say.
    """
    every = list(proposals)
    names = sorted({name for proposal in every for name in proposal.row})
    by_row = {_values(_whole(proposal, decays), names): proposal for proposal in every}
    return {
        group[0].trial.configuration: _result(group, by_row[_values(group[0].trial.config, names)])
        for group in grouped(trials)
    }


def sort_results(results: Iterable[SearchResult]) -> list[SearchResult]:
    """Return the best first by validation accuracy, then loss; those not passed last."""
    return sorted(results, key=_place)


def _place(result: SearchResult) -> tuple[bool, float, float]:
    accuracy, loss = result.val_accuracy, result.val_loss
    return (not result.passed, -(accuracy or 0.0), float("inf") if loss is None else loss)


def _whole(proposal: Proposal, decays: Mapping[str, str]) -> dict[str, str]:
    meant = {name: text for name, text in decays.items() if name in proposal.config}
    return {**proposal.config, **meant, **proposal.row}


def _values(config: Mapping[str, str], names: Sequence[str]) -> tuple[str | None, ...]:
    return tuple(config.get(name) for name in names)


def _result(group: Sequence[TrialResult], proposal: Proposal) -> SearchResult:
    bad = next((item.result for item in group if item.result.status is not Status.PASSED), None)
    counted = [] if bad else group
    return SearchResult(
        params=dict(proposal.params),
        test_accuracy=_mean(counted, "test_acc", 100),
        train_accuracy=_mean(counted, "train_acc", 100),
        total_params=proposal.count,
        train_time=_mean(group, "total_time", 1) or 0.0,
        final_test_loss=_mean(counted, "test_loss", 1),
        val_accuracy=_mean(counted, "val_acc", 100),
        val_loss=_mean(counted, "val_loss", 1),
        test_std=_deviation(counted, "test_acc", 100),
        val_std=_deviation(counted, "val_acc", 100),
        seeds=[int(item.seed) for item in group],
        status=str(bad.status) if bad else str(Status.PASSED),
        reason=f"{bad.reason}: {bad.message}" if bad else "",
    )


def _numbers(group: Iterable[TrialResult], name: str, unit: float) -> list[float]:
    values = (item.measure(name) for item in group)
    return [value / unit for value in values if value is not None]


def _mean(group: Iterable[TrialResult], name: str, unit: float) -> float | None:
    values = _numbers(group, name, unit)
    return fmean(values) if values else None


def _deviation(group: Iterable[TrialResult], name: str, unit: float) -> float | None:
    values = _numbers(group, name, unit)
    return stdev(values) if len(values) > 1 else None


def table(results: Sequence[SearchResult]) -> str:
    """Return results for people, a line each."""
    lines = [" # val acc  test acc train acc  params  time  configuration"]
    for place, result in enumerate(results, start=1):
        params = " ".join(f"{name}={value}" for name, value in result.params.items())
        numbers = f"{_told(result.val_accuracy)}    {_told(result.test_accuracy)}    "
        numbers += (
            f"{_told(result.train_accuracy)}  {result.total_params:>7} {result.train_time:5.1f}s"
        )
        lines.append(f"{place:>2} {numbers}  {params}")
    return "\n".join(lines)


def _told(value: float | None) -> str:
    return "  n/a" if value is None else f"{value:.3f}"


def save(saved: SavedSearch, path: Path) -> None:
    """Write strict JSON, whole or not at all. Raises UserError if it cannot be written."""
    try:
        atomic_write(path, strict_json.pretty(dataclasses.asdict(saved)))
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None


def load_results(path: str | Path) -> SavedSearch:
    """Return what `save_results` wrote, or the bare list of results of its predecessor.

    Raises UserError if the file is neither.
    """
    try:
        record = json.loads(read_text(Path(path)))
        if isinstance(record, list):
            return SavedSearch([SearchResult(**_plain(item)) for item in record], version=0)
        trials = [SearchResult(**item) for item in record.pop("trials")]
        saved = SavedSearch(trials, **record)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UserError(f"{path}: holds no results of a search; save_results writes them") from None
    if saved.version != VERSION:
        raise UserError(f"{path}: version {saved.version}: must be {VERSION}; use its own version")
    return saved


def _plain(record: Record) -> Record:
    """Return the fields of a result that its predecessor wrote."""
    return {f.name: record[f.name] for f in dataclasses.fields(SearchResult)[:6]}
