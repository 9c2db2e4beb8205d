"""State pruning: the optimizer's moments say which weights matter (AdamWPrune).

Each optimizer says itself what its state means for a weight: `espalier.sparse.optimizer_parts`.

Differs from the earlier AdamWPrune code: thresholds are exact, ties go by position instead of all
at once, and AMSGrad's state is masked too.
"""

from __future__ import annotations

from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.pruning_method import PruningMethod
from espalier.sparse.importance import Importance, state_scores
from espalier.sparse.pruner import Pruner
from espalier.sparse.scores import Scores


@kconfig_dataclass
class State(PruningMethod):
    """Score by one of the formulas of `espalier.sparse.importance`."""

    importance: Importance
    power: float | None  # the exponent of the family "power"

    @override
    def scores(self, run: Run[Pruner]) -> Scores:
        weights = run.method_state.masks.weights
        return state_scores(self.importance, weights, run.optimizer, self.power)
