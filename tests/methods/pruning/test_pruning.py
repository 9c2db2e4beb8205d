"""The promises of every pruning method, with every optimizer that Kconfig allows it."""

import math
from typing import Any, get_args

import loops
import pytest
import torch
from method_pairs import PLAN, allowed, pruning_fields

from espalier.core import component
from espalier.core.contracts import CannotTrain, Method, Optimizer, Run
from espalier.methods.none import NoPruning
from espalier.methods.pruning.magnitude import Magnitude
from espalier.methods.pruning.movement import Movement
from espalier.methods.pruning.pruning_method import PruningMethod
from espalier.methods.pruning.pruning_schedule import PruningPlan
from espalier.methods.pruning.state import State
from espalier.optimizers.adamw import AdamW
from espalier.optimizers.adamwprune import AdamWPruneSpec, BaseName
from espalier.optimizers.sgd import SGD
from espalier.sparse.importance import Importance


def pruning() -> list[tuple[str, str]]:
    """Those of them that prune."""
    kinds = {name: component.find("method", name, Method) for _, name in allowed()}
    return [pair for pair in allowed() if issubclass(kinds[pair[1]], PruningMethod)]


def built(kind: str, name: str, base: type[Any], **fields: Any) -> Any:
    return component.find(kind, name, base)(**fields)


def trained(optimizer: Optimizer, method: Method, steps: int = 30) -> Run:
    return loops.train(loops.run_of(optimizer, method), steps)


def assert_exactly(run: Run, pruned: int) -> None:
    weights = run.method_state.masks.weights
    assert run.method_state.masks.pruned == pruned
    assert sum(int((w == 0).sum()) for w in weights) == pruned


def test_the_allowed_pairs_are_these() -> None:
    pairs = allowed()
    assert ("adamwprune", "state") in pairs and ("sgd", "movement") in pairs
    assert ("sgd", "state") not in pairs and ("adamwprune", "magnitude") not in pairs
    both = {name for name, method in pairs if method == "state" and (name, "movement") in pairs}
    assert both == {"adafactor", "lion", "muon", "schedulefree", "soap"}
    assert {method for _, method in pruning()} >= {"magnitude", "movement", "snip", "state"}
    assert ("sgd", "snip") in pruning() and ("adamwprune", "snip") not in pairs


@pytest.mark.parametrize(("optimizer", "method"), pruning())
def test_masked_weights_and_state_are_0_after_every_step(optimizer: str, method: str) -> None:
    run = trained(
        built("optimizer", optimizer, Optimizer),
        built("method", method, Method, **pruning_fields(method)),
    )
    assert_exactly(run, round(0.7 * loops.PRUNABLE))


@pytest.mark.parametrize("base", get_args(BaseName))
def test_state_pruning_holds_with_every_base(base: BaseName) -> None:
    run = trained(AdamWPruneSpec(base=base), State(PLAN))
    assert_exactly(run, round(0.7 * loops.PRUNABLE))


@pytest.mark.parametrize("importance", get_args(Importance))
def test_every_formula_meets_the_target_exactly(importance: Importance) -> None:
    run = trained(AdamWPruneSpec(), State(PLAN, importance))
    assert_exactly(run, round(0.7 * loops.PRUNABLE))


@pytest.mark.parametrize("allocation", ["global", "per_layer", "erk", "depth"])
@pytest.mark.parametrize("make", [Magnitude, Movement, State])
def test_every_allocation_is_met_in_each_layer(make: Any, allocation: Any) -> None:
    plan = PruningPlan(0.5, 5, 4, 3, allocation=allocation)
    optimizer = AdamWPruneSpec() if make is State else AdamW()
    run = trained(optimizer, make(plan))
    per_layer = [int((w == 0).sum()) for w in run.method_state.masks.weights]  # of 27, 60 and 20
    expected = {
        "per_layer": [13, 30, 10],  # 13.5, 30, 10 stay, 54 of 107
        "depth": [9, 30, 13],  # 0.35 * 27 = 9.45, 0.5 * 60, 0.65 * 20
        "erk": [12, 34, 7],  # 54 kept as 10, 17 and 9 to 36: 15, 25.5 and 13.5 stay
    }
    if allocation == "global":
        assert sum(per_layer) == 53
    else:
        assert per_layer == expected[allocation]


@pytest.mark.parametrize("method", [Magnitude(PLAN), State(PLAN), State(PLAN, "bitter8")])
def test_a_pruned_weight_stays_pruned(method: Method) -> None:
    run = loops.run_of(AdamWPruneSpec(), method)
    before = torch.zeros(loops.PRUNABLE, dtype=torch.bool)
    for _ in range(30):
        loops.train(run, 1)
        mask = run.method_state.masks.mask
        if mask is not None:
            assert not (before & ~mask).any()
            before = mask.clone()
    assert before.any()


def test_pruning_happens_on_schedule_and_is_measured() -> None:
    run = loops.run_of(SGD(), Magnitude(PLAN))
    total = sum(p.numel() for p in run.model.parameters())
    sparsities = []
    for _ in range(26):
        loops.train(run, 1)
        sparsities.append(run.method.measures(run)["sparsity"])
    assert sparsities[:7] == [0.0] * 7
    assert sparsities[7] == round(0.7 * (1 - (16 / 19) ** 3) * 107) / 107  # step 8, t = 3/19
    assert sparsities[23] == sparsities[25] == 75 / 107
    measures = run.method.measures(run)
    assert measures["target_sparsity"] == 0.7
    assert measures["live_parameters"] == total - 75


