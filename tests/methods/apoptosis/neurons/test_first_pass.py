"""The pairs of managers: named, from an example, or shown by the first forward pass."""

from __future__ import annotations

import copy
import pickle

import module_hooks
import pytest
import torch
from apoptosis_cases import quick, strategies
from torch import Tensor, nn
from torch.nn import functional as F

from espalier import FunctionalPreservationApoptosis, GrowthOnlyManager


class MLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(4, 12), nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.c_proj(F.gelu(self.c_fc(x)))


class Reused(nn.Module):
    """Reads a hidden value of a chain."""

    def __init__(self) -> None:
        super().__init__()
        self.chain = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4))
        self.other = MLP()

    def forward(self, x: Tensor) -> Tensor:
        return self.other(self.chain(x)) + self.chain[0](x).mean()


NAMES = [("*.c_fc", "*.c_proj")]


def trained(manager, model: nn.Module, optimizer, steps: int, seed: int = 0) -> None:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(9, 4, generator=generator)).square().mean().backward()
        optimizer.step()
        manager.step()


def made(kind=GrowthOnlyManager, **options):
    torch.manual_seed(0)
    model = nn.Sequential(MLP(), MLP())
    optimizer = torch.optim.AdamW(model.parameters())
    return kind(model, optimizer=optimizer, **quick(kind), **options), model, optimizer


def test_layers_of_a_compiled_model_have_the_names_of_the_users_own() -> None:
    model = nn.Sequential(MLP(), MLP())
    compiled = torch.compile(model, backend="eager")
    optimizer = torch.optim.AdamW(model.parameters())
    manager = FunctionalPreservationApoptosis(
        compiled,  # type: ignore[arg-type]
        optimizer=optimizer,
        pairs=NAMES,
        **quick(FunctionalPreservationApoptosis),
    )
    trained(manager, compiled, optimizer, 12)  # type: ignore[arg-type]
    assert {event.layer for event in manager.apoptosis_events} == {"0.c_fc", "1.c_fc"}


@pytest.mark.parametrize("kind", strategies())
def test_every_strategy_works_by_name(kind) -> None:
    manager, model, optimizer = made(kind, pairs=NAMES)
    trained(manager, model, optimizer, 13)
    assert {event.layer for event in manager.apoptosis_events} == {"0.c_fc", "1.c_fc"}
    manager.assert_consistent()
    manager.remove()
    assert module_hooks.count(model) == 0


def test_a_pass_of_its_own_shows_the_same_as_an_example() -> None:
    parts = [made(pairs=NAMES), made(), made(example=torch.randn(2, 4))]
    for manager, model, optimizer in parts:
        trained(manager, model, optimizer, 13)
        assert [p.name for p in manager.populations] == ["0.c_fc", "1.c_fc"]
    weights = [torch.cat([p.flatten() for p in model.parameters()]) for _, model, _ in parts]
    assert torch.equal(weights[0], weights[1]) and torch.equal(weights[0], weights[2])


def test_growth_is_resumed_before_a_pass_is_seen() -> None:
    manager, model, optimizer = made(pairs=NAMES)
    trained(manager, model, optimizer, 8)
    saved = copy.deepcopy((manager.state_dict(), model.state_dict(), optimizer.state_dict()))
    trained(manager, model, optimizer, 8, seed=1)
    resumed, other, its_optimizer = made(pairs=NAMES)
    for part, state in zip((resumed, other, its_optimizer), saved, strict=True):
        part.load_state_dict(state)
    trained(resumed, other, its_optimizer, 8, seed=1)
    assert other[0].c_fc.out_features > 12
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_what_is_named_and_none_is_refused_at_every_pass() -> None:
    model = Reused()
    manager = FunctionalPreservationApoptosis(model, pairs=[("chain.0", "chain.2")])
    for _ in range(2):
        with pytest.raises(ValueError, match="chain.0 -> chain.2: it is called 2 times in a pass"):
            model(torch.randn(3, 4))
    manager.remove()
    model(torch.randn(3, 4))


