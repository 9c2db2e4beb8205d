"""The next configurations of a sampler that learns: when it is asked, and what it is told before.

All that it goes by is in the store: what was proposed, after which results, and the results. So a
sweep that was killed goes on with the proposals that it would have had.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from espalier.analysis.rank import TrialResult
from espalier.core import measures
from espalier.core.errors import UserError
from espalier.core.trial import Trial
from espalier.kconfig import range_file, requests, tree
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan.samplers import sampling
from espalier.plan.samplers.model_based import proposal_plan
from espalier.plan.samplers.model_based.model_sampler import ModelSampler
from espalier.plan.samplers.model_based.proposal_records import ProposalRecord, SamplerRecord
from espalier.plan.samplers.model_based.proposer import Proposer, Values
from espalier.plan.samplers.space import Space, repeated
from espalier.report.sampler_report import nothing_line, proposals_line
from espalier.run import reuse
from espalier.run.pending import pending
from espalier.run.samplers.batch_size import FreeSlots, batch_size
from espalier.run.samplers.reported_values import reported_values
from espalier.run.supplies.supply import Growth, Supply, Vacancy
from espalier.scripts import script_knobs
from espalier.store.results_dir import SweepDir
from espalier.store.sqlite_errors import CONTENT

_ANEW = "NEW=1 begins new results"


class SamplerSupply(Supply):
    """Adds the configurations that a sampler proposes to the plan of a sweep."""

    def __init__(self, sweep: SweepDir, results: Path | None = None) -> None:
        """Nothing has been asked. Earlier sweeps in `results` may have results.

        Raises UserError if the sampler cannot be told what ranks.
        """
        self._sweep, self._store, self._earlier = sweep, sweep.store, results
        self._settings = sweep.store.header.settings
        self._sampler = sampling.of_settings(self._settings, ModelSampler)
        self._sampler.check({})
        self._ways = measures.measures_of(self._sampler.by)
        self._record = SamplerRecord.from_json(sweep.store.header.design)
        self._observed = {ask for each in self._record.proposals for ask in each.observed or ()}
        self._trials: dict[str, list[Trial]] = {}
        self._group(self._store.trials())
        if not self._trials.keys() >= {each.trial for each in self._record.proposals}:
            raise UserError(f"{sweep.folder}: lacks trials that its sampler proposed; {_ANEW}")

    def __call__(self, vacancy: Vacancy) -> Growth:
        """Return the trials of new proposals, if there is room for any, and a line on them."""
        lines: list[str] = []
        while not self._record.complete:
            ended = self._ended()
            count = self._room_for(vacancy, len(ended))
            if not count:
                return Growth(lines=lines)
            if self._learns_nothing(ended):
                return Growth(lines=[*lines, nothing_line(self._record)], ended=True)
            added = self._grow(count, ended)
            lines.append(proposals_line(self._record))
            if self._earlier and not vacancy.running:
                lines += filter(
                    None, [reuse.take_over_on(vacancy.executor, self._sweep, self._earlier)]
                )
            waiting = [trial for trial in added if not self._store.last_conclusive(trial.number)]
            if waiting or vacancy.running:
                return Growth(waiting, lines, ended=self._record.complete)
        return Growth(lines=lines, ended=True)

    def _ended(self) -> list[ProposalRecord]:
        """Return the proposals with a result that the sampler has not been told."""
        unfinished = {*pending(self._store, int(self._settings["MAX_ATTEMPTS"]))}
        untold = (each for each in self._record.proposals if each.ask not in self._observed)
        return [
            each
            for each in untold
            if unfinished.isdisjoint(trial.number for trial in self._trials[each.trial])
        ]

    def _room_for(self, vacancy: Vacancy, ended: int) -> int:
        """Return how many more configurations to propose now, where so many have just ended."""
        proposals = self._record.proposals
        last = self._trials[proposals[-1].trial]
        pack = vacancy.pack_size(last[0].shape)
        workers = max(1, vacancy.executor.capacity)  # a cluster without a node waits for one
        room = FreeSlots(workers, pack, len(last), len(vacancy.running))
        left = self._record.trials - len(proposals)
        return batch_size(left, len(self._observed) + ended, room, self._sampler.batch)

    def _learns_nothing(self, ended: list[ProposalRecord]) -> bool:
        """Return whether all that was proposed has failed: then no more is, until some passes."""
        if self._observed or len(ended) < len(self._record.proposals):
            return False
        return all(self._result(each) is None for each in ended)

    def _grow(self, count: int, ended: list[ProposalRecord]) -> list[Trial]:
        """Let the plan have so many more configurations, chosen after what has ended."""
        proposer, store = self._proposer, self._store
        configs = proposer.propose(count, ended)
        self._record = proposer.record
        self._observed.update(each.ask for each in ended)
        every = (config for base in configs for config in repeated(base, self._requests))
        fresh = proposal_plan.with_texts(every, self._settings, self._symbols)
        header = replace(store.header, design=self._record.as_json())
        growth = proposal_plan.grow(header, store.trials(), fresh, self._requests)
        self._sweep.grow(*growth)
        added = [trial for trial, _ in growth.added]
        self._group(added)
        return added

    def _group(self, trials: Iterable[Trial]) -> None:
        """Note trials by the id of the first of their configuration."""
        groups: defaultdict[frozenset[tuple[str, str]], list[Trial]] = defaultdict(list)
        for trial in trials:
            groups[trial.configuration].append(trial)
        self._trials |= {group[0].id: group for group in groups.values()}

    @cached_property
    def _symbols(self) -> Symbols:
        script_knobs.use_of_settings(self._settings)
        return Symbols(tree.parse())

    @cached_property
    def _requests(self) -> Requests:
        lines = range_file.parse("\n".join(self._record.requests), str(self._sweep.folder))
        return requests.from_settings(self._symbols, lines)

    @cached_property
    def _space(self) -> Space:
        return Space(self._symbols, self._requests)

    @cached_property
    def _proposer(self) -> Proposer:
        try:
            return self._sampler.proposer(self._space, self._record, self._result)
        except CONTENT as error:
            rule = f"its proposals cannot be repeated ({error}); {_ANEW}"
            raise UserError(f"{self._sweep.folder}: {rule}") from error

    def _result(self, proposal: ProposalRecord) -> Values:
        """Return what a proposal that has ended came to."""
        results = []
        for trial in self._trials[proposal.trial]:
            last = self._store.last_conclusive(trial.number)
            if last is None:
                return None
            results.append(TrialResult(trial, last[1], 1))
        return reported_values(results, self._ways)
