"""A pruning method: all of pruning by a schedule but the scores."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures, count_parameters
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.pruning_schedule import PruningPlan
from espalier.methods.pruning.rewinding import go_back, keep_point
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

    @property
    @override
    def packable(self) -> bool:
        """False where the optimizer's state is replaced by an earlier one."""
        return not self.plan.rewinds_weights

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
        run.announce(run.method_state.masks)
        run.method_state.memory = self.first_memory(run)
        self._act(run, 0)

    def first_memory(self, run: Run[Pruner]) -> list[Tensor]:
        """Return the tensors that scores need, one for each weight; none unless they need any."""
        return []

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
        pruner = run.method_state
        with pruner.masks.event():
            mask = pruner.choose(sparsity, self.scores(run))
            self.compensate(run, mask)
            pruner.masks.set(mask, run.optimizer)

    def compensate(self, run: Run[Pruner], mask: Tensor) -> None:
        """Change weights that stay for those that `mask` (weights in a row,) is about to prune."""

    @override
    def after_backward(self, run: Run[Pruner]) -> None:
        run.method_state.before_step()

    @override
    def after_step(self, run: Run[Pruner]) -> None:
        self._act(run, run.step)

    def _act(self, run: Run[Pruner], step: int) -> None:
        """Do what is due after update `step`: keep this point, prune, go back to a kept one."""
        pruner, rewinds = run.method_state, self.plan.rewinds_weights
        if rewinds and step == self.plan.rewind_step:
            pruner.kept = keep_point(run)
        if pruner.schedule.is_update(step):
            self.prune(run, pruner.schedule.sparsity(step))
            if rewinds:
                go_back(run, pruner.kept)

    @override
    def rate_position(self, run: Run[Pruner]) -> tuple[int, int]:
        """Return where the run's ticket is in a schedule as long as the ticket."""
        if not self.plan.goes_back:
            return super().rate_position(run)
        times = self.plan.round_times(run.length)
        return times.position(run.step), math.ceil(times.longest / run.steps_per_epoch)

    @override
    def changes(self, run: Run[Pruner]) -> int:
        """Return the rounds that have ended: after each, validation has to recover."""
        return self._rounds_done(run) if self.plan.timing == "rounds" else 0

    def _rounds_done(self, run: Run[Pruner]) -> int:
        return self.plan.round_times(run.length).done(run.step)

    @override
    def check(self, run: Run[Pruner]) -> None:
        run.method_state.masks.assert_masked(run.optimizer)

    @override
    def unfinished(self, run: Run[Pruner]) -> bool:
        """Return whether weights are still to go."""
        return run.step < run.method_state.schedule.ramp_end

    @override
    def measures(self, run: Run[Pruner]) -> Measures:
        """Return `discarded_updates` too where the run goes back: those that were undone."""
        live = count_parameters(run.model) - run.method_state.masks.pruned
        measures = {**run.method_state.measures(), "live_parameters": live}
        if self.plan.rewinds_weights:
            span = self.plan.round_times(run.length).span
            measures["discarded_updates"] = span * self._rounds_done(run)
        return measures

    @override
    def connectivity(self, run: Run[Pruner]) -> Measures:
        """Return `prunable_share`, the part of the model's matrices that can be pruned."""
        return {"prunable_share": cover(run.model).share}

    @override
    def state_dict(self, run: Run[Pruner]) -> StateDict:
        kept = {"kept": run.method_state.kept} if self.plan.rewinds_weights else {}
        return {**run.method_state.state_dict(), **kept}

    @override
    def load_state_dict(self, run: Run[Pruner], state: StateDict) -> None:
        run.method_state.kept = state.get("kept", {})
        run.method_state.load_state_dict({k: v for k, v in state.items() if k != "kept"})
