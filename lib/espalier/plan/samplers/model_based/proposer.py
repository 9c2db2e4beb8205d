"""Proposals, one after another: what a sampler answers, made a configuration that is new."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from espalier.plan.expand import Config, identity
from espalier.plan.samplers.model_based.parameters import suggest
from espalier.plan.samplers.model_based.proposal_records import (
    ProposalRecord,
    SamplerRecord,
)
from espalier.plan.samplers.model_based.search_study import SearchStudy
from espalier.plan.samplers.space import Completion, Space

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

REPEATS = 10
"""After so many asks in a row that give nothing new, the next ones are drawn at random."""
RANDOM_REPEATS = 200
"""After so many of those that give nothing new either, no more is proposed."""

Values = Sequence[float] | None
"""What an ask came to: a value for each measure, or none where its configuration failed."""


class Proposer:
    """Asks a study for configurations of a space that no proposal before had."""

    def __init__(
        self,
        study: SearchStudy,
        space: Space,
        record: SamplerRecord,
        result: Callable[[ProposalRecord], Values],
    ) -> None:
        """Go on from a record; `result` gives that of a proposal which has ended."""
        self._study, self._space, self.record, self._result = study, space, record, result
        self.why = ""  # the last configuration that would not run does not
        self._trials = {each.trial for each in record.proposals}
        self._asked = {each.ask: each for each in record.proposals}
        self._places = {text: place for place, text in enumerate(record.distributions)}
        self._repeat_all()

    def _repeat_all(self) -> None:
        """Ask and tell all that the record says."""
        of = list(map(_distribution, self.record.distributions))
        for each in self.record.proposals:
            while self._study.asks < each.ask:
                self._study.skip()
            self._tell(each.observed or ())
            self._study.repeat(each.values, {name: of[n] for name, n in each.of.items()})
        while self._study.asks < self.record.asks:
            self._study.skip()

    def _tell(self, asks: Sequence[int]) -> None:
        for ask in asks:
            self._study.tell(ask, self._result(self._asked[ask]))

    def propose(self, count: int, ended: Sequence[ProposalRecord] = ()) -> list[Config]:
        """Tell what has `ended` since the last proposal, and return up to `count` configurations.

        They are fewer where nothing new is proposed any more. `record` has them from then on.
        """
        observed = [each.ask for each in ended]
        self._tell(observed)
        configs: list[Config] = []
        while len(configs) < count and (config := self._next(observed)):
            configs.append(config)
            observed = []
        return configs

    def _next(self, observed: Sequence[int]) -> Config | None:
        """Return the next configuration that is new, and note it in the record; None without."""
        for tries in range(REPEATS + RANDOM_REPEATS):
            ask, completion = self._ask(at_random=tries >= REPEATS)
            trial = identity(completion.config)
            if not completion.why and trial not in self._trials:
                self._note(ask, trial, observed)
                return completion.config
            self._study.tell(ask, None)
            self._count(completion.why)
        self.record = replace(self.record, exhausted=True)
        return None

    def _ask(self, at_random: bool) -> tuple[int, Completion]:
        ask = self._study.asks
        make = _random if at_random else None
        return ask, self._study.ask(self._complete, make)

    def _complete(self, trial: Trial) -> Completion:
        return self._space.complete(lambda axis, options: suggest(trial, axis, options))

    def _note(self, ask: int, trial: str, observed: Sequence[int]) -> None:
        """Let the record have a proposal; the results before it are told by it."""
        given = self._study.parameters(ask)
        values = {name: value for name, (value, _) in given.items()}
        of = {name: self._place(text) for name, (_, text) in given.items()}
        made = ProposalRecord(
            ask=ask, trial=trial, values=values, of=of, observed=list(observed) or None
        )
        self._trials.add(trial)
        self._asked[ask] = made
        self.record = replace(self.record, proposals=[*self.record.proposals, made])
        self.record = replace(self.record, distributions=list(self._places))

    def _place(self, distribution: str) -> int:
        return self._places.setdefault(distribution, len(self._places))

    def _count(self, why: str) -> None:
        """Count an ask that gave nothing new, `why` it would not run if it was no repeat."""
        record, self.why = self.record, why or self.why
        if why:
            self.record = replace(record, refused=record.refused + 1)
        else:
            self.record = replace(record, repeated=record.repeated + 1)


def _distribution(text: str) -> BaseDistribution:
    from optuna.distributions import json_to_distribution

    return json_to_distribution(text)


def _random(seed: int) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)
