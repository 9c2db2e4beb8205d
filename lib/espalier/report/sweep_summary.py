"""sweep_summary.json: one flat record a trial, ready for `pandas.DataFrame(records)`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from espalier.analysis.rank import TrialResult, swept_values
from espalier.core import strict_json
from espalier.core.measures import MEASURES as RANKING
from espalier.core.records import PlanHeader
from espalier.core.trial import Record, Result, Status, Trial
from espalier.plan.samplers.design_record import DrawRecord

MEASURES = ("test_acc", "val_acc", "final_sparsity", "total_time")
"""In every record, null where a trial has none: percent, percent, share of weights, seconds."""

COMPONENTS = {
    "model": "MODEL",
    "optimizer": "OPTIMIZER",
    "pruning": "PRUNING_METHOD",
    "dataset": "DATASET",
}


def records(results: Sequence[TrialResult]) -> list[Record]:
    """Return one record for every trial of the plan, whatever became of it, all with the same keys.

    A swept symbol that a trial does not have (its menu is off there) is null, and so is a measure
    that is absent or not finite: JSON knows no NaN, and pandas reads null as one. Accuracies, and
    whatever else can rank, of a trial that did not pass are null too, so that no sorting of the
    records can rank it.
    """
    measures = _union(MEASURES, (item.result.measures for item in results))
    swept = _union((), (item.trial.swept for item in results))
    return [_record(item, measures, swept) for item in results]


def summary_text(results: Sequence[TrialResult], header: PlanHeader) -> str:
    """Return the text of sweep_summary.json: strict JSON.

    Each record has the name, the note and the tags of the sweep, those that it has, and what its
    sampler drew from with which seed, so that the records of several sweeps can be told apart in
    one table.
    """
    parts = {"name": header.name, "note": header.note, "tags": ",".join(header.tags or [])}
    said = {f"sweep_{what}": text for what, text in parts.items() if text}
    said |= _sampler(header.design)
    return strict_json.pretty([{**record, **said} for record in records(results)])


def _sampler(design: Mapping[str, Any]) -> Record:
    """Return the sampler of a sweep, its seed and its intervals; nothing for one that draws none.

    Raises ContentError for the design of a plan that is none.
    """
    drawn = DrawRecord.of(design)
    if drawn is None:
        return {}
    spans = ",".join(f"CONFIG_{name}={text}" for name, text in drawn.intervals.items())
    return {
        "sweep_sampler": drawn.sampler,
        "sweep_sampler_seed": drawn.seed,
        "sweep_intervals": spans or None,
    }


def _record(item: TrialResult, measures: Iterable[str], swept: Iterable[str]) -> Record:
    trial, result, attempts = item
    head = {
        "config_file": trial.name,
        "test_id": trial.id,
        "status": str(result.status),
        "reason": result.reason,
        "message": result.message,
        "seed": typed(item.seed),
        "attempts": attempts,
    }
    parts = {name: typed(trial.config.get(symbol)) for name, symbol in COMPONENTS.items()}
    numbers = {name: _number(result, name) for name in measures}
    values = {f"CONFIG_{name}": typed(trial.config.get(name)) for name in swept}
    return {**head, **parts, **numbers, **values}


def typed(text: str | None) -> bool | int | float | str | None:
    """Return canonical text as the JSON value it reads as: y and n, finite numbers, text."""
    if text is None:
        return None
    if text in ("y", "n"):
        return text == "y"
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    number = float(text) if re.fullmatch(r"-?\d*\.?\d+(e[+-]?\d+)?", text) else math.inf
    return number if math.isfinite(number) else text


def typed_values(trial: Trial) -> Record:
    """Return the swept symbols of a trial with their values, as JSON has them."""
    return {f"CONFIG_{name}": typed(text) for name, text in swept_values(trial).items()}


def is_withheld(result: Result, name: str) -> bool:
    """Return whether a measure is not shown: it can rank, and the trial did not pass."""
    return (name.endswith("_acc") or name in RANKING) and result.status is not Status.PASSED


def _number(result: Result, name: str) -> Any:
    if is_withheld(result, name):
        return None
    return strict_json.finite(result.measures.get(name))


def _union(first: Iterable[str], groups: Iterable[Iterable[str]]) -> list[str]:
    """Return keys in order of first appearance, `first` leading."""
    keys = dict.fromkeys(first)
    for group in groups:
        keys.update(dict.fromkeys(group))
    return list(keys)
