"""Latent weights: all of them are trained, and the network computes with a sparse part of them.

Between updates a parameter holds what the network computes with: exactly 0 where it is masked. So
every pass, evaluation, measure and file sees the sparse network. The dense weights lie beside it,
and stand in the parameters from the end of a backward pass to the end of the update alone. The
optimizer trains them, so that its state is not 0 where weights are masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict, Switching
from espalier.core.self_measuring import Measures, count_parameters
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.sparse.mask import MaskSet
from espalier.sparse.orientation import Orientation
from espalier.sparse.prunable import Coverage, cover


class LatentMasks(MaskSet):
    """Masks of weights that may be trained where they are masked.

    `trained` has which are, bool in the weights' shapes; None: those that are live.
    """

    trained: list[Tensor] | None = None

    @override
    def trained_masks(self) -> list[Tensor] | None:
        return self.trained


@dataclass
class Latent:
    """The `method_state` of a run: masks, the `dense` weights, and what a method keeps in `memory`.

    Memory: one more value a weight, beside that of masks.
    """

    masks: LatentMasks
    orientations: list[Orientation]
    dense: list[Tensor]
    memory: list[Tensor] = field(default_factory=list)

    @property
    def weights(self) -> list[Tensor]:
        """What the network computes with, but for the time of an update."""
        return self.masks.weights

    @property
    def live(self) -> list[Tensor]:
        """Which weights the network computes with: bool, in the weights' shapes."""
        return self.masks.live_masks()

    @torch.no_grad()
    def reveal(self) -> None:
        """Put the dense weights into the parameters, for an update."""
        torch._foreach_copy_(self.weights, self.dense)

    @torch.no_grad()
    def hide(self, live: Sequence[Tensor]) -> None:
        """Take the parameters as the dense weights, and compute with those that are `live`."""
        torch._foreach_copy_(self.dense, self.weights)
        dead = _in_a_row(live)
        if self.masks.mask is None or not torch.equal(dead, self.masks.mask):
            with self.masks.event():
                self.masks.restore(dead)
        self.masks.zero_weights()


@kconfig_dataclass
class LatentSparsity(Method[Latent]):
    """What methods with latent weights share: those that say which weights are live."""

    @property
    def target(self) -> float | None:
        """The sparsity that the method aims at, in [0, 1); None: there is no such aim."""
        return None

    @override
    def attach(self, run: Run[Latent]) -> None:
        if isinstance(run.optimizer, Switching):
            raise CannotTrain(
                "averages_latent_weights",
                f"the weights that {type(run.optimizer).__name__} evaluates are an average of "
                "dense ones, and not sparse: set another CONFIG_OPTIMIZER",
            )
        coverage = cover(run.model, run.layers)
        if not coverage.weights:
            raise CannotTrain("nothing_to_sparsify", coverage.describe_nothing())
        run.method_state = _latent_of(coverage)
        run.announce(run.method_state.masks)

    @override
    def after_backward(self, run: Run[Latent]) -> None:
        run.method_state.masks.note_update()
        run.method_state.reveal()

    @override
    def check(self, run: Run[Latent]) -> None:
        state = run.method_state
        for weight, dense, live in zip(state.weights, state.dense, state.live, strict=True):
            held = torch.where(live, dense, 0.0)
            assert torch.equal(weight, held), "the network computes with what is masked"

    @override
    def measures(self, run: Run[Latent]) -> Measures:
        """Return `sparsity`, of all weights that can be masked, and `live_parameters`."""
        masks, target = run.method_state.masks, self.target
        return {
            "sparsity": masks.sparsity,
            **({} if target is None else {"target_sparsity": round(target, 12)}),
            "live_parameters": count_parameters(run.model) - masks.pruned,
        }

    @override
    def connectivity(self, run: Run[Latent]) -> Measures:
        """Return `prunable_share`, the part of the model's matrices that can be masked."""
        return {"prunable_share": cover(run.model).share}

    @override
    def state_dict(self, run: Run[Latent]) -> StateDict:
        state = run.method_state
        return {
            "dense": [x.clone() for x in state.dense],
            "memory": [x.clone() for x in state.memory],
            "live": state.live,
        }

    @override
    def load_state_dict(self, run: Run[Latent], state: StateDict) -> None:
        own = run.method_state
        for tensor, saved in zip(own.dense, state["dense"], strict=True):
            tensor.copy_(saved)
        for tensor, saved in zip(own.memory, state["memory"], strict=True):
            tensor.copy_(saved)
        own.masks.restore(_in_a_row(state["live"]))


def _latent_of(coverage: Coverage) -> Latent:
    masks = LatentMasks(coverage.weights)
    orientations = [coverage.orientations[name] for name in masks.names]
    return Latent(masks, orientations, [w.detach().clone() for w in masks.weights])


def _in_a_row(live: Sequence[Tensor]) -> Tensor:
    """Return the mask of the weights, in a row, that are not `live`."""
    return torch.cat([~mask.flatten() for mask in live])
