"""Masks: what is zeroed, what is left alone, and the assertion that says so."""

import pytest
import torch

from espalier.sparse.mask import MaskSet


def bools(text: str) -> torch.Tensor:
    return torch.tensor([c == "x" for c in text if c != " "])


def two_weights() -> tuple[MaskSet, torch.optim.Optimizer]:
    weights = {"a": torch.ones(2, 2, requires_grad=True), "b": torch.ones(3, 1, requires_grad=True)}
    optimizer = torch.optim.Adam(list(weights.values()), lr=0.1, amsgrad=True)
    sum((w * 2).sum() for w in weights.values()).backward()
    optimizer.step()
    return MaskSet(weights), optimizer


def test_setting_zeroes_weights_and_all_their_state_in_place() -> None:
    masks, optimizer = two_weights()
    a, b = masks.weights
    masks.set(bools("x..x .x."), optimizer)
    for tensor in (a, *(optimizer.state[a][k] for k in ("exp_avg", "exp_avg_sq"))):
        assert (tensor == 0).tolist() == [[True, False], [False, True]]
    assert (optimizer.state[b]["max_exp_avg_sq"] == 0).flatten().tolist() == [False, True, False]
    assert (masks.pruned, masks.sparsity) == (3, 3 / 7)
    masks.assert_masked(optimizer)


def test_gradients_are_masked_from_the_first_pruning_on() -> None:
    masks, optimizer = two_weights()
    a, b = masks.weights
    masks.mask_gradients()
    assert a.grad is not None and a.grad.count_nonzero() == 4
    masks.set(bools("x..x .x."), optimizer)
    b.grad = None  # a layer without a gradient is no obstacle
    masks.mask_gradients()
    assert (a.grad == 0).tolist() == [[True, False], [False, True]]


def test_a_weight_may_come_back_and_keeps_its_gradient_then() -> None:
    masks, optimizer = two_weights()
    a, _ = masks.weights
    masks.set(bools("xx.. ..."), optimizer)
    spare = masks.spare()
    spare.copy_(bools(".xx. ..."))
    masks.set(spare, optimizer)
    assert a.grad is not None
    a.grad.fill_(1.0)
    masks.mask_gradients()
    assert a.grad.flatten().tolist() == [1, 0, 0, 1]
    assert (a == 0).flatten().tolist() == [True, True, True, False]  # the first comes back from 0
    assert masks.pruned == 2


def test_layouts_that_are_not_contiguous_are_masked_too() -> None:
    weight = torch.ones(2, 2, 2, 2).to(memory_format=torch.channels_last).requires_grad_()
    masks = MaskSet({"w": weight})
    masks.set(bools("x" + "." * 14 + "x"), torch.optim.SGD([weight], lr=0.1))
    assert weight[0, 0, 0, 0] == 0 and weight[1, 1, 1, 1] == 0
    assert weight.count_nonzero() == 14


def test_a_broken_promise_is_named() -> None:
    masks, optimizer = two_weights()
    masks.set(bools("x... ..."), optimizer)
    optimizer.state[masks.weights[0]]["exp_avg"][0, 0] = 1e-30
    with pytest.raises(AssertionError, match="1 pruned elements of exp_avg of a are not 0"):
        masks.assert_masked(optimizer)


def test_pruned_weights_are_zeroed_by_the_masks_of_the_moment() -> None:
    masks, optimizer = two_weights()
    a, _ = masks.weights
    for mask, live in (("x..x ...", 2), ("xx.x ...", 1), (".... x..", 4)):
        masks.set(bools(mask), optimizer)
        a.data.fill_(torch.inf)
        masks.zero_weights()
        assert a.isinf().sum() == live
    masks.mark(0, (torch.tensor([1]), torch.tensor([0])), True)
    masks.zero_weights()
    assert a.isinf().tolist() == [[True, True], [False, True]]
    masks.clear()
    a.data.fill_(1.0)
    masks.zero_weights()
    assert (a == 1).all()
