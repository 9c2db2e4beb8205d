"""Runs of MLflow in one SQLite file, written and read by MLflow's own client.

MLflow takes names of certain characters and values of a certain length, and metrics are numbers.
What does not fit stands whole in tags called `espalier.more.0` and so on: JSON, in pieces.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.utils.validation import (
    MAX_ENTITY_KEY_LENGTH,
    MAX_METRICS_PER_BATCH,
    MAX_PARAM_VAL_LENGTH,
    MAX_PARAMS_TAGS_PER_BATCH,
    MAX_TAG_VAL_LENGTH,
)

from espalier.core.trial import Record
from espalier.report.exports.export_database import check_database
from espalier.report.exports.tool_names import changed, shortened, tool_names
from espalier.report.exports.tracked_run import FINAL, Sample, TrackedRun, Value, points, samples

DATABASE = "mlflow.db"
ID, GROUP, STATUS, MORE = "espalier.id", "espalier.group", "espalier.status", "espalier.more."
RESERVED = ("mlflow.", "espalier.")
ENDED = {"passed": "FINISHED", "stopped": "KILLED"}
PAGE = 1000
T = TypeVar("T")


class MlflowWriter:
    """The runs of a sweep: an experiment of its name in `mlflow.db`."""

    def __init__(self, sweep: str) -> None:
        """Open the database. Raises UserError if it is damaged."""
        check_database(Path(DATABASE))
        sqlalchemy.event.listen(sqlalchemy.engine.Engine, "connect", _hurry)
        self._client = MlflowClient(f"sqlite:///{DATABASE}")
        there = self._client.get_experiment_by_name(sweep)
        artifacts = Path("artifacts").absolute().as_uri()
        self._experiment = (
            there.experiment_id if there else self._client.create_experiment(sweep, artifacts)
        )
        self._runs = dict(self._listed())

    def _listed(self) -> Iterator[tuple[str, str]]:
        """Yield the id of every run of ours with the one that MLflow gave it."""
        token = None
        while True:
            page = self._client.search_runs([self._experiment], max_results=PAGE, page_token=token)
            yield from ((run.data.tags[ID], run.info.run_id) for run in page if ID in run.data.tags)
            token = page.token
            if not token:
                return

    def read(self, run: TrackedRun) -> TrackedRun | None:
        """Return the run that the database has of this id; None if it is not whole."""
        own = self._runs.get(run.id)
        if own is None:
            return None
        item = self._client.get_run(own)
        lists = [self._client.get_metric_history(own, key) for key in item.data.metrics]
        try:
            return _tracked(item, [metric for each in lists for metric in each])
        except json.JSONDecodeError:  # an export was killed between two pieces of it
            return None

    def write(self, run: TrackedRun) -> None:
        """Write a run. One that is in its place goes to MLflow's deleted runs."""
        if run.id in self._runs:
            self._client.delete_run(self._runs.pop(run.id))
        made = self._client.create_run(
            self._experiment, start_time=run.started, tags={ID: run.id}, run_name=run.name
        )
        own = self._runs[run.id] = made.info.run_id
        form = _Form(run)
        for metrics in _batches(form.metrics, MAX_METRICS_PER_BATCH):
            self._client.log_batch(own, metrics=metrics)
        for params in _batches(form.params, MAX_PARAMS_TAGS_PER_BATCH):
            self._client.log_batch(own, params=params)
        for tags in _batches(form.tags, MAX_PARAMS_TAGS_PER_BATCH):
            self._client.log_batch(own, tags=tags)
        self._client.set_terminated(own, ENDED.get(run.status, "FAILED"), run.finished)


