"""SOAP against the paper's algorithm, written anew."""

import copy
from typing import Any

import loops
import numpy as np
import pytest
import rule_beds
import torch
from method_pairs import PLAN
from rule_beds import Array, Rule, decays, distance
from torch import nn

from espalier.methods.pruning.state import State
from espalier.optimizers.published.eigenbases import rotate_back
from espalier.optimizers.published.soap_optimizer import SoapOptimizer
from espalier.optimizers.soap import Soap
from espalier.surgery import optimizer_state
from espalier.surgery.restarts.per_slice_restart import restart_of

BETAS, EPS, DECAY = (0.8, 0.9), 1e-6, 0.1


def adam(w: Array, g: Array, memory: dict[str, Any], t: int, rate: float) -> Array:
    m = memory["m"] = BETAS[0] * memory.get("m", 0 * w) + (1 - BETAS[0]) * g
    v = memory["v"] = BETAS[1] * memory.get("v", 0 * w) + (1 - BETAS[1]) * g**2
    return w - rate * (m / (1 - BETAS[0] ** t)) / (np.sqrt(v / (1 - BETAS[1] ** t)) + EPS)


def by_power_iteration(p: Array, q: Array, v: Array) -> tuple[Array, Array]:
    """Algorithm 4, the columns sorted by p's values along them, and the rows of v likewise."""
    s = p @ q
    order = np.argsort(-np.einsum("ij,ij->j", q, s), kind="stable")
    return np.linalg.qr(s[:, order])[0], v[order]


def soap_rules(frequency: int, largest: int, bases: dict[str, Any]) -> Any:
    """Algorithm 3, from given first bases: where a product has no full rank there are many."""

    def of(name: str) -> Rule:
        def rule(w: Array, g: Array, memory: dict[str, Any], t: int, rate: float) -> Array:
            if w.ndim == 1:
                return adam(w, g, memory, t, rate)
            shape, g = w.shape, g.reshape(len(g), -1)
            n = g.shape
            if not memory:
                memory["L"], memory["R"] = 0.1 * g @ g.T, 0.1 * g.T @ g
                memory["QL"], memory["QR"] = (
                    bases[name].get(f"{side}_basis", np.eye(size))
                    for side, size in zip(("left", "right"), n, strict=True)
                )
                memory["M"], memory["V"], memory["t"] = 0 * g, 0 * g, 0
                return w
            ql, qr = memory["QL"], memory["QR"]
            memory["t"] += 1
            t = memory["t"]
            turned = ql.T @ g @ qr
            memory["M"] = BETAS[0] * memory["M"] + (1 - BETAS[0]) * g
            memory["V"] = BETAS[1] * memory["V"] + (1 - BETAS[1]) * turned**2
            step = ql.T @ memory["M"] @ qr / (np.sqrt(memory["V"]) + EPS)
            step = ql @ step @ qr.T * np.sqrt(1 - BETAS[1] ** t) / (1 - BETAS[0] ** t)
            w = w - rate * decays(name, DECAY) * w - rate * step.reshape(shape)
            memory["L"] = BETAS[1] * memory["L"] + (1 - BETAS[1]) * g @ g.T
            memory["R"] = BETAS[1] * memory["R"] + (1 - BETAS[1]) * g.T @ g
            if t % frequency == 0:
                if n[0] <= largest:
                    memory["QL"], memory["V"] = by_power_iteration(memory["L"], ql, memory["V"])
                if n[1] <= largest:
                    memory["QR"], v = by_power_iteration(memory["R"], qr, memory["V"].T)
                    memory["V"] = v.T
            return w

        return rule

    return of


@pytest.mark.parametrize(("frequency", "largest"), [(7, 100), (4, 10), (3, 0)])
def test_a_hundred_steps_are_those_of_the_paper(frequency: int, largest: int) -> None:
    spec = Soap(*BETAS, EPS, frequency, largest, DECAY)
    first = rule_beds.double_network()
    begun = rule_beds.train_optimizer(first, spec.build(first, 0.01), range(1))
    bases = {n: first_bases(begun.state[p]) for n, p in first.named_parameters() if p.ndim > 1}
    assert sum(map(len, bases.values())) == {100: 6, 10: 5, 0: 0}[largest]
    assert distance(spec, soap_rules(frequency, largest, bases)) < 1e-6


def first_bases(state: dict[str, Any]) -> dict[str, Array]:
    """The first bases of a matrix, which are eigenvectors, of the largest value first."""
    bases = {name: x.numpy().copy() for name, x in state.items() if name.endswith("_basis")}
    for name, q in bases.items():
        p = state[name.removesuffix("_basis")].numpy()
        values = np.diag(q.T @ p @ q)
        assert np.abs(q.T @ q - np.eye(len(q))).max() < 1e-10
        assert np.abs(q.T @ p @ q - np.diag(values)).max() < 1e-10 * max(1, values.max())
        assert (np.diff(values) < 1e-10).all()
    return bases


def trained_matrix() -> tuple[nn.Parameter, SoapOptimizer, list[torch.Tensor]]:
    """A matrix whose gradients lie along two fixed directions, after 300 updates."""
    generator = torch.Generator().manual_seed(0)
    weight = nn.Parameter(torch.randn(3, 2, generator=generator, dtype=torch.float64))
    group = {"params": [weight], "rotated": True}
    optimizer = SoapOptimizer([group], 1e-4, frequency=5, largest=10, betas=(0.9, 0.99), eps=1e-8)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64)).Q
    scale = torch.tensor([[3.0, 1.0], [0.5, 0.1], [0.2, 0.1]], dtype=torch.float64)
    gradients = []
    for _ in range(300):
        rotated = scale * torch.randn(3, 2, generator=generator, dtype=torch.float64)
        weight.grad = turn @ rotated
        gradients.append(weight.grad.clone())
        optimizer.step()
    return weight, optimizer, gradients


