"""Searches of recorded tables by samplers, each told a result before its next proposal."""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from sampler_tables import BY, RecordedTable

from espalier.plan.expand import Config, identity
from espalier.plan.samplers.cmaes import CmaesSampler
from espalier.plan.samplers.gp import GpSampler
from espalier.plan.samplers.model_based.model_sampler import ModelSampler
from espalier.plan.samplers.model_based.proposal_records import ProposalRecord, SamplerRecord
from espalier.plan.samplers.model_based.proposer import Values
from espalier.plan.samplers.nsga2 import Nsga2Sampler
from espalier.plan.samplers.random import RandomSampler
from espalier.plan.samplers.sobol import SobolSampler
from espalier.plan.samplers.space import Space
from espalier.plan.samplers.tpe import TpeSampler

TRIALS = 40
Curve = list[float]
"""The least loss after each trial."""


def seeds_of(name: str, args: argparse.Namespace) -> range:
    """Return the seeds of a sampler: `args.seeds` of them, of the Gaussian process `gp_seeds`."""
    return range(min(args.seeds, args.gp_seeds) if name == "gp" else args.seeds)


def model(name: str, seed: int, by: str = BY) -> ModelSampler:
    """A sampler that learns, as it is by default."""
    usual = {"trials": TRIALS, "seed": seed, "batch": 1, "by": by}
    if name == "nsga2":
        return Nsga2Sampler(**usual, population=20)
    return {"tpe": TpeSampler, "gp": GpSampler, "cmaes": CmaesSampler}[name](**usual, startup=10)


class Search:
    """A search of a space that is told each result before the next proposal."""

    def __init__(
        self, sampler: ModelSampler, space: Space, score: Callable[[Config], Values]
    ) -> None:
        """Nothing has been asked."""
        record = SamplerRecord(sampler=sampler.name, seed=sampler.seed, trials=sampler.trials)
        self.configs: dict[str, Config] = {}
        self.proposer = sampler.proposer(space, record, self._result)
        self._score = score

    def run(self, trials: int) -> list[Config]:
        """Return that many configurations, fewer if the space has no more."""
        last: list[ProposalRecord] = []
        while len(self.configs) < trials and (made := self.proposer.propose(1, last)):
            self.configs[identity(made[0])] = made[0]
            last = [self.proposer.record.proposals[-1]]
        return list(self.configs.values())

    @property
    def refused(self) -> float:
        """The share of asks, in percent, whose configuration is no trial."""
        return 100 * self.proposer.record.refused / self.proposer.record.asks

    def _result(self, proposal: ProposalRecord) -> Values:
        return self._score(self.configs[proposal.trial])


def searched(table: RecordedTable, name: str, seed: int) -> list[Config]:
    """Return the configurations that a sampler trains, in their order."""
    if name in ("random", "sobol"):
        return drawn(
            table, {"random": RandomSampler, "sobol": SobolSampler}[name](trials=TRIALS, seed=seed)
        )

    return search_of(table, name, seed).run(TRIALS)


def search_of(table: RecordedTable, name: str, seed: int) -> Search:
    """Return a search of a table by a sampler that learns."""

    def score(config: Config) -> Values:
        seen = table.score(config)
        return None if seen is None else [seen]

    return Search(model(name, seed), table.space, score)


def drawn(table: RecordedTable, sampler: Any) -> list[Config]:
    """Return what is drawn beforehand; from a list that is in the order of the plan."""
    every = sampler.sample(table.symbols, table.requested, 10 * TRIALS, False).configs.values()
    first = next(iter(every))["SEED"]
    configs = [config for config in every if config["SEED"] == first]
    if isinstance(sampler, RandomSampler):
        random.Random(sampler.seed).shuffle(configs)
    return configs


def regret(table: RecordedTable, configs: Sequence[Config]) -> Curve:
    """Return how much the best so far is above the best of the table, after each trial."""
    return above(table.best, losses([table.score(config) for config in configs]))


def losses(scores: Sequence[float | None]) -> list[float]:
    """Return scores, without end for what failed."""
    return [math.inf if score is None else score for score in scores]


def above(best: float, scores: Sequence[float]) -> Curve:
    """Return how much the least score so far is above the best."""
    return [score - best for score in accumulate(scores, min)]
