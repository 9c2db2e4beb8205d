"""What samplers that learn have in common: a study, and the plan that they begin with."""

from __future__ import annotations

import importlib.util
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from espalier.core import component, measures
from espalier.core.errors import SettingError
from espalier.core.measures import RANK_BY
from espalier.core.texts.count_text import count_text
from espalier.core.texts.program_name import how_to_install
from espalier.kconfig import requests
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan import claim_seal, expand
from espalier.plan.expand import Config, Expansion
from espalier.plan.samplers import draws
from espalier.plan.samplers.drawing import SAMPLER
from espalier.plan.samplers.draws import Drawn
from espalier.plan.samplers.model_based.proposal_records import ProposalRecord, SamplerRecord
from espalier.plan.samplers.model_based.proposer import Proposer, Values
from espalier.plan.samplers.model_based.search_study import Direction, SearchStudy
from espalier.plan.samplers.request_text import lines
from espalier.plan.samplers.sampler import Sampler
from espalier.plan.samplers.space import Space
from espalier.scripts import command_template

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

MOST_MEASURES = 3
"""Of a front: what beats what says little in more dimensions."""


@kconfig_dataclass
class ModelSampler(Sampler):
    """Proposes configurations by the results of earlier ones, `trials` in all.

    `batch` of them at a time, or, if that is 0, as many as fill the workers. `by` is the text of
    the measures that it is told.
    """

    trials: int = component.symbol("SAMPLER_TRIALS")
    seed: int = component.symbol("SAMPLER_SEED")
    batch: int = component.symbol("SAMPLER_BATCH")
    by: str = component.symbol(RANK_BY)

    needs: ClassVar[tuple[str, ...]] = ("optuna",)
    """The packages that it takes, beside those of planning."""
    keeps_state: ClassVar[bool] = False
    """Whether it writes into its trials what it needs later."""
    most_measures: ClassVar[int] = MOST_MEASURES
    """How many measures it can be told."""

    @property
    @abstractmethod
    def first(self) -> int:
        """How many configurations need no results: all of them may run at once."""

    @abstractmethod
    def make(self, seed: int) -> BaseSampler:
        """Return Optuna's sampler with a seed."""

    @property
    def name(self) -> str:
        """The value of CONFIG_SAMPLER."""
        return type(self).__module__.rpartition(".")[2]

    @override
    def sample(
        self, symbols: Symbols, requested: Requests, limit: int | None, strict: bool
    ) -> Expansion:
        """Return the configurations that need no results, each with every seed.

        `limit` is of all that are to come.
        """
        space = Space(symbols, requested)
        if not space.axes:  # a `.config` that a sweep of this sampler left
            return expand.expand(symbols, requested, limit, strict)
        with requests.placing(requested):
            self.check()
        _check_requests(requested)
        texts = [line for request in requested.values() for line in lines(symbols, request)]
        record = SamplerRecord(
            sampler=self.name, seed=self.seed, trials=self.trials, requests=texts
        )
        proposer = self.proposer(space, record)
        configs = proposer.propose(min(self.batch or self.first, self.trials))
        made = draws.expansion(
            space, _drawn(configs, proposer), limit, strict, proposer.record.as_json()
        )
        seeds = len(made.configs) // len(configs)
        allowed = int(limit or space.settings[expand.LIMIT])
        draws.check_count(requested, seeds * self.trials, allowed)
        return made

    def proposer(
        self,
        space: Space,
        record: SamplerRecord,
        result: Callable[[ProposalRecord], Values] | None = None,
    ) -> Proposer:
        """Return what goes on proposing from a record; `result` gives those of its proposals."""
        study = SearchStudy(self.make, self.seed, self.directions, self.keeps_state)
        return Proposer(study, space, record, result or (lambda _: None))

    @property
    def directions(self) -> list[Direction]:
        """The direction of each measure, as Optuna has it."""
        ways = measures.measures_of(self.by)
        return ["maximize" if way.larger else "minimize" for way in ways]

    def check(self) -> None:
        """Raise UserError if it cannot be told these measures, or its packages are not there."""
        ways = measures.measures_of(self.by)
        if tested := [way.name for way in ways if way.tested]:
            rule = f"{tested[0]} is of the test data, which would then choose what is trained"
            fix = "rank by a measure of the validation data, such as val_loss"
            raise SettingError(RANK_BY, self.by, f"{rule}; {fix}")
        if len(ways) > self.most_measures:
            limit = count_text(self.most_measures, "measure")
            rule = f"CONFIG_{SAMPLER}={self.name} takes {limit} at most; leave some out"
            raise SettingError(RANK_BY, self.by, rule)
        for package in self.needs:
            if importlib.util.find_spec(package) is None:
                how = how_to_install("samplers")
                rule = f"{package} is not installed; {how} installs it"
                raise SettingError(SAMPLER, self.name, rule)


def _check_requests(requested: Requests) -> None:
    """Raise UserError for what every trial of a plan must be known for."""
    rules = {
        claim_seal.CLAIM: "is sealed before the first trial, and a sampler that learns chooses "
        "trials by results; leave it out, or take SAMPLER=sobol",
        command_template.SCRIPT: "has several programs, which are allowed before the first trial; "
        "give one, or take SAMPLER=sobol",
    }
    for name, rule in rules.items():
        request = requested.get(name)
        if request and (request.is_axis or name == claim_seal.CLAIM) and request.values != ("",):
            raise request.error("|".join(request.values), rule)


def _drawn(configs: Sequence[Config], proposer: Proposer) -> Drawn:
    """Return what came of the first asks, as of any draw."""
    record = proposer.record
    reasons = {proposer.why: record.refused} if record.refused else {}
    ids = {expand.identity(config): config for config in configs}
    return Drawn(ids, record.asks, record.repeated, reasons)