def test_magnitude_removes_the_smallest_weights() -> None:
    run = loops.run_of(SGD(), Magnitude(PLAN))
    loops.train(run, 7)
    loops.backward(run.model, 7)
    run.optimizer.step()
    run.step = 8
    flat = torch.cat([w.detach().flatten() for w in run.method_state.masks.weights])
    run.method.after_step(run)
    k = run.method_state.masks.pruned
    expected = flat.abs().sort().indices[:k]
    assert set(run.method_state.masks.mask.nonzero().flatten().tolist()) == set(expected.tolist())


def test_movement_sums_minus_weight_times_gradient() -> None:
    run = loops.run_of(SGD(), Movement(PLAN))
    expected = 0.0
    for _ in range(3):
        loops.backward(run.model, run.step)
        weight = run.model[6].weight
        expected = expected - weight.detach() * weight.grad
        run.method.after_backward(run)
        run.optimizer.step()
        run.step += 1
    assert torch.allclose(run.method_state.memory[2], expected, atol=1e-7)


def test_displacement_is_weight_times_the_way_it_came() -> None:
    run = loops.run_of(SGD(), Movement(PLAN, "displacement"))
    start = run.model[6].weight.detach().clone()
    loops.train(run, 4)
    now = run.model[6].weight.detach()
    scores = torch.empty(loops.PRUNABLE)
    run.method.scores(run).fill(scores)
    assert torch.equal(scores[-20:].view(4, 5), now * (now - start))


def test_an_overflowed_step_does_not_stay_in_the_movement_scores() -> None:
    run = loops.run_of(SGD(), Movement(PLAN))
    loops.backward(run.model, 0)
    run.model[6].weight.grad[0, 0] = math.inf
    run.method.after_backward(run)
    assert all(s.isfinite().all() for s in run.method_state.memory)


@pytest.mark.parametrize(
    ("optimizer", "method"),
    [
        (SGD(), Magnitude(PLAN)),
        (AdamW(), Movement(PLAN)),
        (AdamW(), Movement(PLAN, "displacement")),
        (AdamWPruneSpec(base="adamwspam"), State(PLAN)),
    ],
)
@pytest.mark.parametrize("steps", [3, 12])  # before and after the first pruning
def test_going_on_from_a_saved_state_is_exact(
    optimizer: Optimizer, method: Method, steps: int
) -> None:
    straight = loops.train(loops.run_of(optimizer, method), 30)
    first = loops.train(loops.run_of(optimizer, method), steps)
    second = loops.resume(loops.run_of(optimizer, method), first)
    loops.train(second, 30 - steps)
    assert loops.same(loops.values(straight.model), loops.values(second.model))


@pytest.mark.parametrize(
    ("changes", "reason", "message"),
    [
        (
            {"warmup": 7800, "ramp_end_epoch": 5000},
            "pruning_never_starts",
            "pruning starts at step 7800 .* but the run has 48 steps: lower CONFIG_PRUNING_WARMUP",
        ),
        ({"warmup": 47, "ramp_end_epoch": 9, "frequency": 2}, "pruning_never_starts", "at 49"),
        ({"warmup": 24, "ramp_end_epoch": 4}, "ramp_ends_before_it_starts", "ends at step 24 "),
        (
            {"warmup": 5, "ramp_end_epoch": 9, "frequency": 3},
            "ramp_never_ends",
            "with epoch 9 but the run has 8, so that its target 0.7 is not reached: lower ",
        ),
    ],
)
def test_a_schedule_that_cannot_prune_is_refused(
    changes: dict[str, int], reason: str, message: str
) -> None:
    with pytest.raises(CannotTrain, match=message) as caught:
        loops.run_of(SGD(), Magnitude(PruningPlan(**changes)))  # type: ignore[arg-type]
    assert caught.value.reason == reason


def test_a_model_without_prunable_layers_is_refused() -> None:
    model = torch.nn.Sequential(torch.nn.LayerNorm(4))
    data = loops.split()
    run = Run(model, SGD().build(model, 0.1), Magnitude(), data, data, 50, 8, {})
    with pytest.raises(CannotTrain, match="no linear or convolution layer"):
        run.attach()


def test_scores_that_are_not_numbers_prune_all_the_same() -> None:
    run = loops.run_of(AdamWPruneSpec(), State(PLAN))
    with torch.no_grad():
        run.model[6].weight.fill_(math.nan)
    for _ in range(8):
        loops.backward(run.model, run.step)
        run.method.after_backward(run)
        run.optimizer.step()
        run.step += 1
        run.method.after_step(run)
    assert run.method_state.masks.pruned > 0  # the loop sees the loss, which is NaN


def test_no_pruning_measures_a_dense_network() -> None:
    run = trained(SGD(), NoPruning(), steps=2)
    total = sum(p.numel() for p in run.model.parameters())
    assert run.method.measures(run) == {"sparsity": 0.0, "live_parameters": total}
