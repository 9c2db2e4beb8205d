"""State pruning: the optimizer's moments say which weights matter (AdamWPrune).

Differs from the earlier AdamWPrune code: thresholds are exact, ties go by position instead of all
at once, and AMSGrad's state is masked too.
"""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from espalier.contracts import Run
from espalier.sparsity.importance import Importance, state_scores
from espalier.sparsity.method import PruningMethod
from espalier.sparsity.pruner import Pruner
from espalier.sparsity.scores import Scores


@dataclass(frozen=True)
class State(PruningMethod):
    """Scores by one of the formulas of `espalier.sparsity.importance`."""

    importance: Importance = "bitter0"

    @override
    def scores(self, run: Run[Pruner]) -> Scores:
        return state_scores(self.importance, run.method_state.masks.weights, run.optimizer)