@dataclass(frozen=True)
class _Form:
    """A run as MLflow has it: metrics, parameters and tags."""

    run: TrackedRun

    @cached_property
    def series(self) -> dict[str, str]:
        """The names of the metrics of the history."""
        names = (name for point in self.run.history for name in point.values)
        return tool_names(names, lambda name: _fits(name) and not name.startswith(FINAL))

    @cached_property
    def finals(self) -> dict[str, str]:
        """The names of the final measures, which their metrics have behind `final/`."""
        return tool_names(self.run.measures, lambda name: _fits(FINAL + name))

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of parameters and tags."""
        return tool_names([*self.run.parameters, *self.run.tags], _fits)

    @property
    def metrics(self) -> list[Metric]:
        """The numbers."""
        run = self.run
        final = [
            Sample(FINAL + self.finals[name], run.last_step, run.finished, value)
            for name, value in run.measures.items()
        ]
        history = [item._replace(name=self.series[item.name]) for item in samples(run)]
        return [
            Metric(name, value, time, step)
            for name, step, time, value in (*history, *final)
            if not isinstance(value, str)
        ]

    @property
    def params(self) -> list[Param]:
        """The symbols."""
        return [
            Param(self.names[name], shortened(text, MAX_PARAM_VAL_LENGTH))
            for name, text in self.run.parameters.items()
        ]

    @property
    def tags(self) -> list[RunTag]:
        """The tags of the run, those of ours, and those with what does not fit."""
        run = self.run
        tags = {
            self.names[name]: shortened(text, MAX_TAG_VAL_LENGTH) for name, text in run.tags.items()
        }
        tags |= _pieces(self._more) | {GROUP: run.group, STATUS: run.status}
        return [RunTag(name, text) for name, text in tags.items()]

    @property
    def _more(self) -> Record:
        """What does not fit."""
        run = self.run
        return {
            "series": changed(self.series),
            "finals": changed(self.finals),
            "names": changed(self.names),
            "parameters": _longer(run.parameters, MAX_PARAM_VAL_LENGTH),
            "tags": _longer(run.tags, MAX_TAG_VAL_LENGTH),
            "texts": [item for item in samples(run) if isinstance(item.value, str)],
            "measures": {k: v for k, v in run.measures.items() if isinstance(v, str)},
        }


def _hurry(connection: Any, _: object) -> None:
    """Let SQLite wait for the disk at times, not at each commit; a power cut damages nothing."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _fits(name: str) -> bool:
    """Return whether MLflow takes a name: as of a path, of letters, digits and some signs."""
    return (
        len(name) <= MAX_ENTITY_KEY_LENGTH
        and re.fullmatch(r"[A-Za-z0-9_./ -]+", name) is not None
        and all(part.strip(".") for part in name.split("/"))
        and not name.startswith(RESERVED)
    )


def _longer(texts: Mapping[str, str], longest: int) -> dict[str, str]:
    return {name: text for name, text in texts.items() if len(text) > longest}


def _pieces(more: Mapping[str, Any]) -> dict[str, str]:
    """Return what does not fit as tags; none if everything does."""
    text = json.dumps(more) if any(more.values()) else ""
    pieces = _batches(text, MAX_TAG_VAL_LENGTH)
    return {f"{MORE}{number}": str(piece) for number, piece in enumerate(pieces)}


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _tracked(item: Run, metrics: Sequence[Metric]) -> TrackedRun:
    """Return the run that MLflow has, in the plain form."""
    tags, info = item.data.tags, item.info
    count = sum(name.startswith(MORE) for name in tags)
    text = "".join(tags.get(f"{MORE}{number}", "") for number in range(count))
    more: dict[str, Any] = json.loads(text) if text else {}
    names = more.get("names", {})
    series, finals = _split(metrics, more)
    own = {name: text for name, text in tags.items() if not name.startswith(RESERVED)}
    return TrackedRun(
        id=tags.get(ID, ""),
        name=info.run_name,
        group=tags.get(GROUP, ""),
        status=tags.get(STATUS, ""),
        started=info.start_time,
        finished=info.end_time or 0,
        tags={names.get(k, k): v for k, v in own.items()} | more.get("tags", {}),
        parameters={names.get(k, k): v for k, v in item.data.params.items()}
        | more.get("parameters", {}),
        measures=finals,
        history=points(series),
    )


def _split(
    metrics: Sequence[Metric], more: Mapping[str, Any]
) -> tuple[list[Sample], dict[str, Value]]:
    """Return the values of the history and the final measures."""
    names, finals = more.get("series", {}), more.get("finals", {})
    series = [Sample(*record) for record in more.get("texts", [])]
    measures: dict[str, Value] = dict(more.get("measures", {}))
    for metric in metrics:
        key, value = metric.key, _number(metric.value)
        if key.startswith(FINAL):
            own = key.removeprefix(FINAL)
            measures[finals.get(own, own)] = value
        else:
            series.append(Sample(names.get(key, key), metric.step, metric.timestamp, value))
    return series, measures


def _number(value: float) -> float:
    """Return a value of MLflow's database, which has the largest number for an infinite one."""
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value
