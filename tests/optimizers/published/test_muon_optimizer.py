"""Muon against the published rule, written anew."""

import loops
import numpy as np
import pytest
import torch
from method_pairs import PLAN
from rule_beds import Array, Rule, decays, distance
from torch import nn

from espalier.core.contracts import CannotTrain
from espalier.methods.pruning.state import State
from espalier.optimizers.muon import Muon
from espalier.optimizers.published.hidden_matrices import hidden_matrices
from espalier.optimizers.published.muon_optimizer import MuonOptimizer

DECAY, SHARE, BETAS, EPS = 0.1, 0.5, (0.8, 0.9), 1e-6


def zeroth_power(g: Array) -> Array:
    """The post's five iterations, on the wide one of a matrix and its transpose."""
    if g.shape[0] > g.shape[1]:
        return zeroth_power(g.T).T
    x = g / (np.sqrt((g**2).sum()) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return x


def adamw_rule(w: Array, g: Array, memory: dict[str, Array], step: int, decay: Array) -> Array:
    """The direction of AdamW."""
    m = memory["m"] = BETAS[0] * memory.get("m", 0 * w) + (1 - BETAS[0]) * g
    v = memory["v"] = BETAS[1] * memory.get("v", 0 * w) + (1 - BETAS[1]) * g**2
    m, v = m / (1 - BETAS[0] ** step), v / (1 - BETAS[1] ** step)
    return decay + m / (np.sqrt(v) + EPS)


def muon_rules(scale: str, nesterov: bool) -> object:
    def of(name: str) -> Rule:
        def rule(w: Array, g: Array, memory: dict[str, Array], step: int, rate: float) -> Array:
            decay = decays(name, DECAY) * w
            if name != "4.weight":  # the one matrix between the first and the last
                return w - rate * SHARE * adamw_rule(w, g, memory, step, decay)
            m = memory["m"] = 0.95 * memory.get("m", 0 * w) + 0.05 * g
            o = zeroth_power(0.05 * g + 0.95 * m if nesterov else m)
            rows, columns = w.shape
            factor = {
                "moonlight": 0.2 * max(rows, columns) ** 0.5,
                "keller": max(1, rows / columns) ** 0.5,
            }[scale]
            return w - rate * (decay + factor * o)

        return rule

    return of


@pytest.mark.parametrize(("scale", "nesterov"), [("moonlight", True), ("keller", False)])
def test_a_hundred_steps_are_those_of_the_post(scale: str, nesterov: bool) -> None:
    spec = Muon(0.95, nesterov, scale, False, DECAY, SHARE, *BETAS, EPS)  # type: ignore[arg-type]
    assert distance(spec, muon_rules(scale, nesterov)) < 1e-9  # type: ignore[arg-type]


def test_it_is_torchs_but_for_the_number_format() -> None:
    """torch's orthogonalizes in bfloat16, of 8 bits; both have moved by 0.1 and more."""
    start = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ours, theirs = (nn.Parameter(start.clone()) for _ in range(2))
    options = {"momentum": 0.95, "nesterov": True, "scale": "moonlight", "share": 1.0}
    group = {"params": [ours], "hidden": True}
    optimizers: list[torch.optim.Optimizer] = [
        MuonOptimizer([group], 0.01, **options),  # type: ignore[arg-type]
        torch.optim.Muon([theirs], 0.01, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
    ]
    for step in range(100):
        generator = torch.Generator().manual_seed(step)
        gradient = torch.randn(4, 4, generator=generator, dtype=torch.float64)
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = gradient.clone()
            optimizer.step()
    assert float((ours - theirs).detach().abs().max()) < 0.005
    assert float((ours.detach() - start).abs().max()) > 0.1


def test_hidden_are_the_matrices_between_the_ends_and_no_embedding() -> None:
    body = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    assert [id(p) for p in hidden_matrices(body)] == [id(body[1].weight)]
    assert len(hidden_matrices(body, ends=True)) == 3
    text = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 5))
    assert [id(p) for p in hidden_matrices(text)] == [id(text[1].weight), id(text[2].weight)]
    text[3].weight = text[0].weight  # a tied head is the embedding
    assert [id(p) for p in hidden_matrices(text)] == [id(text[1].weight), id(text[2].weight)]
    image = nn.Sequential(nn.Conv2d(1, 3, 2), nn.Embedding(4, 3), nn.Linear(3, 3), nn.Linear(3, 2))
    assert [id(p) for p in hidden_matrices(image)] == [id(image[2].weight)]
    body[1].weight.requires_grad_(False)
    assert hidden_matrices(body) == []


def test_a_model_without_hidden_matrices_is_refused() -> None:
    shallow = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    with pytest.raises(CannotTrain, match="set CONFIG_MUON_ENDS=y"):
        Muon().build(shallow, 0.1)
    assert Muon(ends=True).build(shallow, 0.1).param_groups[0]["hidden"]


@pytest.mark.parametrize("ends", [False, True])
def test_state_pruning_reads_the_momentum_of_every_layer(ends: bool) -> None:
    run = loops.run_of(Muon(ends=ends), State(PLAN, "power", 0.5))
    loops.train(run, 3)
    out = torch.empty(loops.PRUNABLE)
    run.method.scores(run).fill(out)  # type: ignore[attr-defined]
    states = [run.optimizer.state[w] for w in run.method_state.masks.weights]
    momenta = [s["momentum_buffer"] if "momentum_buffer" in s else s["exp_avg"] for s in states]
    assert sum("momentum_buffer" in s for s in states) == (3 if ends else 1)
    rows = zip(run.method_state.masks.weights, momenta, strict=True)
    by_hand = torch.cat([(w.detach().abs() * (m**2 + 1e-8) ** 0.5).flatten() for w, m in rows])
    assert torch.allclose(out, by_hand, rtol=1e-5)


def test_masked_weights_are_0_though_a_matrix_moves_as_a_whole() -> None:
    run = loops.train(loops.run_of(Muon(ends=True), State(PLAN, "power", 0.25)), 30)
    assert run.method_state.masks.pruned == round(0.7 * loops.PRUNABLE)
