"""A pruning method: all of pruning by a schedule but the scores."""

from __future__ import annotations

from abc import ABC, abstractmethod

from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures, count_parameters
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.pruning_schedule import PruningPlan
from espalier.sparse.prunable import cover
from espalier.sparse.pruner import Pruner
from espalier.sparse.scores import Scores


@kconfig_dataclass
class PruningMethod(Method[Pruner], ABC):
    """A method that prunes the weights with the lowest scores on a schedule.

    `run.method_state` is the Pruner.
    """

    plan: PruningPlan

    @abstractmethod
    def scores(self, run: Run[Pruner]) -> Scores:
        """Return the scores after the update that has just been done."""

    @override
    def attach(self, run: Run[Pruner]) -> None:
        coverage = cover(run.model, run.layers)
        if not coverage.weights:
            raise CannotTrain("nothing_to_prune", coverage.describe_nothing())
        schedule = self.plan.schedule(run.length)
        run.method_state = Pruner(coverage.weights, schedule, self.plan.allocation)

    @override
    def after_backward(self, run: Run[Pruner]) -> None:
        run.method_state.before_step()

    @override
    def after_step(self, run: Run[Pruner]) -> None:
        run.method_state.after_step(run.step, run.optimizer, lambda: self.scores(run))

    @override
    def check(self, run: Run[Pruner]) -> None:
        run.method_state.masks.assert_masked(run.optimizer)

    @override
    def unfinished(self, run: Run[Pruner]) -> bool:
        """Return whether the ramp is still going on."""
        return run.step < run.method_state.schedule.ramp_end

    @override
    def measures(self, run: Run[Pruner]) -> Measures:
        live = count_parameters(run.model) - run.method_state.masks.pruned
        return {**run.method_state.measures(), "live_parameters": live}

    @override
    def state_dict(self, run: Run[Pruner]) -> StateDict:
        return run.method_state.state_dict()

    @override
    def load_state_dict(self, run: Run[Pruner], state: StateDict) -> None:
        run.method_state.load_state_dict(state)
