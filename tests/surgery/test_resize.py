"""Widening and narrowing: shapes, references, optimizer state, and a loss that is still held."""

import pytest
import torch
from surgery_bodies import BODIES, fold_survivors, lenet, logits, mlp, step, trained
from torch import nn

from espalier.optimizers.lean import LeanAdam, LeanSGD
from espalier.surgery import birth, resize
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import find_pairs
from espalier.surgery.probe import gather


@pytest.mark.parametrize("body", BODIES)
def test_wider_and_narrow_again_is_the_same_network(body) -> None:
    model, x, optimizer = trained(body)
    names = [name for name, _ in model.named_parameters()]
    held = [(id(p), p.shape) for p in model.parameters()]
    values = {name: p.detach().clone() for name, p in model.named_parameters()}
    state = [optimizer.state[p]["exp_avg_sq"].clone() for p in model.parameters()]
    before = logits(model, x)
    for pair in find_pairs(model):
        site, size = EditContext(pair, optimizer), pair.size
        slots = resize.widen(site, 3)
        assert slots.tolist() == [size, size + 1, size + 2] and pair.size == size + 3
        assert (logits(model, x) - before).abs().max() < 1e-5
        assert resize.narrow(site, slots).tolist() == list(range(size))
    assert [(id(p), p.shape) for p in model.parameters()] == held
    assert all(torch.equal(values[n], p) for n, p in zip(names, model.parameters(), strict=True))
    after = [optimizer.state[p]["exp_avg_sq"] for p in model.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(state, after, strict=True))


def test_modules_say_what_they_have_become() -> None:
    model, x, optimizer = trained(lenet)
    pairs = find_pairs(model)
    resize.widen(EditContext(pairs[1], optimizer), 2)
    assert (model[4].out_channels, model[5].num_features, model[9].in_features) == (18, 18, 450)
    assert model[5].running_mean.shape == (18,) and model[4].in_channels == 6
    resize.narrow(EditContext(pairs[0], optimizer), torch.tensor([1]))
    assert (model[0].out_channels, model[1].num_features, model[4].in_channels) == (5, 5, 5)
    assert find_pairs(model)[1].per == 25


def test_state_follows_its_neuron() -> None:
    model, x, optimizer = trained(mlp)
    pair = find_pairs(model)[0]
    producer, consumer = pair.producer.weight, pair.consumer.weight
    rows = optimizer.state[producer]["exp_avg"][[0, 2]].clone()
    columns = optimizer.state[consumer]["max_exp_avg_sq"][:, [0, 2]].clone()
    kept = resize.narrow(EditContext(pair, optimizer), torch.tensor([1, *range(3, 32)]))
    assert kept.tolist() == [0, 2]
    assert torch.equal(optimizer.state[producer]["exp_avg"], rows)
    assert torch.equal(optimizer.state[consumer]["max_exp_avg_sq"], columns)
    assert optimizer.state[producer]["step"] == 3


OPTIMIZERS = [
    lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    lambda p: LeanSGD(p, lr=0.1, momentum=0.9),
    lambda p: torch.optim.Adam(p, lr=0.01),
    lambda p: LeanAdam(p, lr=0.01, amsgrad=True, decoupled_weight_decay=True),
]


@pytest.mark.parametrize("build", OPTIMIZERS)
def test_training_goes_on_though_the_last_loss_is_still_held(build) -> None:
    torch.manual_seed(0)
    model, x = lenet()
    optimizer = build(model.parameters())
    loss = step(model, x, optimizer)  # its graph is alive all the time
    kept = [loss]
    for pair in find_pairs(model):
        site = EditContext(pair, optimizer)
        birth.fresh(site, resize.widen(site, 2), torch.Generator().manual_seed(0))
        kept.append(step(model, x, optimizer))
        resize.narrow(site, torch.tensor([0]))
        kept.append(step(model, x, optimizer))
    assert all(value.isfinite() for value in kept)
    weights = find_pairs(model)[0].incoming().clone()
    step(model, x, optimizer)
    assert (find_pairs(model)[0].incoming() != weights).any(1).all()  # newborns train too


def test_a_removed_neuron_that_was_folded_is_not_missed() -> None:
    model, x, optimizer = trained(mlp)
    site = EditContext(find_pairs(model)[0], optimizer)
    dead = torch.tensor([4, 9])
    fold_survivors(site, dead, gather(model, [site.pair], [x])[0])
    before = logits(model, x)
    resize.narrow(site, dead)
    torch.testing.assert_close(logits(model, x), before)


def test_refusals() -> None:
    pair = find_pairs(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)))[0]
    with pytest.raises(ValueError, match="by 1 neuron or more, not 0"):
        resize.widen(EditContext(pair), 0)
    with pytest.raises(ValueError, match="all 3 neurons of '0' would be gone"):
        resize.narrow(EditContext(pair), torch.arange(3))
    pair.producer.weight.data = torch.zeros(2, 3, 2)[0]
    with pytest.raises(ValueError, match="one run of a pack"):
        resize.widen(EditContext(pair), 1)


def test_resize_reaches_any_size_and_leaves_the_first_neurons() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    (pair,) = find_pairs(model)
    before = pair.incoming().clone()
    for size in (2, 2, 6):
        resize.resize(EditContext(pair), size)
        assert pair.size == size
    assert torch.equal(pair.incoming()[:2], before[:2])
    assert not pair.incoming()[2:].any()
