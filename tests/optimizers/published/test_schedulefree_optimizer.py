"""Schedule-free AdamW against the paper's three sequences, written anew."""

import loops
import numpy as np
import pytest
import rule_beds
import torch
from method_pairs import PLAN
from rule_beds import Array, Rule, decays
from torch import nn

from espalier.core.contracts import Switching
from espalier.methods.pruning.state import State
from espalier.optimizers.published.schedulefree_optimizer import ScheduleFreeOptimizer
from espalier.optimizers.schedulefree import ScheduleFree
from espalier.surgery.restarts.restart_kinds import RestartKind, kind_of

BETA1, BETA2, EPS, WARMUP, DECAY = 0.8, 0.95, 1e-6, 7, 0.1
SPEC = ScheduleFree(BETA1, BETA2, EPS, WARMUP, DECAY)


def schedulefree_rule(name: str) -> Rule:
    """Algorithm 1, with x, y and z kept apart; the parameter is y."""

    def rule(y: Array, g: Array, memory: dict[str, Array], t: int, lr: float) -> Array:
        x, z = memory.get("x", y), memory.get("z", y)
        v = memory["v"] = BETA2 * memory.get("v", 0 * y) + (1 - BETA2) * g**2
        rate = lr * min(1.0, t / WARMUP) * np.sqrt(1 - BETA2**t)
        total = memory["total"] = memory.get("total", np.zeros(())) + rate**2
        z = z - rate * (g / (np.sqrt(v) + EPS) + decays(name, DECAY) * y)
        x = (1 - rate**2 / total) * x + rate**2 / total * z
        memory["x"], memory["z"] = x, z
        return (1 - BETA1) * z + BETA1 * x

    return rule


def test_a_hundred_steps_are_those_of_the_paper_and_evaluation_has_the_average() -> None:
    ours, theirs = rule_beds.double_network(), rule_beds.double_network()
    optimizer = rule_beds.train_optimizer(ours, SPEC.build(ours, 0.01), range(100))
    memory = rule_beds.train_by_hand(theirs, schedulefree_rule, 100)
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    assert max(float((a - b).detach().abs().max()) for a, b in pairs) < 1e-9
    assert isinstance(optimizer, Switching)
    optimizer.eval()
    for name, p in ours.named_parameters():
        assert np.abs(p.detach().numpy() - memory[name]["x"]).max() < 1e-9


def test_switching_there_and_back_changes_nothing_but_rounding() -> None:
    model = rule_beds.double_network()
    optimizer = SPEC.build(model, 0.01)
    assert isinstance(optimizer, Switching)
    rule_beds.train_optimizer(model, optimizer, range(5))
    before = loops.values(model)
    optimizer.train()
    assert loops.same(before, loops.values(model))  # it is in training already
    optimizer.eval()
    average = loops.values(model)
    optimizer.eval()
    assert loops.same(average, loops.values(model)) and not loops.same(average, before)
    optimizer.train()
    for a, b in zip(before, loops.values(model), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-14)


def test_a_step_in_evaluation_is_an_error() -> None:
    weight = nn.Parameter(torch.ones(2))
    optimizer = ScheduleFreeOptimizer([weight], 0.1, betas=(0.9, 0.99), eps=1e-8, warmup=0)
    weight.grad = torch.ones(2)
    optimizer.eval()
    with pytest.raises(RuntimeError, match=r"call train\(\)"):
        optimizer.step()
    optimizer.train()
    optimizer.step()
    assert weight.tolist() != [1.0, 1.0]


def test_number_formats_in_a_group_are_one_step_of_it() -> None:
    weights = [nn.Parameter(torch.ones(2, dtype=d)) for d in (torch.float32, torch.float64)]
    optimizer = ScheduleFreeOptimizer(weights, 0.1, betas=(0.9, 0.99), eps=1e-8, warmup=0)
    for _ in range(3):
        for weight in weights:
            weight.grad = torch.ones_like(weight)
        optimizer.step()
    assert optimizer.param_groups[0]["steps"] == 3
    assert weights[0].tolist() == pytest.approx(weights[1].tolist(), rel=1e-6)


def test_the_mode_is_a_part_of_the_state() -> None:
    straight, first, second = (rule_beds.double_network() for _ in range(3))
    built = [SPEC.build(model, 0.01) for model in (straight, first, second)]
    for model, optimizer in ((straight, built[0]), (first, built[1])):
        rule_beds.train_optimizer(model, optimizer, range(6))
        optimizer.eval()  # type: ignore[attr-defined]
    second.load_state_dict(first.state_dict())
    built[2].load_state_dict(built[1].state_dict())
    for model, optimizer in ((straight, built[0]), (second, built[2])):
        optimizer.train()  # type: ignore[attr-defined]
        rule_beds.train_optimizer(model, optimizer, range(6, 12))
    assert loops.same(loops.values(straight), loops.values(second))


def test_newborns_have_a_fresh_one() -> None:
    assert kind_of(SPEC.build(loops.network(), 0.1)) is RestartKind.SHADOWED


def test_state_pruning_reads_the_second_moment_and_zeros_both_points() -> None:
    run = loops.run_of(ScheduleFree(), State(PLAN, "bitter7"))
    loops.train(run, 3)
    out = torch.empty(loops.PRUNABLE)
    run.method.scores(run).fill(out)  # type: ignore[attr-defined]
    rows = [(w.detach(), run.optimizer.state[w]["exp_avg_sq"]) for w in _weights(run)]
    by_hand = torch.cat([(w.abs() * (v + 1e-8) ** 0.25).flatten() for w, v in rows])
    assert torch.allclose(out, by_hand, rtol=1e-5)
    loops.train(run, 27)
    run.optimizer.eval()  # type: ignore[attr-defined]
    run.method.check(run)
    assert sum(int((w == 0).sum()) for w in _weights(run)) == round(0.7 * loops.PRUNABLE)


def _weights(run: object) -> list[torch.Tensor]:
    weights: list[torch.Tensor] = run.method_state.masks.weights  # type: ignore[attr-defined]
    return weights
