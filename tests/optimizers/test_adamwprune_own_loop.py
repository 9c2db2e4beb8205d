"""AdamWPrune in loops that do more than the plainest: copies, compilers, outside writes."""

from __future__ import annotations

import copy
import io
import math
import pickle
from collections.abc import Callable
from typing import Any

import loops
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from espalier.kconfig.config_dataclass import with_defaults
from espalier.optimizers.adamwprune import AdamWPrune
from espalier.optimizers.guards.guarded import GuardedAdam
from espalier.optimizers.guards.spam import Spam
from espalier.optimizers.lean import LeanAdam, LeanSGD
from espalier.sparse import outside_writes

SETTINGS: dict[str, Any] = {
    "target_sparsity": 0.7,
    "warmup_steps": 5,
    "ramp_end_step": 24,
    "frequency": 3,
}
Trained = tuple[nn.Module, torch.optim.Optimizer]


def train(trained: Trained, first: int, last: int) -> None:
    model, optimizer = trained
    for step in range(first, last):
        loops.backward(model, step)
        optimizer.step()
        if isinstance(optimizer, AdamWPrune) and optimizer.masks is not None:
            optimizer.masks.assert_masked(optimizer)


def pickled(trained: Trained) -> Trained:
    file = io.BytesIO()
    torch.save(trained, file)
    file.seek(0)
    first: Trained = torch.load(file, weights_only=False)
    copied: Trained = pickle.loads(pickle.dumps(first))  # noqa: S301  # our own bytes
    return copied


BUILDS: dict[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "AdamWPrune": lambda m: AdamWPrune(m, base="adamwspam", **SETTINGS),
    "GuardedAdam": lambda m: GuardedAdam(
        m.parameters(), 0.01, clip_norm=0.5, spam=with_defaults(Spam)
    ),
    "LeanAdam": lambda m: LeanAdam(m.parameters(), 0.01, amsgrad=True),
    "LeanSGD": lambda m: LeanSGD(m.parameters(), 0.01, momentum=0.9),
}


@pytest.mark.parametrize("again", [copy.deepcopy, pickled])
@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize("steps", [0, 12])
def test_copies_go_on_as_the_original(
    name: str, again: Callable[[Trained], Trained], steps: int
) -> None:
    model = loops.network()
    first = model, BUILDS[name](model)
    torch.optim.lr_scheduler.StepLR(first[1], 10)  # it patches `step`
    train(first, 0, steps)
    second = again(first)
    for trained in (first, second):
        train(trained, steps, 30)
    assert loops.same(loops.values(first[0]), loops.values(second[0]))
    if isinstance(second[1], AdamWPrune):
        assert second[1].sparsity == 75 / 107


