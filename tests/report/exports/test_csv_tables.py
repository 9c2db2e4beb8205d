from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored_sweeps import stored
from tracked_runs import LONG, UGLY
from trial_results import ended, passed, trial
from two_arms import at_two_sparsities

import espalier
from espalier.core.trial import Status
from espalier.report.comparing.opened_sweeps import open_sweep
from espalier.report.exports import csv_tables
from espalier.report.exports.csv_tables import frames_of, read_csv, write_csv
from espalier.report.exports.export_loop import ReadBackError


def test_pandas_reads_back_the_frames_of_load_sweep(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", at_two_sparsities())
    write_csv(frames_of(open_sweep(folder)), tmp_path / "out")
    columns = json.loads((tmp_path / "out/columns.json").read_text(encoding="utf-8"))
    trials = pd.read_csv(tmp_path / "out/trials.csv", **columns["trials.csv"])
    loaded = espalier.load_sweep(folder)
    pd.testing.assert_frame_equal(trials, loaded.trials)
    read = read_csv(tmp_path / "out")
    pd.testing.assert_frame_equal(read["configurations.csv"], loaded.configurations)
    assert read["history.csv"].shape == loaded.history.shape
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "columns.json",
        "configurations.csv",
        "history.csv",
        "trials.csv",
    ]


def test_a_hostile_sweep_comes_back(tmp_path: Path) -> None:
    item = passed(trial(1, 1, LR=UGLY), 98.0, **{UGLY: 1 / 3, LONG: 1, "": 2.0, "huge": 2**70})
    history = [{"epoch": 1, "seen": [1, "é"], UGLY: None}, {"epoch": 2, "word": "NA"}]
    item = item._replace(result=replace(item.result, history=history))
    failed = ended(trial(2, 1, LR="NA"), Status.FAILED, "diverged", LONG)
    waiting = ended(trial(3, 1, LR=""), Status.NOTRUN)
    folder = stored(tmp_path / "sweep_1", [item, failed, waiting])
    frames = frames_of(open_sweep(folder))
    write_csv(frames, tmp_path / "out")
    write_csv(frames, tmp_path / "out")
    read = read_csv(tmp_path / "out")
    assert read["trials.csv"]["CONFIG_LR"].tolist() == [UGLY, "NA", ""]
    assert read["trials.csv"]["message"].tolist() == ["", LONG, ""]
    assert read["history.csv"]["seen"].tolist()[0] == '[1, "\\u00e9"]'
    assert read["history.csv"]["word"].isna().tolist() == [True, False]


def test_what_stands_for_a_missing_value_is_no_value(tmp_path: Path) -> None:
    texts = ["", "NA", "missing 0", None]
    write_csv({"a.csv": pd.DataFrame({"self": pd.Series(texts, dtype="str")})}, tmp_path)
    assert '"missing 1"' in (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert read_csv(tmp_path)["a.csv"]["self"].isna().tolist() == [False, False, False, True]


VALUES = {
    "float64": st.floats(width=64) | st.none(),
    "Int64": st.integers(-(2**63) + 1, 2**63 - 1) | st.none(),
    "boolean": st.booleans() | st.none(),
    "str": st.text(st.characters(codec="utf-8")) | st.sampled_from(["", "NA", "nan"]) | st.none(),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_any_frame_comes_back(tmp_path: Path, data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, 4))
    columns = {}
    names = st.text(st.characters(codec="utf-8"), max_size=5)
    for name in data.draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        kind = data.draw(st.sampled_from(sorted(VALUES)))
        values = data.draw(st.lists(VALUES[kind], min_size=rows, max_size=rows))
        columns[name] = pd.Series(values, dtype=kind)
    write_csv({"a.csv": pd.DataFrame(columns)}, tmp_path)


def test_infinite_numbers_come_back(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [math.inf, -math.inf, math.nan, 0.1 + 0.2]})
    write_csv({"a.csv": frame}, tmp_path)
    assert np.array_equal(read_csv(tmp_path)["a.csv"]["x"], frame["x"], equal_nan=True)


def test_what_comes_back_otherwise_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = csv_tables.atomic_write
    monkeypatch.setattr(
        csv_tables, "atomic_write", lambda path, text: write(path, text.replace("0.5", "0.25"))
    )
    with pytest.raises(ReadBackError, match=r"a\.csv: pandas reads y otherwise$"):
        write_csv({"a.csv": pd.DataFrame({"x": [1.0], "y": [0.5]})}, tmp_path)
