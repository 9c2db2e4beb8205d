"""Runs of Weights & Biases as if they had been trained offline: `wandb sync` takes them up.

Each is a log of records of wandb's own protocol, framed as wandb_log.py says. It is read back by
wandb-core, the program that also sends it.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import wandb
from google.protobuf.timestamp_pb2 import Timestamp
from wandb.proto import wandb_internal_pb2 as protocol
from wandb.util import get_core_path

from espalier.core.atomic_write import draft
from espalier.report.exports.tool_names import changed, quoted, tool_names, unquoted
from espalier.report.exports.tracked_run import FINAL, OWN, RunPoint, TrackedRun
from espalier.report.exports.wandb_log import frame

ABOUT = "espalier"
STEP, INDEX, TIME, RUNTIME = "step", "_step", "_timestamp", "_runtime"
REFUSED, LONGEST_PROJECT = r"[/\\#?%:]", 128
"""What a name of a project may not have, and its length."""
SENT = ("synced", "syncstate")
"""Endings of files in which `wandb sync` notes what it has sent."""
OLDEST_READER = "0.70.0"
"""The oldest program that wandb's own logs are for."""


class WandbWriter:
    """The runs of a sweep, a project of its name: `wandb/offline-run-<time>-<id>/`."""

    def __init__(self, sweep: str) -> None:
        self._folder = Path("wandb")
        self._project = re.sub(REFUSED, "_", sweep)[:LONGEST_PROJECT]

    def read(self, run: TrackedRun) -> TrackedRun | None:
        """Return the run that its log has, as wandb-core reads it; None if it has no end."""
        path = self._path(run)
        return _tracked(_records(path)) if path.is_file() else None

    def write(self, run: TrackedRun) -> None:
        """Write the log of a run."""
        path = self._path(run)
        path.parent.mkdir(parents=True, exist_ok=True)
        records = (record.SerializeToString() for record in self._log(run))
        with draft(path) as place:
            place.write_bytes(frame(records))
        for sent in SENT:
            path.with_name(f"{path.name}.{sent}").unlink(missing_ok=True)

    def _path(self, run: TrackedRun) -> Path:
        began = time.strftime("%Y%m%d_%H%M%S", time.gmtime(run.started / 1000))
        return self._folder / f"offline-run-{began}-{run.id}" / f"run-{run.id}.wandb"

    def _log(self, run: TrackedRun) -> Iterator[Any]:
        """Yield the records of a run."""
        series = tool_names((n for point in run.history for n in point.values), _fits)
        own = tool_names(run.parameters, _fits)
        about = run.about | {"series": changed(series), "parameters": changed(own)}
        config = {own[name]: value for name, value in run.typed_parameters.items()}
        yield from _numbered(
            [
                _header(),
                self._run(run, config | {ABOUT: about}),
                _axis(),
                *(_point(run, number, point, series) for number, point in enumerate(run.history)),
                _summary(run),
                _exit(run),
            ]
        )

    def _run(self, run: TrackedRun, config: Mapping[str, Any]) -> Any:
        record = protocol.Record()
        own = record.run
        own.run_id, own.project = run.id, self._project
        own.display_name, own.run_group = run.name, run.group
        own.start_time.CopyFrom(_moment(run.started))
        for name, value in config.items():
            own.config.update.add(key=name, value_json=json.dumps(quoted(value)))
        return record


def _fits(name: str) -> bool:
    return not name.startswith(("_", FINAL)) and name not in (ABOUT, STEP, "")


def _numbered(records: Iterable[Any]) -> Iterator[Any]:
    for number, record in enumerate(records, 1):
        record.num = number
        yield record


def _header() -> Any:
    record = protocol.Record()
    record.header.version_info.producer = wandb.__version__
    record.header.version_info.min_consumer = OLDEST_READER
    return record


def _axis() -> Any:
    """Return the record that lays pictures out over the steps of the run, not over its records."""
    record = protocol.Record()
    record.metric.glob_name, record.metric.step_metric = "*", STEP
    record.metric.options.defined = record.metric.options.step_sync = True
    return record


def _point(run: TrackedRun, number: int, point: RunPoint, names: Mapping[str, str]) -> Any:
    """Return a record of the history. wandb drops one whose `_step` does not grow: it counts."""
    record = protocol.Record()
    values = {names[name]: value for name, value in point.values.items()} | {
        STEP: point.step,
        INDEX: number,
        TIME: point.time / 1000,
        RUNTIME: (point.time - run.started) / 1000,
    }
    for name, value in values.items():
        record.history.item.add(nested_key=[name], value_json=json.dumps(quoted(value)))
    record.history.step.num = number
    return record


def _summary(run: TrackedRun) -> Any:
    record = protocol.Record()
    spent = (run.finished - run.started) / 1000
    values = {FINAL + name: value for name, value in run.measures.items()} | {RUNTIME: spent}
    for name, value in values.items():
        record.summary.update.add(nested_key=[name], value_json=json.dumps(quoted(value)))
    return record


def _exit(run: TrackedRun) -> Any:
    record = protocol.Record()
    record.exit.exit_code = 0 if run.status == "passed" else 1
    record.exit.runtime = (run.finished - run.started) // 1000
    return record


def _moment(milliseconds: int) -> Timestamp:
    moment = Timestamp()
    moment.FromMilliseconds(milliseconds)
    return moment


def _records(path: Path) -> list[dict[str, Any]]:
    """Return the records that wandb-core reads in a log, as far as they are whole."""
    command = [get_core_path(), "leet", "inspect", "--no-observability", "--json"]
    command += ["--run-file", str(path), str(path.parents[1])]
    done = subprocess.run(command, capture_output=True, check=False)
    lines = done.stdout.decode().split("\n")
    return [json.loads(line) for line in lines if line.startswith("{")]


def _tracked(records: Iterable[Mapping[str, Any]]) -> TrackedRun | None:
    """Return the run that records hold, in the plain form; None unless they have an end."""
    config: dict[str, Any] = {}
    values: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    for record in records:
        if record["type"] == "run":
            config = record["run"]["config"]["update"]
        elif record["type"] == "history":
            history.append(record["history"]["item"])
        elif record["type"] == "summary":
            values = record["summary"]["update"]
    if ABOUT not in config or record["type"] != "exit":
        return None
    about = config.pop(ABOUT)
    names = about["parameters"]
    return TrackedRun(
        **{name: about[name] for name in OWN},
        parameters={names.get(name, name): unquoted(value) for name, value in config.items()},
        measures={
            name.removeprefix(FINAL): unquoted(value)
            for name, value in values.items()
            if name.startswith(FINAL)
        },
        history=tuple(_read_point(item, about["series"]) for item in history),
    )


def _read_point(item: Mapping[str, Any], names: Mapping[str, str]) -> RunPoint:
    values = {
        names.get(name, name): unquoted(value)
        for name, value in item.items()
        if name not in (STEP, INDEX, TIME, RUNTIME)
    }
    return RunPoint(item[STEP], round(item[TIME] * 1000), values)