@pytest.mark.parametrize("small", [outside_writes.SMALL, 0])
@pytest.mark.parametrize("write", ["load_state_dict", "data.copy_", "data", "one row"])
def test_outside_writes_are_undone(write: str, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noticed in a small network, and, as if it were large, by version, place and sample."""
    monkeypatch.setattr(outside_writes, "SMALL", small)
    model = loops.network()
    dense = {name: x.clone() for name, x in model.state_dict().items()}
    optimizer = AdamWPrune(model, **SETTINGS)
    train((model, optimizer), 0, 28)
    if write == "load_state_dict":
        model.load_state_dict(dense)
    for name, parameter in model.named_parameters():
        if write == "data.copy_":
            parameter.data.copy_(dense[name])
        elif write == "data":
            parameter.data = dense[name].clone()
        elif write == "one row" and parameter.ndim > 1:
            with torch.no_grad():
                parameter[0] = 1.0
    train((model, optimizer), 28, 30)
    assert optimizer.sparsity == 75 / 107
    assert sum(int((p == 0).sum()) for p in model.parameters() if p.ndim > 1) == 75


def test_masks_hold_without_a_target() -> None:
    model = loops.network()
    pruned = AdamWPrune(model, **SETTINGS)
    train((model, pruned), 0, 28)
    dense = loops.network(seed=3)
    for target in ({}, {**SETTINGS, "ramp_end_step": 26}):
        optimizer = AdamWPrune(dense, **target)
        optimizer.load_state_dict(pruned.state_dict())
        train((dense, optimizer), 0, 3)
        assert optimizer.sparsity == 75 / 107
        assert pruned.masks is not None and optimizer.masks is not None
        assert torch.equal(optimizer.masks.mask, pruned.masks.mask)  # type: ignore[arg-type]
    other = nn.Sequential(*list(loops.network())[:5])
    with pytest.raises(ValueError, match="different number of parameter|masks are of 107 weights"):
        AdamWPrune(other, **SETTINGS).load_state_dict(pruned.state_dict())


@pytest.mark.parametrize("base", ["adamw", "adamwspam"])
def test_pruning_begins_with_the_checkpoint_of_a_torch_adamw(base: Any) -> None:
    model = loops.network()
    plain = torch.optim.AdamW(model.parameters(), lr=0.02, weight_decay=0.1)
    train((model, plain), 0, 7)
    twin = copy.deepcopy(model)
    optimizer = AdamWPrune(twin, base=base, **SETTINGS)
    optimizer.load_state_dict(plain.state_dict())
    assert [g["weight_decay"] for g in optimizer.param_groups] == [0.1, 0.0]
    for old, new in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(plain.state[old]["exp_avg"], optimizer.state[new]["exp_avg"])
    train((twin, optimizer), 7, 37)
    assert optimizer.updates == 30 and optimizer.sparsity == 75 / 107


def test_named_parameters_are_grouped_and_named() -> None:
    model, other = loops.network(), loops.network()
    named = AdamWPrune(model.named_parameters(), weight_decay=0.5, **SETTINGS)
    train((model, named), 0, 28)
    train((other, AdamWPrune(other, weight_decay=0.5, **SETTINGS)), 0, 28)
    assert loops.same(loops.values(model), loops.values(other))
    assert named.masks is not None and named.masks.names == ["0.weight", "4.weight", "6.weight"]
    assert named.param_groups[1]["param_names"][:2] == ["0.bias", "1.weight"]


def test_layers_are_chosen_by_name() -> None:
    optimizer = AdamWPrune(loops.network(), layers=["4", "6"], **SETTINGS)
    assert optimizer.masks is not None and optimizer.masks.names == ["4.weight", "6.weight"]


def test_the_norm_of_gradients_is_that_of_live_weights() -> None:
    model = loops.network()
    optimizer = AdamWPrune(model, **SETTINGS)
    train((model, optimizer), 0, 28)
    loops.backward(model, 28)
    norm = nn.utils.clip_grad_norm_(model.parameters(), math.inf)
    assert optimizer.masks is not None
    twin = copy.deepcopy(model)  # nothing masks its gradients
    loops.backward(twin, 28)
    pairs = zip(model.parameters(), twin.parameters(), strict=True)
    live = [q.grad * (p != 0) if p.ndim > 1 else q.grad for p, q in pairs if q.grad is not None]
    assert norm == pytest.approx(float(torch.cat([x.flatten() for x in live]).norm()), rel=1e-5)
    whole = torch.cat([q.grad.flatten() for q in twin.parameters() if q.grad is not None]).norm()
    assert norm < 0.99 * whole


def test_a_compiled_step_prunes() -> None:
    model, other = loops.network(), loops.network()
    train((model, AdamWPrune(model, **SETTINGS)), 0, 30)
    optimizer = AdamWPrune(other, **SETTINGS)
    step_compiled = torch.compile(lambda: optimizer.step(), backend="eager")
    for step in range(30):
        loops.backward(other, step)
        step_compiled()
    assert optimizer.updates == 30
    assert loops.same(loops.values(model), loops.values(other))


COMPLEX = nn.ParameterList([nn.Parameter(torch.zeros(2, 2, dtype=torch.complex64))])


@pytest.mark.parametrize(
    ("params", "settings", "error", "message"),
    [
        (nn.LayerNorm(3), SETTINGS, ValueError, "no linear or convolution"),
        ([nn.Parameter(torch.zeros(3))], SETTINGS, ValueError, "there is nothing to prune"),
        (COMPLEX, {}, ValueError, "parameter 0: is complex"),
        (loops.network(), {"clip_norm": -1.0}, ValueError, "clip_norm=-1: must be at least 0"),
        (loops.network(), {"clip_norm": math.nan}, ValueError, "clip_norm=nan"),
        (loops.network(), {"target_sparsity": math.nan}, ValueError, "target_sparsity=nan"),
        (loops.network(), {**SETTINGS, "frequency": 2.5}, TypeError, "must be a whole number"),
        (
            loops.network(),
            {**SETTINGS, "curve": "steep"},
            ValueError,
            "curve='steep': must",
        ),
        (loops.network(), {**SETTINGS, "layers": "9"}, ValueError, "9"),
    ],
)
def test_what_makes_no_sense_is_refused(
    params: Any, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        AdamWPrune(params, **settings)


def test_sparse_gradients_are_refused_by_name() -> None:
    embedding = nn.Embedding(5, 4, sparse=True)
    optimizer = AdamWPrune(embedding.named_parameters(), base="adamwadv")
    F.cross_entropy(embedding(torch.tensor([1, 2])), torch.tensor([0, 1])).backward()
    with pytest.raises(RuntimeError, match=r"^weight: has a gradient in a sparse format"):
        optimizer.step()


def test_a_state_of_no_adam_is_refused_before_anything_changes() -> None:
    model = loops.network()
    other = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loops.backward(model, 0)
    other.step()
    optimizer = AdamWPrune(model)
    with pytest.raises(ValueError, match="^state_dict: is of no Adam: its parameter 0 has no step"):
        optimizer.load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match="^state_dict: is not one of an optimizer"):
        optimizer.load_state_dict({"weights": 1})
    assert not optimizer.state


FROZEN = nn.Linear(2, 2).requires_grad_(False)


@pytest.mark.parametrize(
    ("params", "settings", "error", "rule"),
    [
        (None, {}, TypeError, "params: must be a model or parameters, not NoneType"),
        ("abc", {}, TypeError, "params: must be a model or parameters, not str"),
        (nn.Sequential(), {}, ValueError, "params: nothing in it is trained"),
        (FROZEN, {}, ValueError, "params: nothing in it is trained"),
        (list(FROZEN.named_parameters()), {}, ValueError, "params: nothing in it is trained"),
        (nn.Linear(2, 2), {"lr": "a"}, TypeError, "lr='a': must be a number"),
        (nn.Linear(2, 2), {"betas": 0.9}, TypeError, "betas=0.9: must be two numbers"),
        (nn.Linear(2, 2), {"spam": 3}, TypeError, "spam=3: must be a Spam"),
    ],
)
def test_arguments_of_another_kind_are_refused_by_name(
    params: Any, settings: dict[str, Any], error: type[Exception], rule: str
) -> None:
    with pytest.raises(error, match=f"^{rule}"):
        AdamWPrune(params, **settings)


def test_convolutions_that_parameters_do_not_show_are_named() -> None:
    model = nn.Sequential(nn.Conv1d(4, 8, 3), nn.Linear(8, 4))
    with pytest.warns(UserWarning, match=r"25 % .* left out: 0.weight \(3 dimensions\)"):
        optimizer = AdamWPrune(model.named_parameters(), target_sparsity=0.5, ramp_end_step=200)
    assert optimizer.masks is not None
    assert optimizer.masks.names == ["1.weight"]