def test_the_second_moment_brought_back_is_that_of_the_weights() -> None:
    weight, optimizer, gradients = trained_matrix()
    state = optimizer.state[weight]
    second = optimizer.read_state(weight).second
    assert second is not None
    ql, qr, v = state["left_basis"], state["right_basis"], state["rotated_sq"]
    by_hand = [
        [
            sum(float(ql[i, k] ** 2 * v[k, m] * qr[j, m] ** 2) for k in range(3) for m in range(2))
            for j in range(2)
        ]
        for i in range(3)
    ]
    assert torch.allclose(second, torch.tensor(by_hand, dtype=torch.float64), rtol=1e-12)
    plain = torch.zeros_like(weight)  # what Adam would keep of the same gradients
    for gradient in gradients[1:]:
        plain = 0.99 * plain + 0.01 * gradient**2
    assert float((second / plain.detach()).log().abs().max()) < 0.25
    assert torch.allclose(rotate_back(state, torch.eye(3, 2).double(), 1), ql[:, :2] @ qr.T)


def test_state_pruning_zeros_weights_and_means_and_leaves_the_rotation_alone() -> None:
    run = loops.run_of(Soap(frequency=3), State(PLAN, "bitter7"))
    loops.train(run, 5)
    out = torch.empty(loops.PRUNABLE)
    run.method.scores(run).fill(out)  # type: ignore[attr-defined]
    by_hand = []
    for w in run.method_state.masks.weights:
        state = run.optimizer.state[w]
        ql, qr = state["left_basis"], state["right_basis"]
        v = ql**2 @ state["rotated_sq"] @ (qr**2).T
        by_hand.append(w.detach().flatten().abs() * (v.flatten().abs() + 1e-8) ** 0.25)
    assert torch.allclose(out, torch.cat(by_hand), rtol=1e-4)
    loops.train(run, 25)
    assert run.method_state.masks.pruned == round(0.7 * loops.PRUNABLE)
    dead = run.method_state.masks.split(run.method_state.masks.mask)
    for weight, where in zip(run.method_state.masks.weights, dead, strict=True):
        state = run.optimizer.state[weight]
        assert not state["exp_avg"][where].any() and not weight[where].any()
        assert state["rotated_sq"].all()  # an element of it is of no weight alone


def test_it_goes_on_from_its_state_bit_for_bit() -> None:
    spec = Soap(frequency=3)
    straight, first, second = (rule_beds.double_network() for _ in range(3))
    rule_beds.train_optimizer(straight, spec.build(straight, 0.01), range(12))
    saved = rule_beds.train_optimizer(first, spec.build(first, 0.01), range(7))
    second.load_state_dict(first.state_dict())
    optimizer = spec.build(second, 0.01)
    optimizer.load_state_dict(copy.deepcopy(saved.state_dict()))
    rule_beds.train_optimizer(second, optimizer, range(7, 12))
    assert loops.same(loops.values(straight), loops.values(second))


def test_a_matrix_that_grows_keeps_its_mean_gradient_and_begins_new_bases() -> None:
    weight, optimizer, _ = trained_matrix()
    mean = optimizer.state[weight]["exp_avg"].clone()
    with pytest.warns(UserWarning, match="rotates whole matrices"):
        restarts = restart_of(optimizer)
    optimizer_state.rebuild(optimizer, weight, 0, torch.tensor([0, 1, 2, -1]))
    state = optimizer.state[weight]
    assert torch.equal(state["exp_avg"][:3], mean) and not state["exp_avg"][3].any()
    assert state.keys() == {"exp_avg", "steps"}
    before = weight.detach().clone()
    for moves in (False, True):  # the first gradient begins the bases
        weight.grad = torch.ones(4, 2, dtype=torch.float64)
        optimizer.step()
        restarts.after_step()
        assert bool((weight.detach() != before).any()) is moves
    assert state["left"].shape == (4, 4) and weight.isfinite().all()


def test_a_first_gradient_that_is_not_finite_is_no_error_of_the_decomposition() -> None:
    weight = nn.Parameter(torch.ones(2, 2))
    group = {"params": [weight], "rotated": True}
    optimizer = SoapOptimizer([group], 0.1, frequency=1, largest=10, betas=(0.9, 0.9), eps=1e-8)
    for _ in range(3):
        weight.grad = torch.full((2, 2), float("nan"))
        optimizer.step()
    assert not weight.isfinite().any()


def test_filters_whose_channels_lie_last_are_trained_alike() -> None:
    formats = (torch.contiguous_format, torch.channels_last)
    weights = [
        nn.Parameter(torch.arange(48.0).view(4, 3, 2, 2).to(memory_format=f)) for f in formats
    ]
    means = []
    for weight in weights:
        group = {"params": [weight], "weight_decay": DECAY, "rotated": True}
        optimizer = SoapOptimizer([group], 0.1, frequency=2, largest=9, betas=BETAS, eps=EPS)
        generator = torch.Generator().manual_seed(0)
        for _ in range(4):
            weight.grad = torch.randn(weight.shape, generator=generator)
            optimizer.step()
        means.append(optimizer.state[weight]["exp_avg"])
    assert means[1].any()
    assert torch.equal(means[0], means[1])
    torch.testing.assert_close(weights[0], weights[1])
