"""Runs as folders of TensorBoard, an event file each.

TensorBoard draws floats of 32 bits, and its data server passes over scalars of 64. So a scalar is
a tensor of 32 bits that has the number of the store beside it, in `double_val`. Parameters and
status are those of the HParams plugin. What else a trial has stands as JSON in a text, `trial`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto import types_pb2
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2 as hparams_api
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.plugins.hparams import plugin_data_pb2 as hparams_data
from tensorboard.plugins.scalar import metadata as scalars
from tensorboard.plugins.text import metadata as texts
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util import tensor_util

from espalier.core.atomic_write import draft
from espalier.report.exports.tool_names import changed, tool_names
from espalier.report.exports.tracked_run import (
    FINAL,
    OWN,
    Sample,
    TrackedRun,
    Value,
    points,
    samples,
)

ABOUT, HPARAMS = "trial", "_hparams_/"
OURS = (ABOUT, hparams.SESSION_START_INFO_TAG, hparams.SESSION_END_INFO_TAG)
VERSION = "brain.Event:2"
EVENTS = "events.out.tfevents"
ENDED = {"passed": hparams_api.STATUS_SUCCESS}


class TensorboardWriter:
    """The runs of a sweep, in folders `<sweep>/<trial>/`."""

    def __init__(self, sweep: str) -> None:
        self._folder = Path(sweep)

    def read(self, run: TrackedRun) -> TrackedRun | None:
        """Return the run that its folder has; None unless it is one whole event file."""
        files = self._files(run)
        if len(files) != 1:
            return None
        try:
            return _run(EventFileLoader(str(files[0])).Load())
        except (KeyError, ValueError):  # a file of another program, or the half of one
            return None

    def write(self, run: TrackedRun) -> None:
        """Write the event file of a run; others in its folder go."""
        path = self._folder / run.name / f"{EVENTS}.{run.started // 1000}.{run.id}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft(path) as place, place.open("wb") as file:
            writer = RecordWriter(file)
            for event in _events(run):
                writer.write(event.SerializeToString())
        for other in self._files(run):
            if other != path:
                other.unlink()

    def _files(self, run: TrackedRun) -> list[Path]:
        return list((self._folder / run.name).glob("*tfevents*"))


def _events(run: TrackedRun) -> Iterator[Event]:
    """Yield the events of a run, in the order of their times."""
    names = _names(run)
    yield Event(wall_time=run.started / 1000, file_version=VERSION)
    about = run.about | {"names": changed(names)}
    yield _event(Sample(ABOUT, 0, run.started, json.dumps(about)))
    yield _session(run, hparams.SESSION_START_INFO_TAG, _start(run))
    for name, step, time, value in samples(run):
        yield _event(Sample(names[name], step, time, value))
    for name, value in run.measures.items():
        yield _event(Sample(FINAL + name, run.last_step, run.finished, value))
    yield _session(run, hparams.SESSION_END_INFO_TAG, _end(run))


def _names(run: TrackedRun) -> dict[str, str]:
    """Return the tags of the series: their names, unless one would be a final measure or ours."""
    series = {name for point in run.history for name in point.values}
    return tool_names(sorted(series), _fits)


def _fits(name: str) -> bool:
    return not name.startswith((FINAL, HPARAMS)) and name not in ("", ABOUT)


def _event(item: Sample) -> Event:
    if isinstance(item.value, str):
        metadata = texts.create_summary_metadata("", "")
        tensor = tensor_util.make_tensor_proto(item.value.encode())
    else:
        metadata = scalars.create_summary_metadata("", "")
        tensor = tensor_util.make_tensor_proto(_single(item.value))
        tensor.double_val.append(item.value)
    value = Summary.Value(tag=item.name, metadata=metadata, tensor=tensor)
    return Event(wall_time=item.time / 1000, step=item.step, summary=Summary(value=[value]))


def _single(value: float) -> np.float32:
    with np.errstate(over="ignore"):
        return np.float32(value)


def _session(run: TrackedRun, tag: str, data: Any) -> Event:
    metadata = hparams.create_summary_metadata(data)
    value = Summary.Value(tag=tag, metadata=metadata, tensor=hparams.NULL_TENSOR)
    return Event(wall_time=run.started / 1000, summary=Summary(value=[value]))


def _start(run: TrackedRun) -> Any:
    """Return the session's start, with the parameters."""
    info = hparams_data.SessionStartInfo(start_time_secs=run.started / 1000)
    for name, value in run.typed_parameters.items():
        kind = {bool: "bool_value", str: "string_value"}.get(type(value), "number_value")
        setattr(info.hparams[name], kind, value)
    return hparams_data.HParamsPluginData(session_start_info=info)


def _end(run: TrackedRun) -> Any:
    status = ENDED.get(run.status, hparams_api.STATUS_FAILURE)
    info = hparams_data.SessionEndInfo(status=status, end_time_secs=run.finished / 1000)
    return hparams_data.HParamsPluginData(session_end_info=info)


def _run(events: Iterable[Event]) -> TrackedRun:
    """Return the run that events hold. Raises KeyError, ValueError if they hold no whole one."""
    values = [(event, value) for event in events for value in event.summary.value]
    ours = {value.tag: value for _, value in values if value.tag in OURS}
    about = json.loads(str(_content(ours[ABOUT].tensor)))
    start = ours[hparams.SESSION_START_INFO_TAG].metadata.plugin_data.content
    if hparams.SESSION_END_INFO_TAG not in ours:
        raise ValueError("has no end")
    measures = {
        value.tag.removeprefix(FINAL): _content(value.tensor)
        for _, value in values
        if value.tag.startswith(FINAL)
    }
    series = [
        _sample(event, value, about["names"])
        for event, value in values
        if value.tag not in ours and not value.tag.startswith(FINAL)
    ]
    own = {name: about[name] for name in OWN}
    return TrackedRun(
        **own, parameters=_parameters(start), measures=measures, history=points(series)
    )


def _sample(event: Event, value: Summary.Value, names: Mapping[str, str]) -> Sample:
    name, time = names.get(value.tag, value.tag), round(event.wall_time * 1000)
    return Sample(name, event.step, time, _content(value.tensor))


def _content(tensor: Any) -> Value:
    """Return a text, or the number beside a scalar if that is the scalar it is drawn as.

    Raises ValueError for a scalar that is not drawn.
    """
    drawn = tensor_util.make_ndarray(tensor)
    if tensor.dtype == types_pb2.DT_STRING:
        return str(drawn.item().decode())
    if drawn.dtype != np.float32 or not tensor.double_val:
        raise ValueError("has a scalar of another kind")
    exact, shown = float(tensor.double_val[0]), float(drawn)
    return exact if np.array_equal(_single(exact), drawn, equal_nan=True) else shown


def _parameters(content: bytes) -> dict[str, Any]:
    kept = hparams.parse_session_start_info_plugin_data(content).hparams
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in kept.items()}
