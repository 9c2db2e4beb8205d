"""Lion against its algorithm, written anew."""

import loops
import numpy as np
import pytest
import torch
from method_pairs import PLAN
from rule_beds import Array, Rule, decays, distance

from espalier.methods.pruning.state import State
from espalier.optimizers.lion import Lion
from espalier.optimizers.published.lion_optimizer import LionOptimizer
from espalier.surgery.restarts.restart_kinds import RestartKind, kind_of

BETA1, BETA2, DECAY = 0.8, 0.95, 0.1


def lion_rule(name: str) -> Rule:
    """Algorithm 2 of the paper."""

    def rule(w: Array, g: Array, memory: dict[str, Array], step: int, rate: float) -> Array:
        m = memory.get("m", np.zeros_like(w))
        c = BETA1 * m + (1 - BETA1) * g
        memory["m"] = BETA2 * m + (1 - BETA2) * g
        return w - rate * (np.sign(c) + decays(name, DECAY) * w)

    return rule


def test_a_hundred_steps_are_those_of_the_paper() -> None:
    assert distance(Lion(BETA1, BETA2, DECAY), lion_rule) < 1e-9


def test_one_step_by_hand() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
    optimizer = LionOptimizer([weight], 0.1, betas=(0.9, 0.99), weight_decay=0.5)
    weight.grad = torch.tensor([2.0, -0.001, 0.0])
    optimizer.step()
    assert weight.tolist() == pytest.approx([0.95 - 0.1, 1.9 + 0.1, 2.85])  # decay, then the sign
    mean = optimizer.state[weight]["exp_avg"]
    assert mean.tolist() == pytest.approx([0.02, -0.00001, 0.0])


def test_newborns_begin_with_all_that_a_fresh_one_has() -> None:
    weight = torch.nn.Parameter(torch.ones(2, 2))
    assert kind_of(LionOptimizer([weight], 0.1, betas=(0.9, 0.99))) is RestartKind.RESET


def test_its_momentum_prunes_and_what_is_pruned_stays_0() -> None:
    run = loops.train(loops.run_of(Lion(), State(PLAN, "power", 0.5)), 30)
    assert run.method_state.masks.pruned == round(0.7 * loops.PRUNABLE)
