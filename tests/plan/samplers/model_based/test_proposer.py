"""Proposals: valid ones, none twice, and the same ones from the record alone."""

from __future__ import annotations

import json
from pathlib import Path

import proposing
import pytest
from proposing import CONDITIONAL, PLAIN, SAMPLERS, Search, search

from espalier.core.trial import Record
from espalier.plan.expand import Config, identity
from espalier.plan.samplers.model_based.proposal_records import SamplerRecord
from espalier.plan.samplers.model_based.proposer import Values

optuna = pytest.importorskip("optuna")
ROUNDS: list[tuple[int, list[int]]] = [
    (4, []),
    (1, [2, 0]),
    (2, [1, 3]),
    (1, [4]),
    (2, []),
    (2, [6, 5, 7]),
    (1, [9]),
]
"""How many are asked for, after which places have ended."""
FEW = {"gp": 4}
"""Rounds of those that take a second for a proposal."""


def names() -> list[str]:
    return [
        pytest.param(name, marks=pytest.mark.skipif(not _installed(name), reason="not installed"))
        for name in SAMPLERS
    ]


def _installed(name: str) -> bool:
    from importlib.util import find_spec

    return all(map(find_spec, SAMPLERS[name].needs))


def through_json(record: SamplerRecord) -> SamplerRecord:
    written: Record = json.loads(json.dumps(record.as_json()))
    return SamplerRecord.from_json(written)


def run(began: Search, restart: bool) -> list[Config]:
    proposer, made = began.proposer(), []
    for count, ended in ROUNDS[: FEW.get(began.sampler.name)]:
        if restart and made:
            began.record = through_json(began.record)
            proposer = began.proposer()
        made += began.propose(proposer, count, ended)
    return made


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("text", [PLAIN, CONDITIONAL], ids=["plain", "conditional"])
def test_what_is_made_again_from_its_record_proposes_the_same(
    name: str, text: str, tmp_path: Path
) -> None:
    whole = search(name, tmp_path, text)
    killed = search(name, tmp_path, text)
    assert run(whole, restart=False) == run(killed, restart=True)
    assert whole.record == killed.record
    assert len(whole.configs) == len(whole.record.proposals)


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_every_proposal_holds_whatever_depends_on_what(name: str, tmp_path: Path) -> None:
    began = search(name, tmp_path, CONDITIONAL)
    proposer = began.proposer()
    for place in range(40):
        began.propose(proposer, 1, [place - 1] if place else [])
    for config in began.configs.values():
        assert ("COLOR" in config) == (config["PAINT"] == "y")
        assert ("EDGE" in config) == (config["SHAPE"] != "round")
        assert config["PAINT"] == "y" or config["SHAPE"] != "star"
        assert int(config["COUNT"]) <= int(config["MOST"])
    assert began.record.refused == 0


def test_results_draw_proposals_towards_what_is_better(tmp_path: Path) -> None:
    began = search("tpe", tmp_path, PLAIN)
    proposer = began.proposer()
    scores = []
    for place in range(30):
        (config,) = began.propose(proposer, 1, [place - 1] if place else [])
        scores.append(proposing.score(config))
    assert sum(scores[20:]) / 10 > sum(scores[:10]) / 10 + 0.1


def test_a_small_space_ends_with_all_of_it_and_says_so(tmp_path: Path) -> None:
    began = search("tpe", tmp_path, "CONFIG_MASK=0x1|0x2|0x4\nCONFIG_PAINT=y|n\n")
    began.values = lambda _: None  # all of them fail
    made = began.propose(began.proposer(), 9)
    assert len({identity(config) for config in made}) == len(made) == 6
    assert began.record.exhausted
    assert began.record.complete
    assert began.record.repeated > 0
    assert began.record.asks == 6 + began.record.repeated


def test_failed_configurations_are_told_as_failed(tmp_path: Path) -> None:
    def failing(config: Config) -> Values:
        return None if float(config["RATE"]) > 0.5 else [proposing.score(config)]

    began = search("tpe", tmp_path, PLAIN)
    began.values = failing
    proposer = began.proposer()
    for place in range(12):
        began.propose(proposer, 1, [place - 1] if place else [])
    states = [trial.state.name for trial in proposer._study._study.get_trials()]
    rates = [float(config["RATE"]) for config in began.configs.values()]
    assert states == ["FAIL" if rate > 0.5 else "COMPLETE" for rate in rates[:-1]] + ["RUNNING"]


def test_nothing_is_told_twice(tmp_path: Path) -> None:
    began = search("tpe", tmp_path, PLAIN)
    run(began, restart=True)
    observed = [ask for each in began.record.proposals for ask in each.observed or ()]
    assert sorted(observed) == sorted({*observed})
    assert [each.observed for each in began.record.proposals if each.observed] == [
        [2, 0],
        [1, 3],
        [4],
        [6, 5, 7],
        [9],
    ]
