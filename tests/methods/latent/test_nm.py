"""N:M sparsity by SR-STE beside the rule of its paper, written out in loops."""

import itertools

import loops
import numpy as np
import pytest
import torch
from plain_layers import linear, network, slopes, update

from espalier.core.contracts import CannotTrain
from espalier.methods.latent.group_schedule import GroupSchedule
from espalier.methods.latent.nm import NMSparsity, largest_of_groups
from espalier.optimizers.adam import Adam
from espalier.optimizers.schedulefree import ScheduleFree
from espalier.optimizers.sgd import SGD

STEPS, LR, MOMENTUM, DECAY, WEIGHT_DECAY = 100, 0.1, 0.9, 0.05, 0.01
SIZES = (16, 8, 6, 4)  # 4 does not divide the inputs of the last layer


def run_of(method):
    optimizer = SGD(momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    return loops.run_of(optimizer, method, lr=LR, model=network(SIZES))


def masks_by_hand(weights, n, m):
    """The n largest of every m neighbours in each row; all, where m does not divide the row."""
    masks = []
    for weight in weights:
        mask = np.ones(weight.shape)
        for i in range(weight.shape[0]):
            for start in range(0, weight.shape[1] if weight.shape[1] % m == 0 else 0, m):
                group = sorted(range(start, start + m), key=lambda j: abs(weight[i, j]))
                mask[i, group[: m - n]] = 0
        masks.append(mask)
    return masks


@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 8), (3, 4)])
def test_a_hundred_updates_are_the_published_ones(n, m):
    run = run_of(NMSparsity(GroupSchedule(n, m), DECAY))
    layers = linear(network(SIZES))
    theirs = [
        x.detach().numpy().copy() for x in (*(a.weight for a in layers), *(a.bias for a in layers))
    ]
    buffers = [np.zeros_like(x) for x in theirs]
    for now in range(STEPS):
        masks = masks_by_hand(theirs[:3], n, m)
        sparse = [w * mask for w, mask in zip(theirs[:3], masks, strict=True)]
        grads = slopes(sparse, theirs[3:], now)
        for i, gradient in enumerate(grads):
            if i < 3:  # equation 9
                gradient = gradient + DECAY * (1 - masks[i]) * theirs[i]
                gradient = gradient + WEIGHT_DECAY * theirs[i]  # the optimizer's, on dense weights
            buffers[i] = MOMENTUM * buffers[i] + gradient
            theirs[i] = theirs[i] - LR * buffers[i]
        update(run)
    mine = linear(run.model)
    for layer, dense, w, mask in zip(
        mine, run.method_state.dense, theirs[:3], masks_by_hand(theirs[:3], n, m), strict=True
    ):
        assert np.allclose(dense.numpy(), w, atol=1e-6)
        assert np.allclose(layer.weight.detach().numpy(), w * mask, atol=1e-6)
        assert np.array_equal(layer.weight.detach().numpy() == 0, mask == 0)
    for layer, bias in zip(mine, theirs[3:], strict=True):
        assert np.allclose(layer.bias.detach().numpy(), bias, atol=1e-6)


def test_groups_are_channels_at_each_place_of_a_kernel():
    torch.manual_seed(0)
    rows = torch.rand(3, 8, 2, 2)
    kept = largest_of_groups(rows, 2, 4)
    for unit, start, i, j in itertools.product(range(3), (0, 4), range(2), range(2)):
        group = rows[unit, start : start + 4, i, j].tolist()
        best = sorted(range(4), key=lambda k: group[k])[2:]
        live = kept[unit, start : start + 4, i, j].tolist()
        assert live == [k in best for k in range(4)]


def test_counts_are_exact_and_layers_that_do_not_divide_stay_dense():
    run = loops.train(loops.run_of(Adam(), NMSparsity(GroupSchedule(1, 4), 0.0002)), 20)
    measures = run.method.measures(run)
    masked = 5 * 12 * 3 // 4  # of 27, 60 and 20 weights: 1 and 5 inputs are no multiple of 4
    assert measures["sparsity"] == masked / loops.PRUNABLE
    assert measures["target_sparsity"] == 0.75
    assert sum(int((p == 0).sum()) for p in run.model.parameters()) == masked
    assert measures["live_parameters"] == sum(p.numel() for p in run.model.parameters()) - masked


def test_masks_move_while_all_weights_train():
    run = loops.run_of(Adam(), NMSparsity(GroupSchedule(2, 4), 0.0))
    before = [live.clone() for live in run.method_state.live]
    loops.train(run, 30)
    assert any(not torch.equal(a, b) for a, b in zip(before, run.method_state.live, strict=True))


def test_groups_without_a_masked_input_are_refused():
    with pytest.raises(CannotTrain, match="CONFIG_NM_N=4 of CONFIG_NM_M=4"):
        loops.run_of(Adam(), NMSparsity(GroupSchedule(4, 4), 0.0))


def test_groups_that_divide_no_layer_are_refused():
    with pytest.raises(CannotTrain, match="CONFIG_NM_M=7 divides the inputs of no layer"):
        loops.run_of(Adam(), NMSparsity(GroupSchedule(2, 7), 0.0))


def test_an_optimizer_that_evaluates_averages_is_refused():
    with pytest.raises(CannotTrain, match="set another CONFIG_OPTIMIZER"):
        loops.run_of(ScheduleFree(), NMSparsity(GroupSchedule(2, 4), 0.0))
