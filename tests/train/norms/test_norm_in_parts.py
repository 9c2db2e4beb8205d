"""Batches in parts: gradients and running statistics are those of the whole batch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.core.errors import UserError
from espalier.models.residual import BasicBlock
from espalier.train.norms.norm_calls import batch_norms
from espalier.train.norms.norm_in_parts import NormsInParts

CLOSE = 1e-12  # float64; the limit is 1e-6


def residual() -> nn.Module:
    """Five normalisations, two of them side by side."""
    stem = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3))
    return nn.Sequential(stem, BasicBlock(3, 4, 2), nn.Flatten(), nn.Linear(36, 3))


def plain() -> nn.Module:
    """Every option of a normalisation: 1d, no affine part, a mean of all batches, no statistics."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 5),
        nn.BatchNorm1d(5, affine=False, momentum=None),
        nn.Tanh(),
        nn.Linear(5, 4),
        nn.BatchNorm1d(4, track_running_stats=False, eps=0.1),
        nn.ReLU(),
        nn.Linear(4, 3),
    )


class Reusing(nn.Module):
    """Calls one normalisation twice, and has one that its output does not depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 4), nn.Linear(4, 3)
        self.norm, self.aside = nn.BatchNorm1d(4), nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.norm(self.first(x.flatten(1)))
        self.aside(hidden)
        y: Tensor = self.last(self.norm(hidden.tanh()))
        return y


BUILDS: list[Callable[[], nn.Module]] = [residual, plain, Reusing]


def batch(samples: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = 3 + torch.randn(samples, 1, 8, 8, generator=generator, dtype=torch.float64)
    return x, torch.randint(3, (samples,), generator=generator)


def build(make: Callable[[], nn.Module]) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    model = make().double()
    return model, copy.deepcopy(model)


def backward_in_parts(model: nn.Module, x: Tensor, y: Tensor, size: int) -> float:
    xs, ys = torch.split(x, size), torch.split(y, size)
    norms, total = NormsInParts(batch_norms(model), model), 0.0

    def share(i: int, logits: Tensor) -> Tensor:
        return F.cross_entropy(logits, ys[i]) * len(ys[i]) / len(y)

    norms.prepare(xs, share)
    for i, part in enumerate(xs):
        with norms.whole_batch() as terms:
            loss = share(i, model(part))
        torch.autograd.backward(sum(terms, loss))
        total += float(loss.detach())
    return total


def assert_close(ours: Any, theirs: Any) -> None:
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=CLOSE)


@pytest.mark.parametrize("size", [1, 4, 6, 11])
@pytest.mark.parametrize("make", BUILDS)
def test_three_batches_in_parts_are_the_batches(make: Callable[[], nn.Module], size: int) -> None:
    model, whole = build(make)
    for samples in (11, 9, 11):
        x, y = batch(samples)
        loss = F.cross_entropy(whole(x), y)
        loss.backward()
        assert backward_in_parts(model, x, y, size) == pytest.approx(
            float(loss.detach()), abs=CLOSE
        )
        used = [p for p in whole.parameters() if p.grad is not None]
        assert used
        assert_close(
            [p.grad for p in model.parameters() if p.grad is not None], [p.grad for p in used]
        )
        assert_close(model.buffers(), whole.buffers())


def test_a_hundred_steps_in_parts_are_those_of_whole_batches() -> None:
    model, whole = build(plain)
    nets = [(net, torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)) for net in (model, whole)]
    for step in range(100):
        x, y = batch(8 + step % 4)
        for net, optimizer in nets:
            optimizer.zero_grad()
            if net is model:
                backward_in_parts(net, x, y, 5)
            else:
                F.cross_entropy(net(x), y).backward()
            optimizer.step()
    for a, b in zip(model.state_dict().values(), whole.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-9)


def test_a_layer_that_is_not_trained_keeps_its_statistics() -> None:
    model, whole = build(residual)
    for net in (model, whole):
        net[1].eval()  # type: ignore[index]
    x, y = batch(8)
    F.cross_entropy(whole(x), y).backward()
    backward_in_parts(model, x, y, 3)
    assert_close([p.grad for p in model.parameters()], [p.grad for p in whole.parameters()])
    assert_close(model.buffers(), whole.buffers())


def test_two_samples_by_hand() -> None:
    """Numbers 1 and 3: mean 2, variance 1, unbiased 2; running ones move by a tenth."""
    model = nn.BatchNorm1d(1, eps=0).double()
    x = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    norms = NormsInParts([model], model)
    norms.measure(torch.split(x, 1))
    outputs = []
    for part in torch.split(x, 1):
        with norms.whole_batch():
            outputs.append(model(part).item())
    assert outputs == [-1.0, 1.0]
    assert model.running_mean is not None and model.running_var is not None
    assert (model.running_mean.item(), model.running_var.item()) == pytest.approx((0.2, 1.1))
    assert model.num_batches_tracked == 1


def test_low_precision_keeps_its_format() -> None:
    model = nn.BatchNorm1d(2)
    x = torch.randn(6, 2).bfloat16()
    norms = NormsInParts([model], model)
    norms.measure(torch.split(x, 3))
    with norms.whole_batch():
        assert model(x[:3]).dtype == torch.bfloat16


def test_no_more_than_a_part_is_computed_with_at_once() -> None:
    model, _ = build(residual)
    seen: list[int] = []
    model.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    backward_in_parts(model, *batch(6), 2)
    calls = 4  # of normalisation in a pass
    assert set(seen) == {2}
    assert len(seen) == 3 * (calls + 1) + 3 * calls + 3


class Choosing(nn.Module):
    """Normalises only what is bright."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x) if x.mean() > 0 else x
        return y


def test_parts_that_go_other_ways_are_one_line() -> None:
    model, x = Choosing(), torch.ones(2, 1, 2, 2)
    x[1] = -1
    with pytest.raises(UserError, match=r"differ in how often .*; set CONFIG_MICRO_BATCH=0"):
        NormsInParts([model.norm], model).measure(torch.split(x, 1))


def test_without_normalisation_nothing_is_computed() -> None:
    norms = NormsInParts([], lambda x: pytest.fail("a pass"))
    norms.prepare([torch.ones(2)], lambda i, logits: logits.sum())
    with norms.whole_batch() as terms:
        assert terms == []
