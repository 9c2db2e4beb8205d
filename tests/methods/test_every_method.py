"""The contract of every method component: what packs rely on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import loops
import pytest
import torch
from covering import rest_nightly
from method_pairs import allowed, pruning_fields
from torch import nn

from espalier.core import component
from espalier.core.contracts import Method, Optimizer, Run
from espalier.methods.apoptosis.apoptosis_settings import ApoptosisSettings, Pace
from espalier.methods.apoptosis.branches.layer_apoptosis import LifespanOptions
from espalier.methods.dendrites.resample_schedule import ResampleSchedule
from espalier.methods.growth.action_tournament import TournamentOptions
from espalier.methods.growth.growing_method import GrowingMethod
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule
from espalier.methods.pruning.pruning_method import PruningMethod
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.widening.widening_schedule import WideningSchedule
from espalier.train.engine.early_stopping import KeptEpoch
from espalier.train.packs import pack_compatibility

PAIRS = allowed()


def each(optimizer: str, method: str) -> list[str]:
    """Every optimizer and every method is to take part, with some other."""
    return [f"optimizer {optimizer}", f"method {method}"]


STEPS = 30

YOUNG, OFTEN = ApoptosisSettings(maturity=8), Pace(rate=0.3, interval=6)

# Fields with which a method acts within so few steps, and networks that it can act on.
QUICK: dict[str, dict[str, Any]] = {
    "apoptosis_standard": {"settings": YOUNG, "pace": OFTEN},
    "apoptosis_functional": {"settings": YOUNG, "pace": OFTEN, "preservation_steps": 3},
    "apoptosis_fade": {"settings": YOUNG, "pace": OFTEN, "steps": 3},
    "apoptosis_turnover": {"settings": YOUNG, "rate": 0.2, "interval": 4},
    "apoptosis_crossover": {"settings": YOUNG, "pace": OFTEN},
    "apoptosis_distillation": {"settings": YOUNG, "pace": OFTEN},
    "apoptosis_growth": {"settings": YOUNG, "rate": 0.3, "interval": 6},
    "apoptosis_orthogonal": {"settings": YOUNG, "pace": OFTEN},
    "apoptosis_hybrid": {"settings": YOUNG, "turnover_rate": 0.3, "interval": 6},
    "apoptosis_cbp": {"settings": ApoptosisSettings(maturity=8, decay=0.9), "rate": 0.1},
    "apoptosis_redo": {
        "settings": ApoptosisSettings(maturity=0, fitness="activity"),
        **{"threshold": 0.9, "period": 6},
    },
    "apoptosis_layers": {"lifespan": LifespanOptions(max_lifespan=8, maturation=4, interval=5)},
    "resampling": {"cadence": ResampleSchedule(steps=7)},
    "droplinear": {"steps": 7},
    **{
        name: {"schedule": DropSchedule(every=7)}
        for name in ("set", "rigl", "snfs", "dsr", "granet", "srigl", "cht", "chts")
    },
    "random_rewiring": {"schedule": DropSchedule(every=7)},
    "grow": {"to": 0.7},
    "shrink_perturb": {"when": "task", "factor": 0.6, "noise": 0.01},
    "snr": {"first": 2, "period": 7},
    "firefly": {"steps": 0, "schedule": WideningSchedule(events=1)},
    "gradmax_neurons": {"batches": 1},
    "tournament": {"options": TournamentOptions(steps=2), "schedule": GrowthSchedule(events=2)},
}
# Methods that grow masked blocks need no entry.
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "apoptosis_layers": loops.residual_network,
    "resampling": loops.sparse_network,
    "multiscale": loops.blocks_network,
    "net2deeper": loops.deep_network,
}


def run_of(optimizer: str, method: str) -> Run:
    cls: Any = component.find("method", method, Method)
    plan = pruning_fields(method) if issubclass(cls, PruningMethod) else QUICK.get(method, {})
    return run_with(optimizer, method, cls(**plan))


def run_with(optimizer: str, name: str, method: Method) -> Run:
    grows = isinstance(method, GrowingMethod)
    model = NETWORKS.get(name, loops.blocks_network if grows else loops.network)()
    built: Optimizer = component.find("optimizer", optimizer, Optimizer)()
    return loops.run_of(built, method, model=model)


def measures(run: Run) -> dict[str, Any]:
    """Without those of the clock."""
    measures = run.method.measures(run)
    return {name: value for name, value in measures.items() if not name.endswith("_seconds")}


def trained(run: Run, between: Callable[[Run], None]) -> Run:
    """All updates, with `between` wherever the engine may act between two hooks."""
    for _ in range(STEPS):
        advance(run, between)
    return run


def advance(run: Run, between: Callable[[Run], None]) -> None:
    """One update, as `loops.train` does it; a task is as long as an epoch."""
    loops.backward(run.model, run.step)
    between(run)
    run.method.after_backward(run)
    run.optimizer.step()
    run.step += 1
    between(run)
    run.method.after_step(run)
    run.method.check(run)
    between(run)
    if run.step % run.steps_per_epoch == 0:
        run.epoch += 1
        run.method.after_epoch(run)
        run.method.before_task(run)


def rebind(run: Run) -> None:
    """Equal tensors in place of those behind parameters, gradients and optimizer state."""
    for parameter in run.model.parameters():
        parameter.data = parameter.detach().clone()
        if parameter.grad is not None:
            parameter.grad = parameter.grad.clone()
        state = run.optimizer.state[parameter]
        for name, value in state.items():
            state[name] = value.clone() if torch.is_tensor(value) else value


def nothing(run: Run) -> None:
    """The engine does not act."""


@pytest.mark.parametrize(("optimizer", "method"), rest_nightly(PAIRS, each))
def test_tensors_may_be_replaced_between_hooks(optimizer: str, method: str) -> None:
    moved = trained(run_of(optimizer, method), rebind)
    still = trained(run_of(optimizer, method), nothing)
    assert loops.same(loops.values(moved.model), loops.values(still.model))
    assert measures(moved) == measures(still)


@pytest.mark.parametrize(("optimizer", "method"), rest_nightly(PAIRS, each))
def test_the_global_generator_is_left_alone(optimizer: str, method: str) -> None:
    run = run_of(optimizer, method)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    run.attach()
    trained(run, nothing)
    run.method.measures(run)
    run.method.load_state_dict(run, run.method.state_dict(run))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("method", component.names("method"))
def test_two_runs_of_one_method_share_nothing(method: str) -> None:
    """One method object may serve many runs: what changes is on the run."""
    optimizer = next(o for o, m in PAIRS if m == method)
    alone = trained(run_of(optimizer, method), nothing)
    first = run_of(optimizer, method)
    second = run_with(optimizer, method, first.method)
    for _ in range(STEPS):
        advance(first, nothing)
        advance(second, nothing)
    for run in (first, second):
        assert loops.same(loops.values(run.model), loops.values(alone.model))


@pytest.mark.parametrize(("optimizer", "method"), rest_nightly(PAIRS, each))
def test_a_run_can_be_given_back_what_it_had_earlier(optimizer: str, method: str) -> None:
    run = trained(run_of(optimizer, method), nothing)
    kept, weights, then = KeptEpoch.of(run), loops.values(run.model), measures(run)
    trained(run, nothing)
    kept.restore(run)
    assert loops.same(loops.values(run.model), weights)
    assert measures(run) == then


def test_every_method_takes_part() -> None:
    assert {method for _, method in PAIRS} == set(component.names("method"))


@pytest.mark.parametrize(("optimizer", "method"), rest_nightly(PAIRS, each))
def test_a_packable_method_changes_tensors_in_place_and_no_attributes(
    optimizer: str, method: str
) -> None:
    run = run_of(optimizer, method)
    if not run.method.packable:
        pytest.skip("it says that it cannot be packed")
    before = mask_indices(run), pack_compatibility.own_attributes(run.model)
    trained(run, nothing)
    assert (mask_indices(run), pack_compatibility.own_attributes(run.model)) == before


def mask_indices(run: Run) -> list[int]:
    return [t.data_ptr() for t in (*run.model.parameters(), *run.model.buffers())]
