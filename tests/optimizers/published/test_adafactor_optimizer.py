"""Adafactor against its algorithms, written anew, and against torch's on matrices."""

import loops
import numpy as np
import pytest
import rule_beds
import torch
from method_pairs import PLAN
from rule_beds import Array, Rule, decays, distance
from torch import nn

from espalier.methods.pruning.state import State
from espalier.optimizers.adafactor import Adafactor
from espalier.optimizers.published.adafactor_optimizer import AdafactorOptimizer

DECAY, CLIP, FLOOR = 0.1, 0.7, 0.05


def rms(x: Array) -> float:
    return float(np.sqrt((x**2).mean()))


def adafactor_rules(relative: bool) -> object:
    """Algorithm 4 for matrices, of a row an output, and algorithm 5 for vectors."""

    def of(name: str) -> Rule:
        def rule(w: Array, g: Array, memory: dict[str, Array], t: int, lr: float) -> Array:
            keep = 1 - t**-0.8
            w = w - lr * decays(name, DECAY) * w
            square = (g**2 + 1e-30).reshape(len(g), -1) if g.ndim > 1 else g**2 + 1e-30
            if g.ndim > 1:
                ones = np.ones(len(square)), np.ones(square.shape[1])
                r = memory["r"] = keep * memory.get("r", 0.0) + (1 - keep) * square @ ones[1]
                c = memory["c"] = keep * memory.get("c", 0.0) + (1 - keep) * ones[0] @ square
                v = np.outer(r, c) / r.sum()
            else:
                v = memory["v"] = keep * memory.get("v", 0.0) + (1 - keep) * square
            u = g / np.sqrt(v.reshape(g.shape))
            u = u / max(1, rms(u) / CLIP)
            rho = min(lr, t**-0.5)
            alpha = max(FLOOR, rms(w)) * rho if relative else rho
            return w - alpha * u

        return rule

    return of


@pytest.mark.parametrize("relative", [True, False])
def test_a_hundred_steps_are_those_of_the_paper(relative: bool) -> None:
    spec = Adafactor(0.8, CLIP, relative, FLOOR, DECAY)
    assert distance(spec, adafactor_rules(relative)) < 1e-9  # type: ignore[arg-type]


def test_matrices_and_vectors_are_updated_as_torch_does() -> None:
    ours, theirs = (nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)).double() for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    optimizers = (
        Adafactor(0.8, 1.0, True, 1e-3, 0.0).build(ours, 0.02),
        torch.optim.Adafactor(theirs.parameters(), lr=0.02),
    )
    for step in range(100):
        x = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(step))
        for model, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            torch.autograd.backward(model(x).square().sum())
            optimizer.step()
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    assert max(float((a - b).detach().abs().max()) for a, b in pairs) < 1e-9


def test_the_second_moment_is_the_product_of_its_factors() -> None:
    weight = nn.Parameter(torch.tensor([[1.0, -2.0], [3.0, 4.0]]))
    options = {"decay_power": 0.8, "floor": 1e-3, "limit": 1.0, "relative": True}
    optimizer = AdafactorOptimizer([weight], 0.01, **options)  # type: ignore[arg-type]
    weight.grad = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    optimizer.step()  # the first step keeps nothing of before
    rows, columns = torch.tensor([2.5, 12.5]), torch.tensor([5.0, 10.0])
    second = optimizer.read_state(weight).second
    assert second is not None
    assert torch.allclose(second, torch.outer(rows, columns) / 7.5)
    assert optimizer.state[weight]["row_var"].shape == (2, 1)


def test_state_pruning_scores_by_the_factors() -> None:
    run = loops.run_of(Adafactor(), State(PLAN, "bitter7"))
    loops.train(run, 3)
    out = torch.empty(loops.PRUNABLE)
    run.method.scores(run).fill(out)  # type: ignore[attr-defined]
    by_hand = []
    for w in run.method_state.masks.weights:
        held = run.optimizer.state[w]
        row, column = held["row_var"].flatten(), held["col_var"].flatten()
        v = torch.outer(row, column) / row.mean()
        by_hand.append(w.detach().flatten().abs() * (v.flatten() + 1e-8) ** 0.25)
    assert torch.allclose(out, torch.cat(by_hand), rtol=1e-4)


def test_rows_and_columns_without_gradients_stay_where_they_are_and_finite() -> None:
    run = loops.train(loops.run_of(Adafactor(), State(PLAN, "power", 0.25)), 30)
    assert run.method_state.masks.pruned == round(0.7 * loops.PRUNABLE)
    weight = nn.Parameter(torch.ones(3, 2))
    options = {"decay_power": 0.8, "floor": 1e-3, "limit": 1.0, "relative": False}
    optimizer = AdafactorOptimizer([weight], 0.01, **options)  # type: ignore[arg-type]
    for _ in range(3):
        weight.grad = torch.tensor([[1e4, 0.0], [0.0, 0.0], [1e4, 0.0]])
        optimizer.step()
    assert weight.detach()[:, 1].tolist() == [1.0] * 3 and weight.isfinite().all()


def test_it_goes_on_from_its_state_bit_for_bit() -> None:
    straight, first, second = (rule_beds.double_network() for _ in range(3))
    rule_beds.train_optimizer(straight, Adafactor().build(straight, 0.01), range(12))
    saved = rule_beds.train_optimizer(first, Adafactor().build(first, 0.01), range(7))
    second.load_state_dict(first.state_dict())
    optimizer = Adafactor().build(second, 0.01)
    optimizer.load_state_dict(saved.state_dict())
    rule_beds.train_optimizer(second, optimizer, range(7, 12))
    assert loops.same(loops.values(straight), loops.values(second))
