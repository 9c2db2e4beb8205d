"""Layers that only grow: sizes by hand, what stays the same, and what can be taken back."""

import io

import pytest
import surgery_bodies
import torch
from apoptosis_cases import BODIES, Training, charlm

import espalier


def test_growth_ends_at_the_cap():
    manager = Training(
        *(espalier.GrowthOnlyManager, surgery_bodies.mlp),
        **{"growth_rate": 0.2, "growth_interval": 2, "max_capacity": 1.5, "target_layers": ["1"]},
    )
    sizes = [manager.go(2).model[1].out_features for _ in range(5)]
    assert sizes == [38, 44, 48, 48, 48]  # 0.2 of 32 is 6.4
    assert manager.model[3].in_features == 48
    strategy = manager.manager
    assert strategy.growth_events == strategy.apoptosis_events
    assert [(event.step, event.count) for event in strategy.growth_events] == [
        *((2, 6), (4, 6), (6, 4)),
    ]
    assert not strategy.due


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_a_grown_network_is_the_same_and_goes_on_learning(body):
    training = Training(espalier.GrowthOnlyManager, body)
    training.go(5)
    before, old = training.logits(), {c.name: c.size for c in training.manager.populations}
    training.update()
    after = training.logits()
    training.manager.step()
    assert (training.logits() - after).abs().max() < 1e-5 < (after - before).abs().max()
    news = {c.name: c.site.pair.producer.weight for c in training.manager.populations}
    parts = {name: weight.detach()[old[name] :].clone() for name, weight in news.items()}
    training.go(3)
    for name, part in parts.items():
        assert len(part)
        assert (news[name].detach()[old[name] : old[name] + len(part)] != part).any(), name
        state = training.optimizer.state[news[name]]
        assert state["exp_avg"].shape == news[name].shape


def test_layers_on_a_residual_path_do_not_grow():
    grown = Training(espalier.GrowthOnlyManager, charlm).go(7)
    assert {event.layer for event in grown.manager.growth_events} == {
        *("blocks.0.ffn.0", "blocks.1.ffn.0"),
    }
    assert grown.model.blocks[0].ffn[3].out_features == 16  # the path
    lenet = Training(espalier.GrowthOnlyManager, surgery_bodies.lenet).go(7)
    assert lenet.model[-1].out_features == 10  # the classes
    assert len({event.layer for event in lenet.manager.growth_events}) == 4


def test_growth_along_the_gradient_knows_what_its_neighbour_became():
    training = Training(espalier.GrowthOnlyManager, surgery_bodies.lenet, birth="gradmax")
    training.go(13)
    assert training.logits().isfinite().all()


def test_what_has_grown_can_be_taken_back():
    training = Training(espalier.GrowthOnlyManager, surgery_bodies.lenet).go(5)
    state, before = training.state(), training.logits()
    state = torch.load(_saved(state), weights_only=False)
    training.go(8).load(state)
    assert torch.equal(training.logits(), before)


def _saved(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return file
