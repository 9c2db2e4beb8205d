"""Random pruning: which weights go is left to chance. The control of every criterion."""

from __future__ import annotations

from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.measured_criterion import rank_pruned_last
from espalier.methods.pruning.pruning_method import PruningMethod
from espalier.sparse.initial_edges import draw_uniform
from espalier.sparse.pruner import Pruner
from espalier.sparse.scores import Scores


@kconfig_dataclass
class RandomWeights(PruningMethod):
    """Score by a number that is drawn anew each time; a pruned weight stays pruned."""

    @override
    def scores(self, run: Run[Pruner]) -> Scores:
        masks = run.method_state.masks
        return rank_pruned_last(draw_uniform(masks.weights, run.generators["method"]), masks)