def test_what_a_pass_refutes_is_left_out_with_a_warning() -> None:
    model = Reused()
    manager = FunctionalPreservationApoptosis(model)
    assert [p.name for p in manager.populations] == ["chain.0", "other.c_fc"]
    with pytest.warns(UserWarning, match="take no part in apoptosis: chain.0: it is called 2"):
        model(torch.randn(3, 4))
    assert [p.name for p in manager.populations] == ["other.c_fc"]


def test_a_model_that_is_never_called_needs_an_example() -> None:
    manager, model, optimizer = made(pairs=NAMES)
    with pytest.raises(ValueError, match="no forward pass of the model .* give example="):
        for _ in range(8):
            optimizer.zero_grad()
            model[1](model[0](torch.randn(9, 4))).square().mean().backward()
            optimizer.step()
            manager.step()


def test_a_reason_is_given_for_a_target_that_begins_no_pair() -> None:
    with pytest.raises(ValueError, match=r"begins at '1.c_proj' \(1.c_proj: .*output"):
        made(target_layers=["1.c_proj"], example=torch.randn(2, 4))


def test_copies_of_a_model_do_not_wake_its_manager() -> None:
    manager, model, _ = made()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301
        other(torch.randn(2, 4))
    assert manager._first_pass.is_awaited
    model(torch.randn(2, 4))
    assert not manager._first_pass.is_awaited


def pickled(parts):
    return pickle.loads(pickle.dumps(parts))  # noqa: S301  # our own bytes


@pytest.mark.parametrize("again", [copy.deepcopy, pickled])
@pytest.mark.parametrize("seen", [0, 5])  # before the first pass, and within the first event
def test_a_copy_goes_on_exactly_and_leaves_the_first_alone(again, seen: int) -> None:
    first = made(FunctionalPreservationApoptosis, pairs=NAMES)
    trained(*first, seen)
    second = again(first)
    before = copy.deepcopy(first[1].state_dict())
    trained(*second, 11, seed=1)
    assert all(torch.equal(value, before[name]) for name, value in first[1].state_dict().items())
    trained(*first, 11, seed=1)
    values = second[1].state_dict()
    assert all(torch.equal(value, values[name]) for name, value in first[1].state_dict().items())
    assert second[0].apoptosis_events == first[0].apoptosis_events != []


def test_a_compiled_model_is_named_as_the_users_own() -> None:
    options = {"pairs": [("0.c_fc", "0.c_proj")], **quick(FunctionalPreservationApoptosis)}
    compiled = torch.compile(nn.Sequential(MLP(), MLP()), backend="aot_eager")
    optimizer = torch.optim.AdamW(compiled.parameters())
    manager = FunctionalPreservationApoptosis(compiled, optimizer=optimizer, **options)
    trained(manager, compiled, optimizer, 13)
    assert {event.layer for event in manager.apoptosis_events} == {"0.c_fc"}


def test_managers_of_one_model_each_see_their_own_pass_alone() -> None:
    first, model, optimizer = made()
    second = GrowthOnlyManager(model, optimizer=optimizer, **quick(GrowthOnlyManager))
    trained(first, model, optimizer, 1)
    for manager in (first, second):
        assert [population.name for population in manager.populations] == ["0.c_fc", "1.c_fc"]


def test_an_optimizer_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="^0.c_fc: the optimizer does not train it: build"):
        GrowthOnlyManager(made()[1], optimizer=made()[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": nn.Linear(2, 2)}, "optimizer: must be a torch Optimizer, not Linear"),
        ({"generator": 3}, "generator: must be a torch Generator, not int"),
        ({"prune_rate": "0.1"}, "rate='0.1': must be a number"),
        ({"apoptosis_interval": "5"}, "interval='5': must be a whole number"),
    ],
)
def test_what_is_of_another_kind_is_refused(options, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}$"):
        FunctionalPreservationApoptosis(nn.Sequential(MLP(), MLP()), **options)
    with pytest.raises(TypeError, match="^model: must be a torch.nn.Module, not Adam"):
        FunctionalPreservationApoptosis(torch.optim.Adam(MLP().parameters()))


def test_a_state_without_an_optimizer_is_refused_with_one() -> None:
    manager, model, _ = made()
    state = GrowthOnlyManager(model).state_dict()
    with pytest.raises(ValueError, match="of a manager without optimizer=, and this is one with"):
        manager.load_state_dict(state)
