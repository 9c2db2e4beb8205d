"""A pruning method: all of pruning by a schedule but the scores."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures, count_parameters
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.pruning_schedule import PruningPlan
from espalier.sparse.orientation import ROWS
from espalier.sparse.prunable import Coverage, cover
from espalier.sparse.pruner import Pruner
from espalier.sparse.scores import Scores


@kconfig_dataclass
class PruningMethod(Method[Pruner], ABC):
    """A method that prunes the weights with the lowest scores when its plan says so.

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
        self._check_units(coverage)
        run.method_state = Pruner(coverage.weights, schedule, self.plan.allocation)
        if schedule.is_update(0):
            self.prune(run, schedule.sparsity(0))

    def _check_units(self, coverage: Coverage) -> None:
        """Raise CannotTrain where units are compared and a weight does not have them in rows."""
        turned = [
            n for n, lies in coverage.orientations.items() if lies.transposed != ROWS.transposed
        ]
        if self.plan.allocation == "per_unit" and turned:
            raise CannotTrain(
                "units_in_columns",
                f"CONFIG_PRUNING_ALLOCATION=per_unit: {turned[0]} lies as (inputs, outputs); take "
                "per_layer or leave that layer out",
            )

    @torch.no_grad()
    def prune(self, run: Run[Pruner], sparsity: float) -> None:
        """Prune to `sparsity`."""
        run.method_state.prune(sparsity, run.optimizer, self.scores(run))

    @override
    def after_backward(self, run: Run[Pruner]) -> None:
        run.method_state.before_step()

    @override
    def after_step(self, run: Run[Pruner]) -> None:
        schedule = run.method_state.schedule
        if schedule.is_update(run.step):
            self.prune(run, schedule.sparsity(run.step))

    @override
    def check(self, run: Run[Pruner]) -> None:
        run.method_state.masks.assert_masked(run.optimizer)

    @override
    def unfinished(self, run: Run[Pruner]) -> bool:
        """Return whether weights are still to go."""
        return run.step < run.method_state.schedule.ramp_end

    @override
    def measures(self, run: Run[Pruner]) -> Measures:
        live = count_parameters(run.model) - run.method_state.masks.pruned
        return {**run.method_state.measures(), "live_parameters": live}

    @override
    def connectivity(self, run: Run[Pruner]) -> Measures:
        """Return `prunable_share`, the part of the model's matrices that can be pruned."""
        return {"prunable_share": cover(run.model).share}

    @override
    def state_dict(self, run: Run[Pruner]) -> StateDict:
        return run.method_state.state_dict()

    @override
    def load_state_dict(self, run: Run[Pruner], state: StateDict) -> None:
        run.method_state.load_state_dict(state)
