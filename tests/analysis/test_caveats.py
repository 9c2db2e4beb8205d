from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from trial_results import ended, passed, sweep, trial

from espalier.analysis.caveats import notes
from espalier.analysis.rank import TrialResult, rank
from espalier.core.records import Provenance
from espalier.core.trial import Result, Status

ORIGIN = {
    "code": {"commit": "a" * 40, "modified": False},
    "versions": {"python": "3.11.2", "torch": "2.5.1"},
    "device": "cpu (x86_64)",
    "data_fingerprint": "f00d",
}


def made(number: int, swept: dict[str, str] | None = None, **origin: Any) -> TrialResult:
    """A passed trial of ORIGIN but for `origin`."""
    item = passed(trial(number, number, **(swept or {})), 90.0)
    provenance = Provenance.from_json({**ORIGIN, **origin})
    result = Result(Status.PASSED, measures=item.result.measures, provenance=provenance)
    return TrialResult(item.trial, result, 1)


def test_trials_made_alike_need_no_note() -> None:
    assert notes(rank([made(1), made(2), made(3)])) == []


def test_trials_of_unknown_origin_are_alike() -> None:
    assert notes(rank(sweep({"a": [90.0, 91.0]}))) == []


def test_nothing_ranked() -> None:
    assert notes(rank([])) == []


DIFFERENT: dict[str, Callable[[], list[TrialResult]]] = {
    "revisions": lambda: [
        made(1),
        made(2),
        made(3, code={"commit": "b" * 40, "modified": True, "changes": "c0ffee"}),
        made(4, code={"commit": "a" * 40, "modified": True}),
    ],
    "versions": lambda: [made(1), made(2, versions={"python": "3.11.2", "torch": "2.6.0"})],
    "devices": lambda: [made(1), made(2, device="NVIDIA H200"), made(3, device=None)],
    "data": lambda: [made(1), made(2), made(3, data_fingerprint="beef")],
    "fraction": lambda: [made(1), made(2, {"VALIDATION_FRACTION": "0.3"})],
    "data_sets": lambda: [
        made(1, {"LR": "1"}),
        made(2, {"LR": "2"}),
        made(3, {"DATASET": "mnist"}),
    ],
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_text(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"caveats_{name}", "\n".join(notes(rank(DIFFERENT[name]()))) + "\n")


def test_commits_of_the_same_code_are_alike() -> None:
    code = {"commit": "a" * 40, "modified": False, "sources": "c0de"}
    later = {**code, "commit": "b" * 40}
    assert notes(rank([made(1, code=code), made(2, code=later)])) == []
    other = {**code, "modified": True, "sources": "beef", "files": ["models/mlp.py"]}
    assert "    commit aaaaaaaaaaaa with changes in models/mlp.py [code beef]: 1 trial" in notes(
        rank([made(1, code=later), made(2, code=other)])
    )


def test_data_may_differ_where_the_settings_do() -> None:
    for name in ("SPLIT_SEED", "TRAIN_SUBSET"):
        results = [
            made(1, {name: "0"}),
            made(2, {name: "1"}, data_fingerprint="beef"),
        ]
        assert notes(rank(results)) == []


def test_trials_that_are_not_ranked_do_not_count() -> None:
    failed = ended(trial(2, 2), Status.FAILED, "diverged")
    assert notes(rank([made(1), failed])) == []
