"""Runs of Trackio in its SQLite file, written and read by its own storage.

Trackio has a history and a configuration. The final measures are its last record, under names that
begin with `final/`; what else a trial has stands in the configuration, in `_espalier`, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from trackio.sqlite_storage import SQLiteStorage
from trackio.utils import RESERVED_KEYS, TRACKIO_DIR

from espalier.report.exports.export_database import check_database
from espalier.report.exports.tool_names import changed, quoted, tool_names, unquoted
from espalier.report.exports.tracked_run import FINAL, OWN, RunPoint, TrackedRun

ABOUT, GROUP, CREATED = "_espalier", "_Group", "_Created"
STEP, TIME = "step", "timestamp"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TrackioWriter:
    """The runs of a sweep: a project of its name in TRACKIO_DIR, which is the current folder."""

    def __init__(self, sweep: str) -> None:
        """Choose the project. Raises UserError if its database is damaged."""
        if not TRACKIO_DIR.samefile("."):
            raise ValueError(f"TRACKIO_DIR={TRACKIO_DIR}: must be {Path.cwd()}")
        self._project = _project(sweep)
        check_database(SQLiteStorage.get_project_db_path(self._project))

    def read(self, run: TrackedRun) -> TrackedRun | None:
        """Return the run that the project has of this id."""
        config = SQLiteStorage.get_run_config(self._project, run_id=run.id)
        if not config or ABOUT not in config:
            return None
        return _tracked(config, SQLiteStorage.get_logs(self._project, run_id=run.id))

    def write(self, run: TrackedRun) -> None:
        """Write a run, in place of the one that has its id."""
        SQLiteStorage.delete_run(self._project, run.name, run_id=run.id)
        series = tool_names((name for point in run.history for name in point.values), _fits_series)
        own = tool_names(run.parameters, _fits_parameter)
        records = [
            {series[name]: quoted(value) for name, value in point.values.items()}
            for point in run.history
        ]
        records.append({FINAL + name: quoted(value) for name, value in run.measures.items()})
        about = run.about | {"series": changed(series), "parameters": changed(own)}
        config = {own[name]: quoted(value) for name, value in run.typed_parameters.items()}
        config |= {GROUP: quoted(run.group), CREATED: _date(run.started)}
        SQLiteStorage.bulk_log(
            self._project,
            run.name,
            records,
            steps=[*(point.step for point in run.history), run.last_step],
            timestamps=[_date(time) for time in (*(p.time for p in run.history), run.finished)],
            config=config | {ABOUT: json.dumps(about)},
            run_id=run.id,
        )


def _project(sweep: str) -> str:
    """Return the name of a project, which is not one that Trackio keeps for itself."""
    try:
        SQLiteStorage.validate_project_name(sweep)
    except ValueError:
        return f"sweep_{sweep}_runs"
    return sweep


def _fits_series(name: str) -> bool:
    return name not in RESERVED_KEYS and not name.startswith(FINAL)


def _fits_parameter(name: str) -> bool:
    return not name.startswith("_")


def _date(milliseconds: int) -> str:
    moment = EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds")


def _milliseconds(date: str) -> int:
    return round((datetime.fromisoformat(date) - EPOCH) / timedelta(milliseconds=1))


def _tracked(config: Mapping[str, Any], logs: Sequence[Mapping[str, Any]]) -> TrackedRun:
    """Return the run that Trackio has, in the plain form."""
    about = json.loads(config[ABOUT])
    names = about["parameters"]
    kept = {k: v for k, v in config.items() if k not in (ABOUT, GROUP, CREATED)}
    return TrackedRun(
        **{name: about[name] for name in OWN},
        parameters={names.get(name, name): unquoted(value) for name, value in kept.items()},
        measures={name.removeprefix(FINAL): v for name, v in _values(logs[-1]).items()},
        history=tuple(_point(record, about["series"]) for record in logs[:-1]),
    )


def _point(record: Mapping[str, Any], names: Mapping[str, str]) -> RunPoint:
    values = {names.get(name, name): value for name, value in _values(record).items()}
    return RunPoint(record[STEP], _milliseconds(record[TIME]), values)


def _values(record: Mapping[str, Any]) -> dict[str, Any]:
    return {k: unquoted(v) for k, v in record.items() if k not in (STEP, TIME)}
