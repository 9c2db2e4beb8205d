"""Which neurons fire in the passes of an update, seen through hooks on what reads them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from espalier.surgery.pairing.pair_layers import by_position
from espalier.surgery.pairing.pairs import Pair


class FiringHooks:
    """Of each pair the neurons that were above 0 in any training pass since they were taken."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        """Hooks stay for as long as the model."""
        self._seen: dict[nn.Module, Tensor] = {}
        for pair in pairs:
            self._watch(pair)

    def _watch(self, pair: Pair) -> None:
        def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if module.training and torch.is_grad_enabled():
                features = by_position(inputs[0].detach(), pair.map_dims[1] > 0)
                now = fires(features.reshape(*features.shape[:2], pair.size, pair.per))
                self._seen[module] = now | self._seen.get(module, torch.zeros_like(now))

        pair.consumer.register_forward_pre_hook(note)

    def take(self, pair: Pair) -> Tensor:
        """Return which neurons fired since the last time, (neurons,) bool."""
        return self._seen.pop(pair.consumer)


def fires(activations: Tensor) -> Tensor:
    """Return which neurons are above 0 anywhere: of (samples, positions, neurons, per)."""
    return (activations > 0).flatten(0, 1).any(0).any(-1)
