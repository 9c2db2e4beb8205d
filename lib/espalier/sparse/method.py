"""What the pruning methods share: everything but the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from espalier.contracts import CannotTrain, Method, Run
from espalier.sparse.mask import prunable
from espalier.sparse.masked_linear import count_parameters
from espalier.sparse.plan import PruningPlan
from espalier.sparse.pruner import Pruner
from espalier.sparse.scores import Scores


@dataclass(frozen=True)
class PruningMethod(Method):
    """A method that prunes the weights with the lowest scores on a schedule.

    `run.method_state` is the Pruner.
    """

    plan: PruningPlan = PruningPlan()

    def scores(self, run: Run) -> Scores:
        """The scores after the update that has just been done."""
        raise NotImplementedError

    def attach(self, run: Run) -> None:  # noqa: D102
        weights = prunable(run.model)
        if not weights:
            raise CannotTrain("nothing_to_prune", "the model has no linear or convolution layer")
        schedule = self.plan.schedule(run)
        run.method_state = Pruner(weights, schedule, self.plan.allocation)

    def after_backward(self, run: Run) -> None:  # noqa: D102
        run.method_state.before_step()

    def after_step(self, run: Run) -> None:  # noqa: D102
        run.method_state.after_step(run.step, run.optimizer, lambda: self.scores(run))

    def check(self, run: Run) -> None:  # noqa: D102
        run.method_state.masks.assert_masked(run.optimizer)

    def unfinished(self, run: Run) -> bool:
        """Until the ramp is over."""
        return bool(run.step < run.method_state.schedule.ramp_end)

    def measures(self, run: Run) -> dict[str, Any]:  # noqa: D102
        live = count_parameters(run.model) - run.method_state.masks.pruned
        return {**run.method_state.measures(), "live_parameters": live}

    def state_dict(self, run: Run) -> dict[str, Any]:  # noqa: D102
        return dict(run.method_state.state_dict())

    def load_state_dict(self, run: Run, state: dict[str, Any]) -> None:  # noqa: D102
        run.method_state.load_state_dict(state)
