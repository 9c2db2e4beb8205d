"""Layers that fade, die and are born again: by hand, exactly, and without a trace."""

import copy

import module_hooks
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from espalier.core.samples import TokenShape
from espalier.methods.apoptosis.branches.layer_apoptosis import (
    LayerApoptosisManager,
    LifespanOptions,
)
from espalier.models.charlm import CharLM

QUICK = LifespanOptions(max_lifespan=4, maturation=3, interval=2, threshold=0.3)


class Body(nn.Module):
    """x + f(x), with normalisation in the branch."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))

    def forward(self, x):
        return x + self.body(x)


def stack(count=3, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(*(Body() for _ in range(count)))


X = torch.linspace(-1, 1, 30).view(10, 3)


def zones(manager):
    return " ".join(life.zone[0] for life in manager.lives.values())


def test_a_fading_branch_counts_by_its_influence():
    model = stack()
    reference = copy.deepcopy(model)
    manager = LayerApoptosisManager(model, lifespan=LifespanOptions(max_lifespan=10), probe=X)
    for step in range(1, 8):
        manager.step()
        x = reference[:2](X)
        expected = x + (1 - step / 10) * reference[2].body(x)
        assert torch.allclose(model(X), expected, atol=1e-6)
    assert manager.get_stats()["2.body.3"] == {
        "zone": "death",
        "age": 7,
        "influence": pytest.approx(0.3),
        "deaths": 0,
    }


def test_the_zones_go_round():
    manager = LayerApoptosisManager(stack(6), lifespan=QUICK, probe=X)
    assert zones(manager) == "b b s s d d"
    # influence 0.75, 0.5, 0.25 and 0: below 0.3 after three steps, dead at the fourth
    expected = {
        3: "s s s s d d",  # the first two are mature
        4: "s s d d b b",
        7: "s s d d s s",
        8: "d d b b s s",  # the oldest, not the deepest
        12: "b b s s d d",  # of those that are as old, the deepest would come first
    }
    for step in range(1, 13):
        due = manager.due
        manager.step()
        assert zones(manager) == expected.get(step, zones(manager)), step
        assert due == (manager.step_count in (4, 8, 12))
    steps = [(event.step, event.layer[0], event.count) for event in manager.apoptosis_events]
    assert steps == [
        (s, str(k), 1) for s, ks in ((4, (4, 5)), (8, (2, 3)), (12, (0, 1))) for k in ks
    ]


def test_the_deepest_of_equals_goes_first():
    lifespan = LifespanOptions(
        max_lifespan=2, maturation=9, interval=2, birth_share=0, death_share=0.2
    )
    manager = LayerApoptosisManager(stack(5), lifespan=lifespan, probe=X)
    for _ in range(6):
        manager.step()
    assert [event.layer[0] for event in manager.apoptosis_events] == ["4", "3", "2"]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_any_depth_has_somebody_dying(count):
    manager = LayerApoptosisManager(stack(count), lifespan=QUICK, probe=X)
    for _ in range(40):
        manager.step()
    died = {event.layer for event in manager.apoptosis_events}
    assert len(died) == count  # in the end everybody


def charlm(norm):
    torch.manual_seed(0)
    return CharLM(width=8, layers=3, heads=2, inner=12, norm=norm).build(TokenShape(7, 6))


TEXT = torch.randint(7, (8, 7), generator=torch.Generator().manual_seed(1))


def train(model, optimizer, manager, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        logits = model(TEXT[:, :-1])
        F.cross_entropy(logits.flatten(0, 1), TEXT[:, 1:].flatten()).backward()
        optimizer.step()
        manager.step()


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("rebirth", ["copy", "fresh"])
def test_birth_is_exact_and_its_optimizer_state_is_new(norm, rebirth):
    model = charlm(norm)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    lifespan = LifespanOptions(
        max_lifespan=10, maturation=5, interval=1, threshold=0.2, rebirth=rebirth
    )
    manager = LayerApoptosisManager(
        model, lifespan=lifespan, probe=TEXT[:, :-1], optimizer=optimizer
    )
    train(model, optimizer, manager, 8)
    dying = [b for b in manager.branches if manager.lives[b.name].zone == "death"]
    without = copy.deepcopy(model)
    with torch.no_grad():
        for branch in dying:
            for parameter in without.get_submodule(branch.name).parameters():
                parameter.zero_()
    before = [m.parameter.detach().clone() for b in dying for m in b.inner]
    manager.step()
    assert len(manager.apoptosis_events) == len(dying) == 2
    with torch.no_grad():
        assert float((model(TEXT[:, :-1]) - without(TEXT[:, :-1])).abs().max()) < 1e-5
    held = [p for b in dying for p in (*b.outlet, *(m.parameter for m in b.inner))]
    for parameter in held:
        assert not optimizer.state[parameter]["exp_avg"].any()
        assert not optimizer.state[parameter]["exp_avg_sq"].any()
    after = [m.parameter for b in dying for m in b.inner if m.parameter.ndim > 1]
    assert not any(map(torch.equal, [p for p in before if p.ndim > 1], after))


def test_the_child_is_of_the_branch_that_contributes_most():
    model = stack(3)
    with torch.no_grad():
        model[1].body[3].weight.mul_(50)
        model[1].body[0].weight.fill_(1.5)
    lifespan = LifespanOptions(max_lifespan=2, interval=2, mutation_strength=0.01)
    manager = LayerApoptosisManager(model, lifespan=lifespan, probe=X)
    manager.step()
    manager.step()
    parent, child = model[1].body, model[2].body
    assert torch.equal(parent[0].weight, child[0].weight)  # normalisation, without noise
    noise = (child[1].weight - parent[1].weight).detach()
    size = parent[1].weight.detach().square().mean().sqrt()
    assert 0.003 < float(noise.square().mean().sqrt() / size) < 0.03
    assert not child[3].weight.any() and not child[3].bias.any()


def test_nobody_is_the_child_of_another_kind():
    model = nn.Sequential(nn.Linear(3, 3), Body())
    started = copy.deepcopy(model[1].body)
    manager = LayerApoptosisManager(model, lifespan=QUICK, probe=X)
    with torch.no_grad():
        model[1].body[0].weight.fill_(3.0)
    for _ in range(4):
        manager.step()
    assert len(manager.apoptosis_events) == 1
    assert torch.equal(model[1].body[0].weight, started[0].weight)  # fresh: as it began
    fresh, old = model[1].body[1].weight.detach(), started[1].weight.detach()
    assert not torch.equal(fresh, old)
    assert float(fresh.abs().max()) <= float(old.square().mean().sqrt()) * 3**0.5


@pytest.mark.parametrize("steps", [3, 6, 17])
def test_going_on_from_a_saved_state_is_exact(steps):
    """The sixth step is in the middle of a fade, the seventeenth behind births."""

    def begun():
        model = charlm("pre")
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        lifespan = LifespanOptions(max_lifespan=8, maturation=5, interval=4)
        probe = TEXT[:, :-1]
        return (
            model,
            optimizer,
            LayerApoptosisManager(model, lifespan=lifespan, probe=probe, optimizer=optimizer),
        )

    straight = begun()
    train(*straight, 30)
    first, second = begun(), begun()
    train(*first, steps)
    for source, copied in zip(first, second, strict=True):
        copied.load_state_dict(copy.deepcopy(source.state_dict()))
    train(*second, 30 - steps)
    assert len(straight[2].apoptosis_events) > 2
    assert second[2].apoptosis_events == straight[2].apoptosis_events
    assert second[2].get_stats() == straight[2].get_stats()
    assert all(map(torch.equal, second[0].parameters(), straight[0].parameters()))


def test_the_model_has_no_hooks_and_keeps_its_tensors():
    model = charlm("post")
    places = [p.data_ptr() for p in model.parameters()]
    attributes = [dict(vars(module)) for module in model.modules()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    lifespan = LifespanOptions(max_lifespan=4, maturation=2, interval=2)
    manager = LayerApoptosisManager(
        model, lifespan=lifespan, probe=TEXT[:, :-1], optimizer=optimizer
    )
    train(model, optimizer, manager, 12)
    manager.remove()
    assert manager.apoptosis_events
    assert module_hooks.count(model) == 0
    assert places == [p.data_ptr() for p in model.parameters()]
    assert attributes == [dict(vars(module)) for module in model.modules()]


@pytest.mark.parametrize(
    ("lifespan", "step"),
    [
        (LifespanOptions(), 3000),
        (LifespanOptions(threshold=0.2), 2500),
        (QUICK, 4),
        (LifespanOptions(10, 0, 1, 1.0), 1),
    ],
)
def test_the_first_death_is_known_beforehand(lifespan, step):
    assert lifespan.first_death == step


@pytest.mark.parametrize("wrong", [{"threshold": 0.0}, {"interval": 0}, {"death_share": 1.1}])
def test_a_course_out_of_range_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name}=.*: must be"):
        LifespanOptions(**wrong)
