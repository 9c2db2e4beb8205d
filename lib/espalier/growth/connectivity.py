"""How a sparse network hangs together when its training is over, as measures of a trial.

Known of networks of blocks, and of models that are one chain of layers masked by a method that
tells its masks. Of any other model nothing is said, rather than something that is not all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from espalier.contracts import Run
from espalier.growth.blocks import Blocks
from espalier.growth.reachability import Live, chains, of_chain, reach, useful
from espalier.sparse.mask import prunable
from espalier.surgery.pairs import find_pairs


@runtime_checkable
class Masking(Protocol):
    """A method that masks weights of an ordinary model."""

    def live_masks(self, run: Run) -> Mapping[Tensor, Tensor]:
        """Each masked weight and a bool tensor of its shape, True where an edge is live."""
        ...


@torch.no_grad()
def measures(run: Run) -> dict[str, Any]:
    """What `told` says of the network of a run; empty where it is not known."""
    if isinstance(run.model, Blocks):
        return told(run.model.masks(), run.model.live)
    if isinstance(run.method, Masking):
        masks = run.method.live_masks(run)
        live = _chain(run.model, masks)
        return {} if live is None else told(live, sum(int(m.sum()) for m in masks.values()))
    return {}


def told(live: Live, edges: int) -> dict[str, Any]:
    """Measures of a network of `edges` weights between units.

    `live_edges`; their mean number into a unit (`fan_in`) and out of one (`fan_out`); the shares,
    in [0, 1], of inputs, hidden units and outputs that are on a path from an input to an output,
    (`reachable_inputs`, `units_on_path`, `reachable_outputs`), and of edges between units that are
    (`useful_edges`). No hidden layer, no hidden units to tell of.
    """
    first, *hidden, last = reach(live).on_path
    inner = sum(map(len, hidden))
    between = sum(int((block != 0).sum()) for block in live.values())
    found = {
        "live_edges": edges,
        "fan_in": edges / (inner + len(last)),
        "fan_out": edges / (len(first) + inner),
        "reachable_inputs": _share(first),
        "reachable_outputs": _share(last),
        "useful_edges": useful(live) / between if between else 0.0,
    }
    return found | ({"units_on_path": _share(torch.cat(hidden))} if hidden else {})


def _share(units: Tensor) -> float:
    return float(units.sum()) / len(units)


def _chain(model: nn.Module, masks: Mapping[Tensor, Tensor]) -> Live | None:
    """The blocks of a model whose prunable weights are all in one chain; None of any other."""
    found = list(chains(find_pairs(model)))
    weights = prunable(model)
    whole = len(found) == 1 and len(found[0]) + 1 == len(weights)
    return of_chain(found[0], masks) if whole else None
