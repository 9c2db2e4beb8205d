"""Which neurons fire."""

from __future__ import annotations

import torch

from espalier.methods.plasticity.firing_hooks import fires


def test_a_neuron_fires_if_it_does_anywhere() -> None:
    activations = torch.zeros(2, 3, 4, 2)
    activations[1, 2, 1, 1] = 0.1
    activations[0, 0, 2] = -5
    assert fires(activations).tolist() == [False, True, False, False]
