from __future__ import annotations

from typing import Any

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
HEAD = "NOTE: the ranked trials were not all made alike, so differences may come from that"


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


def test_revisions_with_their_trials() -> None:
    code = {"commit": "b" * 40, "modified": True, "changes": "c0ffee"}
    assert notes(rank([made(1), made(2), made(3, code=code)])) == [
        HEAD,
        "  by 2 revisions of the code:",
        "    aaaaaaaaaaaa: 2 trials",
        "    bbbbbbbbbbbb with uncommitted changes c0ffee: 1 trial",
    ]


def test_a_changed_tree_is_another_revision_than_its_commit() -> None:
    code = {"commit": "a" * 40, "modified": True}
    assert "    aaaaaaaaaaaa with uncommitted changes: 1 trial" in notes(
        rank([made(1), made(2, code=code)])
    )


def test_versions_name_only_what_differs() -> None:
    lines = notes(rank([made(1), made(2, versions={"python": "3.11.2", "torch": "2.6.0"})]))
    assert lines[1:] == [
        "  with 2 sets of package versions:",
        "    torch 2.5.1: 1 trial",
        "    torch 2.6.0: 1 trial",
    ]


def test_devices_and_an_unknown_one() -> None:
    lines = notes(rank([made(1), made(2, device="NVIDIA H200"), made(3, device=None)]))
    assert lines[1] == "  on 3 devices:"
    assert lines[2:] == [
        "    cpu (x86_64): 1 trial",
        "    NVIDIA H200: 1 trial",
        "    unknown: 1 trial",
    ]


def test_data_that_differs_though_the_settings_do_not() -> None:
    lines = notes(rank([made(1), made(2), made(3, data_fingerprint="beef")]))
    assert lines[1:] == [
        "  from 2 sets of data under equal settings:",
        "    digits f00d: 2 trials",
        "    digits beef: 1 trial",
    ]


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


def test_only_what_chooses_different_samples_is_named() -> None:
    results = [made(1), made(2, {"VALIDATION_FRACTION": "0.3"})]
    assert notes(rank(results))[1:] == [
        "  by CONFIG_VALIDATION_FRACTION:",
        "    none: 1 configuration",
        "    0.3: 1 configuration",
    ]


def test_data_sets_are_named_with_their_configurations() -> None:
    results = [made(1, {"LR": "1"}), made(2, {"LR": "2"}), made(3, {"DATASET": "mnist"})]
    assert notes(rank(results)) == [
        "NOTE: validation results are of different samples: compare within one data set",
        "  by CONFIG_DATASET:",
        "    digits: 2 configurations",
        "    mnist: 1 configuration",
    ]
