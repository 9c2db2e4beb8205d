"""Births of one's own, states of other managers, and numbers of half precision."""

from __future__ import annotations

import pytest
import surgery_bodies
from apoptosis_cases import Training, quick
from torch import nn

from espalier import (
    DistillationApoptosis,
    FunctionalPreservationApoptosis,
    NeuronApoptosisManager,
    OrthogonalApoptosis,
)


class Another(NeuronApoptosisManager):
    def _regrow_neurons(self, layer, dying_indices, healthy_indices, fitness):
        layer.weight = nn.Parameter(layer.weight.detach().clone())


class Strange(NeuronApoptosisManager):
    def _regrow_neurons(self, layer, dying_indices, healthy_indices, fitness):
        return [[(99, 1.0)]] * len(dying_indices)


class Few(NeuronApoptosisManager):
    def _regrow_neurons(self, layer, dying_indices, healthy_indices, fitness):
        return [[(0, 1.0)]]


@pytest.mark.parametrize(
    "kind, rule",
    [
        (Another, "put another 'weight' into its layer"),
        (Strange, "parent 99 of a layer of 32 neurons"),
        (Few, "parents of 1 newborn, not 6"),
    ],
)
def test_births_of_ones_own_are_checked(kind, rule) -> None:
    with pytest.raises(ValueError, match=rule):
        Training(kind, surgery_bodies.mlp, **quick(NeuronApoptosisManager)).go(8)


def test_foreign_states_are_refused() -> None:
    training = Training(NeuronApoptosisManager, surgery_bodies.mlp)
    for state in ({}, training.model.state_dict(), training.optimizer.state_dict()):
        with pytest.raises(ValueError, match="not one of an apoptosis manager's"):
            training.manager.load_state_dict(state)
    other = Training(NeuronApoptosisManager, surgery_bodies.lenet)
    with pytest.raises(ValueError, match="of a manager of other layers: 0, 11, 4, 9"):
        training.manager.load_state_dict(other.manager.state_dict())


@pytest.mark.parametrize(
    "kind", [FunctionalPreservationApoptosis, OrthogonalApoptosis, DistillationApoptosis]
)
def test_models_in_bfloat16(kind) -> None:
    training = Training(kind, surgery_bodies.mlp, optimizer=None)
    training.model.bfloat16()
    training.x = training.x.bfloat16()
    training.go(9)
    assert training.manager.apoptosis_events and training.logits().isfinite().all()


def test_a_layer_that_is_frozen_later_is_not_rewritten() -> None:
    training = Training(NeuronApoptosisManager, surgery_bodies.mlp, **quick(NeuronApoptosisManager))
    training.go(2)
    (first, *_) = training.manager.populations
    first.site.pair.consumer.requires_grad_(False)
    before = first.site.pair.consumer.weight.clone()
    with pytest.raises(ValueError, match="has been frozen since the manager was made"):
        training.go(8)
    assert before.equal(first.site.pair.consumer.weight)
