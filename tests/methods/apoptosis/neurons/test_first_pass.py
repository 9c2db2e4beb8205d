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
