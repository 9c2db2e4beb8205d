"""Samplers that learn on a small tree, with results that a function gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import toy

from espalier.kconfig import range_file, requests
from espalier.plan.expand import Config, identity
from espalier.plan.samplers.cmaes import CmaesSampler
from espalier.plan.samplers.gp import GpSampler
from espalier.plan.samplers.model_based.model_sampler import ModelSampler
from espalier.plan.samplers.model_based.proposal_records import ProposalRecord, SamplerRecord
from espalier.plan.samplers.model_based.proposer import Proposer, Values
from espalier.plan.samplers.nsga2 import Nsga2Sampler
from espalier.plan.samplers.space import Space
from espalier.plan.samplers.tpe import TpeSampler

PLAIN = "CONFIG_RATE=0.1~0.9\nCONFIG_MASK=0x1|0x2|0x4\nCONFIG_MOST=10~*90\n"
CONDITIONAL = (
    "CONFIG_PAINT=y|n\nCONFIG_COLOR=red|blue\nCONFIG_SHAPE=round|square|star\nCONFIG_EDGE=1|2|4|8\n"
    "CONFIG_MOST=5~50\nCONFIG_COUNT=1~50\nCONFIG_RATE=0.1~0.9\n"
)
"""A star needs paint, an edge needs a shape that has one, and COUNT is at most MOST."""

_USUAL = {"trials": 30, "seed": 7, "batch": 0}
SAMPLERS: dict[str, ModelSampler] = {
    "tpe": TpeSampler(**_USUAL, by="val_acc", startup=4),
    "gp": GpSampler(**_USUAL, by="val_acc", startup=4),
    "nsga2": Nsga2Sampler(**_USUAL, by="val_acc,live_parameters", population=4),
    "cmaes": CmaesSampler(**_USUAL, by="val_acc", startup=2),
}


def space(folder: Path, text: str) -> Space:
    symbols = toy.symbols(folder)
    return Space(symbols, requests.from_settings(symbols, range_file.parse(text, "range")))


def score(config: Config) -> float:
    """At most 10, where RATE is 0.3 and MOST is 20."""
    return 10 - abs(float(config["RATE"]) - 0.3) - abs(int(config["MOST"]) - 20) / 100


@dataclass
class Search:
    """A search whose proposals have results at once, or when `told` says so."""

    sampler: ModelSampler
    space: Space
    values: Callable[[Config], Values]
    configs: dict[str, Config] = field(default_factory=dict)
    record: SamplerRecord = SamplerRecord(sampler="any", seed=7, trials=30)

    def proposer(self) -> Proposer:
        """Return what goes on from the record alone."""
        return self.sampler.proposer(self.space, self.record, self._result)

    def propose(self, proposer: Proposer, count: int, ended: Sequence[int] = ()) -> list[Config]:
        """Ask for `count`, where the proposals at these places have ended."""
        made = proposer.propose(count, [self.record.proposals[place] for place in ended])
        self.configs |= {identity(config): config for config in made}
        self.record = proposer.record
        return made

    def _result(self, proposal: ProposalRecord) -> Values:
        return self.values(self.configs[proposal.trial])


def one_score(config: Config) -> Values:
    return [score(config)]


def two_scores(config: Config) -> Values:
    return [score(config), float(config["MOST"])]


def search(name: str, folder: Path, text: str) -> Search:
    values = two_scores if name == "nsga2" else one_score
    return Search(SAMPLERS[name], space(folder, text), values)
