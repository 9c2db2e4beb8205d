"""Records of proposals: read as they were written, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from espalier.core.decoding import ContentError
from espalier.plan.samplers.model_based.proposal_records import ProposalRecord, SamplerRecord

UNIFORM = '{"name": "FloatDistribution", "attributes": {"low": 0.0, "high": 1.0}}'
RECORD = SamplerRecord(
    sampler="tpe",
    seed=3,
    trials=9,
    requests=["CONFIG_RATE=0~1"],
    distributions=[UNIFORM],
    proposals=[
        ProposalRecord(ask=0, trial="a" * 12, values={"RATE": 0.5}, of={"RATE": 0}),
        ProposalRecord(ask=1, trial="b" * 12),
        ProposalRecord(ask=3, trial="c" * 12, observed=[1, 0]),
    ],
    repeated=1,
)


def written() -> dict[str, Any]:
    return dict(json.loads(json.dumps(RECORD.as_json())))


def test_a_record_is_read_as_it_was_written() -> None:
    assert SamplerRecord.of(written()) == RECORD
    assert SamplerRecord.of({"array": "L9"}) is SamplerRecord.of({}) is None
    kept = SamplerRecord.from_json({**written(), "intervals": {"RATE": "0~1"}})
    assert kept.as_json()["intervals"] == {"RATE": "0~1"}


def test_it_is_complete_when_all_are_proposed_or_nothing_new_comes() -> None:
    assert (RECORD.asks, RECORD.complete) == (4, False)
    assert SamplerRecord.from_json({**written(), "trials": 3}).complete
    assert SamplerRecord.from_json({**written(), "exhausted": True}).complete


@pytest.mark.parametrize(
    "change",
    [
        {"sampler": "<img src=x onerror=alert(1)>"},
        {"sampler": "tpe\x1b[2J"},
        {"seed": "3"},
        {"trials": None},
        {"requests": [1]},
        {"distributions": []},
        {"exhausted": "no"},
        {"repeated": 0},  # then ask 3 is none
        {"proposals": []},
        {"proposals": {}},
        {"proposals": [{"ask": 0}]},
        {"proposals": [{"ask": 0, "trial": "a", "values": {"X": []}, "of": {"X": 0}}]},
        {"proposals": [{"ask": 0, "trial": "a", "values": {"X": 1}}]},
        {"proposals": [{"ask": 1, "trial": "a"}, {"ask": 0, "trial": "b"}]},
        {"proposals": [{"ask": 0, "trial": "a", "observed": [0]}]},
        {"proposals": [{"ask": 0, "trial": "a"}, {"ask": 1, "trial": "b", "observed": [0, 0]}]},
    ],
)
def test_what_is_no_record_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ContentError, TypeError)):
        SamplerRecord.of({**written(), **change})
