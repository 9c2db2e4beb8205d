"""Self-normalized resets against their rule written anew."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import reference_plasticity
import torch
from torch import nn

from espalier.core.contracts import CannotTrain
from espalier.methods.plasticity.snr import SelfNormalizedResets

FIELDS = {"percentile": 0.8, "first": 6, "period": 16, "longest": 20, "victims": "silent"}


class ByHand:
    """The code of the paper in plain loops, one neuron at a time, in updates."""

    def __init__(self, reference: reference_plasticity.Reference, victims: str) -> None:
        self.victims, self.reference, self.stream = (
            victims,
            reference,
            torch.Generator().manual_seed(0),
        )
        self.deviations = [float(np.sqrt((reference.values[k] ** 2).mean())) for k in (0, 2)]
        self.age = [[0] * 7, [0] * 5]
        self.tau = [[6] * 7, [6] * 5]
        self.silences: list[list[list[int]]] = [[[] for _ in range(n)] for n in (7, 5)]
        self.resets = 0

    def step(self, seen: list[np.ndarray], number: int) -> None:
        """Take in the activations of update `number`, from 1."""
        for layer in range(2):
            over = []
            for i in range(len(self.age[layer])):
                if (seen[layer] > 0)[:, i].any():
                    self.silences[layer][i].append(self.age[layer][i])
                    self.age[layer][i] = 0
                else:
                    self.age[layer][i] += 1
                if self.victims == "random":
                    over += [i] * (self.age[layer][i] == self.tau[layer][i])
                elif self.age[layer][i] >= self.tau[layer][i]:
                    self.silences[layer][i].append(self.age[layer][i])
                    self.age[layer][i] = 0
                    over.append(i)
            if self.victims == "random" and over:
                over = self.drawn(layer, len(over))
            self.renew(layer, over)
            if number % 16 == 0:
                self.tau[layer] = [self.adapted(layer, i) for i in range(len(self.tau[layer]))]
                self.silences[layer] = [[] for _ in self.tau[layer]]

    def drawn(self, layer: int, count: int) -> list[int]:
        """As many of the layer, at random; their silences end, too."""
        order = torch.randperm(len(self.age[layer]), generator=self.stream).tolist()[:count]
        for i in order:
            self.silences[layer][i].append(self.age[layer][i])
            self.age[layer][i] = 0
        return order

    def adapted(self, layer: int, i: int) -> int:
        lengths = sorted(each for each in self.silences[layer][i] if each)
        k = 1
        while lengths and sum(each <= k for each in lengths) < 0.8 * len(lengths):
            k += 1
        return k if k < self.tau[layer][i] else min(2 * self.tau[layer][i], 20)

    def renew(self, layer: int, over: list[int]) -> None:
        if not over:
            return
        w, b, after = self.reference.values[2 * layer : 2 * layer + 3]
        edge = self.deviations[layer] * 3**0.5
        drawn = torch.empty(len(over), w.shape[1], dtype=torch.float64)
        w[over] = drawn.uniform_(-edge, edge, generator=self.stream).numpy()
        b[over], after[:, over] = 0, 0
        self.resets += len(over)


def lame(run, reference) -> None:
    """Let three neurons fall silent: two for good, one for most samples."""
    for layer, i, bias in ((0, 2, -9.0), (0, 4, -1.2), (1, 1, -9.0)):
        run.model[1 + 2 * layer].bias.data[i] = bias
        reference.values[2 * layer + 1][i] = bias


@pytest.mark.parametrize("victims", ["silent", "random"])
def test_a_run_is_that_of_its_rule(victims: str) -> None:
    method = SelfNormalizedResets(**{**FIELDS, "victims": victims})
    run, reference = reference_plasticity.pair(method)
    by_hand = ByHand(reference, victims)
    lame(run, reference)
    for step in range(100):
        reference_plasticity.advance(run, step)
        seen, grads = reference.activations(step)[1:3], reference.gradients(step)
        for w, g in zip(reference.values, grads, strict=True):
            w -= reference_plasticity.RATE * g
        by_hand.step(seen, step + 1)
    reference_plasticity.assert_same(run, reference)
    assert run.method.measures(run) == {"resets": by_hand.resets} and by_hand.resets >= 2
    assert [times.threshold.tolist() for times in run.method_state.times] == by_hand.tau


def test_it_goes_on_from_its_state_to_the_same_numbers() -> None:
    def adam(model):
        return torch.optim.Adam(model.parameters(), lr=0.01)

    run, reference = reference_plasticity.pair(SelfNormalizedResets(**FIELDS), adam)
    lame(run, reference)
    for step in range(50):
        reference_plasticity.advance(run, step)
    other, _ = reference_plasticity.pair(SelfNormalizedResets(**FIELDS), adam)
    other.step = run.step
    other.method.load_state_dict(other, copy.deepcopy(run.method.state_dict(run)))
    other.model.load_state_dict(run.model.state_dict())
    other.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    other.generators["method"].set_state(run.generators["method"].get_state())
    for step in range(50, 100):
        reference_plasticity.advance(run, step)
        reference_plasticity.advance(other, step)
    pairs = zip(run.model.parameters(), other.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert run.method.measures(run) == other.method.measures(other)


def test_a_network_without_pairs_is_refused() -> None:
    run, _ = reference_plasticity.pair(SelfNormalizedResets(**FIELDS))
    run.model = nn.Sequential(nn.Flatten(), nn.Linear(6, 3))
    with pytest.raises(CannotTrain, match="no two layers"):
        run.attach()
