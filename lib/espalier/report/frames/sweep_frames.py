"""The trials, histories and configurations of a sweep as frames: a row for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from espalier.analysis.arms import in_plan_order
from espalier.analysis.comparing.sole_best import sole_best
from espalier.analysis.comparing.sweep_pairs import PairedSweeps
from espalier.analysis.confidence import Interval
from espalier.analysis.rank import (
    Configuration,
    Ranking,
    TrialResult,
    grouped,
    recorded,
    swept_values,
)
from espalier.core import strict_json
from espalier.core.trial import Status
from espalier.report.comparing.opened_sweeps import OpenedSweep
from espalier.report.frames.typed_columns import (
    frame,
    names_of,
    number_column,
    setting_column,
    value_column,
)
from espalier.report.ranking_rows import describe_flaws
from espalier.report.sweep_summary import records

if TYPE_CHECKING:
    import pandas as pd

COUNTS = ("epoch", "epochs", "step")
"""What a history counts; all other numbers of it are measures."""
PREFIX = "CONFIG_"


def trials_frame(sweep: OpenedSweep) -> pd.DataFrame:
    """Return a row for each trial of the plan, with the columns of sweep_summary.json.

    Before them stand `number`, its place in the plan, and `configuration`, the first trial of its
    configuration. `status` is `running` for a trial that is being trained for the first time.
    """
    results, names = sweep.results, configuration_names(sweep.results)
    rows = records(results)
    for item, row in zip(results, rows, strict=True):
        if item.result.status is Status.NOTRUN and item.trial.number in sweep.running:
            row["status"] = str(Status.RUNNING)
    measured = set(recorded(results))
    columns: dict[str, Any] = {
        "number": [item.trial.number for item in results],
        "configuration": [names[item.trial.number] for item in results],
    }
    for name in names_of(rows):
        column = [row[name] for row in rows]
        columns[name] = number_column(column) if name in measured else column
    return frame(columns | setting_columns([item.trial.swept for item in results]), len(rows))


def history_frame(sweep: OpenedSweep) -> pd.DataFrame:
    """Return a row for each epoch of each trial, with all that the trial recorded of it.

    Before that stand `config_file`, `configuration`, `seed` and the swept symbols.
    """
    names = configuration_names(sweep.results)
    pairs = [(item, record) for item in sweep.results for record in item.result.history]
    columns: dict[str, Any] = {
        "config_file": [item.trial.name for item, _ in pairs],
        "configuration": [names[item.trial.number] for item, _ in pairs],
        "seed": setting_column([item.seed or None for item, _ in pairs]),
    }
    columns |= setting_columns([item.trial.swept for item, _ in pairs])
    for name in names_of(record for _, record in pairs):
        values = [strict_json.finite(record.get(name)) for _, record in pairs]
        columns[name] = (value_column if name in COUNTS else number_column)(values)
    return frame(columns, len(pairs))


def configurations_frame(ranking: Ranking) -> pd.DataFrame:
    """Return a row for each configuration, in plan order.

    Every measure has its mean over the trials that count, `<measure>_half_width` of the 95 %
    interval, NaN without spread, and `<measure>_n`, the number of trials behind it.
    """
    items = in_plan_order(ranking.configurations)
    results = [trial for item in items for trial in item.results]
    columns = _heads(items)
    for name in recorded(results):
        means = [item.measure(name) for item in items]
        columns[name] = _floats(each.mean if each else None for each in means)
        columns[f"{name}_half_width"] = _floats(_half_width(each) for each in means)
        columns[f"{name}_n"] = [each.n if each else 0 for each in means]
    return frame(columns, len(items))


def ranking_frame(ranking: Ranking) -> pd.DataFrame:
    """Return a row for each ranked configuration, best first.

    `mean`, `low`, `high` and `n` are of the measure that ranks; `lead` is by how much the first is
    better, over the seeds that both have. `is_best` says that all others are behind this one, with
    an error rate for the whole table. Ends without spread to judge by are NaN.
    """
    items, best = ranking.ranked, sole_best(ranking).best
    columns: dict[str, Any] = {"place": range(1, len(items) + 1)}
    columns |= _heads(items) | {"measure": [ranking.measure.name] * len(items)}
    columns |= _interval("mean", "", [item.score for item in items])
    columns["n"] = [len(item.scores) for item in items]
    columns |= _interval("lead", "lead_", [item.lead for item in items])
    columns |= {
        "verdict": [str(item.verdict) for item in items],
        "is_best": [item is best for item in items],
        "note": [describe_flaws(item, ranking) for item in items],
    }
    return frame(columns, len(items))


def measures_frame(ranking: Ranking) -> pd.DataFrame:
    """Return `ranking_frame` with the columns that `configurations_frame` has of each measure.

    A measure that has the name of a column there has `measure_` before its own.
    """
    ranked, every = ranking_frame(ranking), configurations_frame(ranking)
    measured = every.drop(columns=list(_heads(list(ranking.configurations))))
    measured.columns = [f"measure_{name}" if name in ranked else name for name in measured.columns]
    measured.index = every["configuration"]
    return ranked.join(measured, on="configuration")


def comparison_frame(compared: PairedSweeps) -> pd.DataFrame:
    """Return a row for each pair of configurations of two sweeps, in plan order.

    `difference`, `low` and `high` are positive where A is better; `verdict` is what is left of the
    answer once corrected by Holm for the number of pairs.
    """
    firsts = [own.first for own, _ in compared.pairs]
    differences = [reply.difference for reply in compared.answers]
    columns: dict[str, Any] = {
        "a": [own.name for own in firsts],
        "b": [other.first.name for _, other in compared.pairs],
        **setting_columns([swept_values(own) for own in firsts]),
        **_interval("difference", "", differences),
        "n": [each.n if each else 0 for each in differences],
        "p": _floats(reply.p for reply in compared.answers),
        "verdict": [str(left) for left in compared.said],
    }
    return frame(columns, len(firsts))


def configuration_names(results: Iterable[TrialResult]) -> dict[int, str]:
    """Return the name of each trial's configuration, that of its first trial, by number."""
    return {item.trial.number: group[0].trial.name for group in grouped(results) for item in group}


def _name(item: Configuration) -> str:
    return item.results[0].trial.name


def _heads(items: Sequence[Configuration]) -> dict[str, Any]:
    """Return the columns that say which configurations they are."""
    return {
        "configuration": [_name(item) for item in items],
        "config_file": [item.first.name for item in items],
        "planned": [len(item.results) for item in items],
        "counted": [len(item.scores) for item in items],
        **setting_columns([swept_values(item.first) for item in items]),
    }


def setting_columns(swept: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return a column for each swept symbol, `CONFIG_` before its name, of a row for each trial."""
    return {
        PREFIX + name: setting_column([each.get(name) for each in swept])
        for name in names_of(swept)
    }


def _interval(mean: str, prefix: str, values: Sequence[Interval | None]) -> dict[str, Any]:
    """Return the columns of means with the ends of their intervals."""
    spread = [each if _half_width(each) else None for each in values]
    return {
        mean: _floats(each.mean if each else None for each in values),
        f"{prefix}low": _floats(each.low if each else None for each in spread),
        f"{prefix}high": _floats(each.high if each else None for each in spread),
    }


def _half_width(value: Interval | None) -> float | None:
    """Return it; None where there is no spread, since a few equal scores make no sure one."""
    return value.spread if value else None


def _floats(values: Iterable[float | None]) -> pd.Series[Any]:
    return number_column([None if value is None else value + 0.0 for value in values])  # no -0.0
