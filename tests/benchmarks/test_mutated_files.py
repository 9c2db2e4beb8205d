"""The benchmark of mutated files: the same changes every time, and it sees what it looks for."""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import mutated_files
import mutations
import pytest

LINE = '{"a": {"b": [1, 2]}, "c": "x"}'
ARGS = argparse.Namespace(seed=1, limit=0.05)


def test_a_seed_makes_the_same_changes_again() -> None:
    for change in (mutations.mutate_text, mutations.mutate_json_line):
        first, second = ([change(LINE, random.Random(n)) for n in range(50)] for _ in range(2))
        assert first == second
        assert len(set(first)) > 20
    assert all(
        json.loads(mutations.mutate_json_line(LINE, random.Random(n))) != 0 for n in range(9)
    )


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        (lambda: "fine", ""),
        (lambda: {}["gone"], "KeyError"),
        (lambda: time.sleep(5), "HangError"),
        (lambda: int("x"), "ValueError"),
    ],
)
def test_tracebacks_and_hangs_are_seen(behaviour, fault, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(mutated_files.PREPARE, "range file", lambda corpus, rng: [["a-verb"]])
    monkeypatch.setattr(mutated_files, "quietly", lambda command: str(behaviour()))
    corpus = mutated_files.Corpus({}, tmp_path, tmp_path, tmp_path / "place")
    outcome = mutated_files.run_case(corpus, 0, ARGS)
    assert (fault in outcome.fault) if fault else (outcome.fault == "")
    assert outcome.fault.startswith("HangError") is (fault == "HangError")


@pytest.mark.parametrize(
    ("code", "printed"), [(2, "no line of an error\n"), (0, "\x1b[2J"), (2, "error: x\n\x1b")]
)
def test_an_exit_without_a_line_and_an_escape_are_faults(code, printed, monkeypatch) -> None:
    def command(args: object) -> int:
        print(printed)
        return int(code)

    monkeypatch.setattr(mutated_files, "espalier", command)
    with pytest.raises(AssertionError):
        mutated_files.quietly(["a-verb"])
