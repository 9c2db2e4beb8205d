"""AdamWPrune in a user's own loop, and that it is the same as in the harness."""

import inspect
from typing import Any, get_args

import loops
import pytest
import torch
from torch import nn

from espalier.methods.pruning.pruning_schedule import PruningPlan
from espalier.methods.pruning.state import State
from espalier.optimizers.adam import Adam
from espalier.optimizers.adamw import AdamW
from espalier.optimizers.adamwadv import AdamWAdv
from espalier.optimizers.adamwprune import AdamWPrune, AdamWPruneSpec, BaseName
from espalier.optimizers.adamwspam import AdamWSpam
from espalier.sparse.importance import Importance

SETTINGS: dict[str, Any] = {
    "target_sparsity": 0.7,
    "warmup_steps": 5,
    "ramp_end_step": 24,
    "frequency": 3,
}
PLAN = PruningPlan(target=0.7, warmup=5, ramp_end_epoch=4, frequency=3)  # the same, in epochs


def steps(model: nn.Module, optimizer: torch.optim.Optimizer, first: int, last: int) -> None:
    for step in range(first, last):
        loops.backward(model, step)
        optimizer.step()
        if isinstance(optimizer, AdamWPrune) and optimizer.pruner is not None:
            optimizer.pruner.masks.assert_masked(optimizer)


@pytest.mark.parametrize(
    ("base", "reference"),
    [
        ("adam", Adam(weight_decay=0.01)),
        ("adamw", AdamW()),
        ("adamwadv", AdamWAdv(use_amsgrad=False)),
        ("adamwspam", AdamWSpam(amsgrad=False)),
    ],
)
def test_without_a_target_it_is_its_base(base: BaseName, reference: Any) -> None:
    model, other = loops.network(), loops.network()
    steps(model, AdamWPrune(model, 0.01, amsgrad=False, base=base), 0, 25)
    steps(other, reference.build(other, 0.01), 0, 25)
    assert loops.same(loops.values(model), loops.values(other))


@pytest.mark.parametrize("base", get_args(BaseName))
@pytest.mark.parametrize("importance", get_args(Importance))
def test_alone_it_is_the_harness_with_state_pruning(base: BaseName, importance: Importance) -> None:
    allocation: Any = "depth" if importance == "bitter4" else "global"
    plan = PruningPlan(0.7, 5, 4, 3, allocation=allocation)
    run = loops.train(loops.run_of(AdamWPruneSpec(base=base), State(plan, importance)), 30)
    model = loops.network()
    alone = AdamWPrune(
        model, 0.01, base=base, importance=importance, allocation=allocation, **SETTINGS
    )
    steps(model, alone, 0, 30)
    assert alone.pruner is not None and alone.pruner.masks.mask is not None
    assert torch.equal(alone.pruner.masks.mask, run.method_state.masks.mask)
    assert loops.same(loops.values(model), loops.values(run.model))


def test_parameters_will_do_in_place_of_a_model() -> None:
    model, other = loops.network(), loops.network()
    steps(model, AdamWPrune(model, **SETTINGS), 0, 30)
    optimizer = AdamWPrune(other.parameters(), **SETTINGS)
    steps(other, optimizer, 0, 30)
    assert loops.same(loops.values(model), loops.values(other))
    assert optimizer.sparsity == 75 / 107
    assert sum(int((p == 0).sum()) for p in other.parameters() if p.ndim > 1) == 75


def test_groups_of_ones_own_are_kept() -> None:
    model = loops.network()
    groups = [
        {"params": list(model[0].parameters()), "lr": 0.5},
        {"params": list(model[4].parameters()), "weight_decay": 0.3},
    ]
    optimizer = AdamWPrune(groups, lr=0.1, **SETTINGS)
    assert [(g["lr"], g["weight_decay"]) for g in optimizer.param_groups] == [
        (0.5, 0.01),
        (0.1, 0.3),
    ]
    assert optimizer.pruner is not None and optimizer.pruner.masks.size == 27 + 60


@pytest.mark.parametrize("steps_before", [3, 12])
def test_going_on_from_a_saved_state_is_exact(steps_before: int) -> None:
    straight, first, second = loops.network(), loops.network(), loops.network()
    steps(straight, AdamWPrune(straight, **SETTINGS), 0, 30)
    saved = AdamWPrune(first, **SETTINGS)
    steps(first, saved, 0, steps_before)
    second.load_state_dict(first.state_dict())
    resumed = AdamWPrune(second, **SETTINGS)
    resumed.load_state_dict(saved.state_dict())
    steps(second, resumed, steps_before, 30)
    assert loops.same(loops.values(straight), loops.values(second))


def test_a_saved_state_does_not_follow_the_run(tmp_path: Any) -> None:
    model = loops.network()
    optimizer = AdamWPrune(model, **SETTINGS)
    steps(model, optimizer, 0, 12)
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    kept = torch.load(tmp_path / "state.pt")["pruning"]["mask"].clone()
    held = optimizer.state_dict()["pruning"]["mask"]
    steps(model, optimizer, 12, 30)
    assert torch.equal(held, kept)


def test_a_closure_has_its_gradients_masked() -> None:
    model = loops.network()
    optimizer = AdamWPrune(model, **SETTINGS)
    for step in range(30):
        loss = optimizer.step(lambda step=step: loops.backward(model, step))
        assert loss.item() > 0
        assert optimizer.pruner is not None
        optimizer.pruner.masks.assert_masked(optimizer)
    assert optimizer.sparsity == 75 / 107


def test_a_learning_rate_scheduler_drives_it() -> None:
    model = loops.network()
    optimizer = AdamWPrune(model, lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    steps(model, optimizer, 0, 1)
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == 0.05


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"base": "adamax"}, "base='adamax': must be one of adam, adamw, adamwadv, adamwspam"),
        ({**SETTINGS, "importance": "bitter4"}, "pass allocation='depth'"),
        ({**SETTINGS, "importance": "bitter99"}, "importance='bitter99': must be one of bitter0"),
        ({**SETTINGS, "allocation": "all"}, "allocation='all': must be one of"),
        ({"target_sparsity": 0.7}, "^warmup_steps=100: must be below ramp_end_step=0"),
        ({**SETTINGS, "target_sparsity": 1.0}, "target_sparsity=1: must be above 0 and below 1"),
        ({**SETTINGS, "target_sparsity": -0.1}, "target_sparsity=-0.1: must be above 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdamWPrune(loops.network(), **settings)


def test_a_users_defaults_are_the_harnesses() -> None:
    signature = inspect.signature(AdamWPrune.__init__).parameters
    spec = AdamWPruneSpec()
    assert signature["betas"].default == (spec.beta1, spec.beta2)
    assert signature["eps"].default == spec.epsilon
    for name in ("weight_decay", "amsgrad", "base", "clip_norm"):
        assert signature[name].default == getattr(spec, name)
    assert signature["importance"].default == State().importance
    assert signature["allocation"].default == PLAN.allocation
    assert signature["curve"].default == PLAN.curve
    assert signature["warmup_steps"].default == PruningPlan().warmup
    assert signature["frequency"].default == PruningPlan().frequency
