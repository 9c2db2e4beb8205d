"""A study of Optuna in memory: asked for proposals, told their results, made again from records.

Optuna's generators run on from one trial to the next, so that what it proposes would depend on how
often it was started. Here the sampler is made anew for each ask, with a seed of that ask, and all
that it goes by is the trials of the study. So a study that is made again proposes what the one
that was lost would have proposed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeVar

from espalier.plan.samplers.model_based.proposal_records import Value

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

T = TypeVar("T")
Direction = Literal["maximize", "minimize"]
MakeSampler = Callable[[int], "BaseSampler"]
"""Makes a sampler of Optuna with a seed."""


class SearchStudy:
    """The asks of one sampler by number, from 0, and their results."""

    def __init__(
        self,
        make: MakeSampler,
        seed: int,
        directions: Sequence[Direction],
        keeps_state: bool = False,
    ) -> None:
        """Nothing has been asked. There is one of `directions` for each value of a result.

        A sampler that `keeps_state` writes what it needs later into the trials that it is asked
        for, so it is asked again for those of records.
        """
        self._make, self._seed, self._directions = make, seed, directions
        self._keeps_state = keeps_state

    @cached_property
    def _study(self) -> Study:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = self._make(ask_seed(self._seed, 0))
        return optuna.create_study(directions=self._directions, sampler=sampler)

    @property
    def asks(self) -> int:
        """How often it was asked."""
        return len(self._study.get_trials(deepcopy=False))

    def ask(self, suggest: Callable[[Trial], T], make: MakeSampler | None = None) -> T:
        """Ask for one trial more, and return what `suggest` makes of it.

        Another sampler answers this once if `make` is given.
        """
        self._study.sampler = (make or self._make)(ask_seed(self._seed, self.asks))
        return suggest(self._study.ask())

    def tell(self, ask: int, values: Sequence[float] | None) -> None:
        """Tell the result of an ask, once: its values in the order of the directions, or none."""
        from optuna.trial import TrialState

        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        self._study.tell(ask, values, state=state)

    def parameters(self, ask: int) -> dict[str, tuple[Value, str]]:
        """Return the value of each parameter of an ask, and its distribution as JSON."""
        from optuna.distributions import distribution_to_json

        trial = self._study.get_trials(deepcopy=False)[ask]
        return {
            name: (value, distribution_to_json(trial.distributions[name]))
            for name, value in trial.params.items()
        }

    def repeat(self, params: Mapping[str, Value], of: Mapping[str, BaseDistribution]) -> None:
        """Take the next ask from a record: its parameters, and the distributions that they are of.

        It is open, as after `ask`.
        """
        if self._keeps_state:
            self._ask_again(params, of)
            return
        from optuna.trial import TrialState, create_trial

        trial = create_trial(state=TrialState.RUNNING, params=dict(params), distributions=dict(of))
        self._study.add_trial(trial)

    def skip(self) -> None:
        """Take the next ask as one that gave nothing new."""
        from optuna.trial import TrialState, create_trial

        self._study.add_trial(create_trial(state=TrialState.FAIL))

    def _ask_again(self, params: Mapping[str, Value], of: Mapping[str, BaseDistribution]) -> None:
        self._study.sampler = self._make(ask_seed(self._seed, self.asks))
        self._study.enqueue_trial(dict(params))
        trial = self._study.ask(fixed_distributions=dict(of))
        _ = trial.relative_params  # what it would draw is of no use; what it writes meanwhile is


def ask_seed(seed: int, ask: int) -> int:
    """Return the seed of Optuna's generators for one ask, in 0..2**32 - 1."""
    from numpy.random import SeedSequence

    return int(SeedSequence([seed, ask]).generate_state(1)[0])
