"""The context of an operation: a pair, its optimizer, its masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from espalier.surgery import optimizer_state
from espalier.surgery.pairing.pairs import Pair
from espalier.surgery.restarts.restart_protocol import Restart


@dataclass(frozen=True)
class EditContext:
    """A pair with the optimizer that trains it, if any, and the masks that it obeys.

    `keep` maps a masked parameter to a tensor of its shape, 0 where it is pruned. What an
    operation writes there, and its optimizer state, becomes 0 again, so an operation that needs
    those weights is then no longer exact.
    """

    pair: Pair
    optimizer: torch.optim.Optimizer | None = None
    keep: Mapping[Tensor, Tensor] = field(default_factory=dict)
    restarts: Restart | None = None

    def reset_state(self, neurons: Tensor) -> None:
        """Reset the optimizer state of all that makes or reads `neurons` (n,), and obey masks."""
        for parameter, dim in self.pair.slices():
            self._reset(parameter, dim, neurons)
        self._reset(*self.pair.reader, self.pair.columns(neurons))
        self.apply_masks()

    def _reset(self, parameter: Tensor, dim: int, index: Tensor) -> None:
        optimizer_state.reset_slices(
            self.optimizer, parameter, dim, index, zero=self.restarts is not None
        )
        if self.restarts is not None:
            self.restarts.note(parameter, dim, index)

    def rebuild(self, parameter: Tensor, dim: int, source: Tensor) -> None:
        """Rebuild a parameter and its state from the slices `source` of itself along `dim`."""
        assert isinstance(parameter, nn.Parameter)
        optimizer_state.rebuild(self.optimizer, parameter, dim, source)
        if self.restarts is not None:
            self.restarts.follow(parameter, dim, source)

    @torch.no_grad()
    def apply_masks(self) -> None:
        """Zero what is masked, weights and state."""
        for parameter in (*(each.weight for each in self.pair.producers), self.pair.reader[0]):
            keep = self.keep.get(parameter)
            if keep is not None:
                for tensor in (
                    parameter,
                    *optimizer_state.moments(self.optimizer, parameter).values(),
                ):
                    tensor.mul_(keep)

    @torch.no_grad()
    def shift(self, change: Tensor) -> None:
        """Add `change` (outputs,) to what the consumer gives.

        To its bias; or, without one, to the normalisation that follows, whose mean it is taken
        from (while training the batch's own mean does so by itself); or to a bias made for it.
        Raises ValueError where none of these can be had.
        """
        consumer, after = self.pair.consumer, self.pair.after
        change = change.to(consumer.weight.dtype)
        if consumer.bias is not None:
            consumer.bias.add_(change)
        elif after is None:
            self._new_bias().add_(change)
        elif after.running_mean is not None:
            after.running_mean.sub_(change)

    def _new_bias(self) -> nn.Parameter:
        weight = self.pair.consumer.weight
        if not owns_memory(weight):
            raise ValueError(
                f"the layer after {self.pair.name!r} has no bias to fold a mean into, "
                "and is one of a pack, which cannot be given one"
            )
        outputs = self.pair.out_weight.shape[0]
        bias = nn.Parameter(weight.new_zeros(outputs), weight.requires_grad)
        self.pair.consumer.bias = bias
        optimizer_state.add_param_like(self.optimizer, bias, weight)
        return bias


def owns_memory(parameter: Tensor) -> bool:
    """Return whether a tensor's memory is its own, not part of a stack."""
    return parameter.untyped_storage().nbytes() == parameter.numel() * parameter.element_size()
