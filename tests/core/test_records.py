"""Records of files: what is read is written again byte for byte, also of other versions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from espalier.core import decoding
from espalier.core.records import (
    EpochRecord,
    JsonRecord,
    PackShare,
    PlanHeader,
    Provenance,
    RaceRecord,
    Revision,
)
from espalier.core.trial import Result, Status

HEADER = {
    "schema": 1,
    "plan_id": "0123456789ab",
    "trials": 2,
    "axes": [{"symbol": "SEED", "values": ["1", "2"]}],
    "settings": {"DEVICE": "cpu"},
    "sources": [{"path": "defconfigs/x", "sha256": "ab"}],
    "kconfig": "cd",
    "files": "ef",
    "counts": {"combinations": 2},
    "dropped": [],
    "notes": [],
    "design": {},
    "controls": {"PRUNING_METHOD": ["none"]},
    "claims": {"claims": ["A"], "alpha": "0.05", "max_seeds": 3, "sha256": "ab", "place": "r:1"},
}
SEAL = {"claims": [], "alpha": "", "max_seeds": 0, "sha256": "", "place": "", "sealed": 1.5}
PROVENANCE = {
    "started": "2026-01-01T00:00:00+00:00",
    "config": {"SEED": "1"},
    "settings": {"DEVICE": "cpu"},
    "seeds": {"init": 5},
    "code": {"commit": "a" * 40, "modified": False, "changes": ""},
    "versions": {"python": "3.11.2"},
    "device": "cpu (x86_64)",
    "threads": 1,
    "platform": "Linux",
    "ranks": 1,
    "data_fingerprint": "f00d",
    "micro_batch": 0,
    "resumed": {"epoch": 2},
    "pack": {"size": 1, "why": ""},
}
EPOCH = {"epoch": 1, "epochs": 3, "step": 45, "train_loss": 0.5, "val_loss": 0.25, "val_acc": 90.0}


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        (PlanHeader, HEADER),
        (PlanHeader, {**HEADER, "command": "make", "packs": {"ab": {"size": 4, "why": ""}}}),
        (PlanHeader, {**HEADER, "seals": [{**SEAL, "ended": [2], "newer": 1}]}),
        (PlanHeader, {**HEADER, "from_elsewhere": [1]}),
        (PlanHeader, {**HEADER, "name": "first-try", "note": "why: x < 3", "tags": ["paper"]}),
        (Provenance, PROVENANCE),
        (Provenance, {}),
        (Provenance, {"code": {"commit": "a", "branch": "b"}, "more": 1, "pid": 7}),
        (EpochRecord, {**EPOCH, "lr": 0.1, "sparsity": 0.0, "seconds": 0.5}),
        (EpochRecord, {**EPOCH, "task": 1, "live_parameters": None}),
    ],
)
def test_what_is_read_is_written_again(kind: type[JsonRecord], record: dict[str, Any]) -> None:
    assert json.dumps(kind.from_json(record).as_json()) == json.dumps(record)


@pytest.mark.parametrize(
    ("field", "value"), [("name", 7), ("note", ["why"]), ("tags", "paper"), ("tags", [7])]
)
def test_a_name_a_note_and_tags_are_text_or_no_header(field: str, value: object) -> None:
    with pytest.raises(decoding.ContentError, match=f"PlanHeader.{field}: must not be"):
        decoding.header({**HEADER, field: value})
    bare = decoding.header(HEADER)
    assert (bare.name, bare.note, bare.tags) == (None, None, None)


RACE = {"alpha": 0.05, "margin": 0.0, "max_seeds": 40, "by": "val_acc", "seeds": ["1", "2"]}


def test_the_rules_of_a_race_are_read_and_written_again() -> None:
    header = decoding.header({**HEADER, "race": RACE})
    assert header.race == RaceRecord.from_json(RACE)
    assert json.dumps(header.as_json()) == json.dumps({**HEADER, "race": RACE})


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"alpha": 1}, "an alpha in 0..1"),
        ({"alpha": "high"}, "RaceRecord.alpha"),
        ({"margin": -0.1}, "a margin >= 0"),
        ({"max_seeds": 1}, "2 to 10000 seeds"),
        ({"max_seeds": 10**12}, "2 to 10000 seeds"),
        ({"max_seeds": 2.5}, "RaceRecord.max_seeds"),
        ({"seeds": ["1", "x"]}, "seeds that are whole numbers"),
        ({"by": 7}, "RaceRecord.by"),
    ],
)
def test_rules_that_no_race_has_are_no_header(change: dict[str, Any], rule: str) -> None:
    with pytest.raises(decoding.ContentError, match=re.escape(rule)):
        decoding.header({**HEADER, "race": {**RACE, **change}})
    with pytest.raises(decoding.ContentError, match="RaceRecord: has no by"):
        decoding.header({**HEADER, "race": {"alpha": 0.05, "margin": 0.0, "max_seeds": 40}})


def test_fields_are_typed() -> None:
    provenance = Provenance.from_json(PROVENANCE)
    assert provenance.code == Revision(commit="a" * 40, modified=False, changes="")
    assert provenance.pack == PackShare(size=1)
    assert Provenance.from_json({"pack": {"size": 4, "why": ""}}).pack_size == 4
    assert Provenance().pack_size == 1


def test_a_result_is_the_same_after_its_journey() -> None:
    history = [{**EPOCH, "hits": 3}]
    provenance = Provenance.from_json(PROVENANCE)
    result = Result(Status.PASSED, "", "", {"val_acc": 90.0}, history, provenance)
    again = Result.from_json(json.loads(json.dumps(result.as_json())))
    assert again == result
    assert json.dumps(again.as_json()) == json.dumps(result.as_json())
    (epoch,) = again.epochs
    assert (epoch.val_acc, epoch.seconds, epoch.measure("hits")) == (90.0, None, 3)
    assert epoch.more == {"hits": 3}


def test_revisions_differ_in_what_both_know() -> None:
    old, new = Revision(commit="a"), Revision(commit="a", modified=True, changes="c")
    assert not old.differs(new)
    assert Revision(commit="b").differs(new)
