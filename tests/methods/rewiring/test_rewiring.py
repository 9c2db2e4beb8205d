"""Sparse training: exact counts at every event, what comes and goes, and how it is told."""

import math

import loops
import pytest
import torch
from torch import nn

from espalier.core.birth_record import GrowthEvent
from espalier.core.contracts import CannotTrain
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.dsr import SparseReparameterization as Dsr
from espalier.methods.rewiring.random_rewiring import RandomRewiring
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.methods.rewiring.rigl import RiggedLottery
from espalier.methods.rewiring.set import SparseEvolution as Set
from espalier.methods.rewiring.snfs import SparseMomentum as Snfs
from espalier.methods.rewiring.sparse_training import drop_at_random
from espalier.methods.rewiring.static import Static
from espalier.optimizers.adam import Adam
from espalier.optimizers.sgd import SGD

REWIRING = [Set, RiggedLottery, Snfs, Dsr, RandomRewiring]
EVERY_TWO = DropSchedule(initial_fraction=0.3, every=2, stop=1.0)  # 23 events in 48 steps
HALF = SparsePlan(density=0.5)  # 14, 30 and 10 of 27, 60 and 20 weights: 54


def run_of(method, optimizer=None, **more):
    return loops.run_of(optimizer or Adam(), method, **more)


@pytest.mark.parametrize("method", REWIRING)
@pytest.mark.parametrize("density", [0.2, 0.5, 0.9])
def test_live_edges_are_constant_over_23_events(method, density):
    run = run_of(method(SparsePlan(density), EVERY_TWO))
    loops.train(run, 48)
    edges = run.method_state.edges
    assert edges.events == 23
    for change in edges.ledger:
        assert sum(change.live) == round(density * loops.PRUNABLE)
        assert sum(change.dropped) == sum(change.grown)
    assert [c.step for c in edges.ledger] == list(range(0, 48, 2))
    assert sum(int((w != 0).sum()) for w in edges.weights) <= sum(edges.counts)


@pytest.mark.parametrize("method", [Set, RiggedLottery, RandomRewiring])
def test_each_layer_loses_its_quota_and_gets_it_back(method):
    run = run_of(method(HALF, EVERY_TWO))
    loops.train(run, 48)
    for change in run.method_state.edges.ledger[1:]:
        rate = 0.15 * (1 + math.cos(math.pi * change.step / 48))
        assert change.dropped == change.grown == tuple(int(rate * n) for n in (14, 30, 10))
        assert change.live == (14, 30, 10)
    assert run.method_state.edges.ledger[1].dropped == (4, 8, 2)  # 0.2987 of them


@pytest.mark.parametrize("method", REWIRING)
def test_what_comes_survives_its_event_and_what_goes_does_not_come(method):
    run = run_of(method(HALF, EVERY_TWO))
    for _ in range(20):
        before = [births.clone() for births in run.method_state.edges.births]
        loops.train(run, 1)
        for old, new in zip(before, run.method_state.edges.births, strict=True):
            assert (old[new == run.step] < 0).all()
    for births, change in _last(run):
        assert int((births == run.step).sum()) == change


def _last(run):
    return zip(run.method_state.edges.births, run.method_state.edges.ledger[-1].grown, strict=True)


@pytest.mark.parametrize("method", [Static, *REWIRING])
def test_every_unit_keeps_an_edge(method):
    more = {} if method is Static else {"schedule": EVERY_TWO}
    run = run_of(method(SparsePlan(0.15), **more))  # 4, 9 and 3 edges for 3, 5 and 4 units
    for _ in range(24):
        loops.train(run, 2)
        for live in run.method_state.edges.live[:2]:
            assert live.flatten(1).any(1).all()


@pytest.mark.parametrize("method", REWIRING)
def test_new_edges_are_0_and_have_no_state(method):
    run = run_of(method(HALF, EVERY_TWO))
    loops.train(run, 2)
    edges = run.method_state.edges
    for weight, births in zip(edges.weights, edges.births, strict=True):
        for tensor in (weight, *run.optimizer.state[weight].values()):
            assert tensor.ndim == 0 or not tensor[births == 2].any()


def test_what_goes_at_random_has_nothing_to_do_with_its_size():
    run = run_of(RandomRewiring(HALF, EVERY_TWO))
    layer = run.method_state.edges.weights[1]
    live = run.method_state.edges.live[1]
    gone = sum(drop_at_random(run, EVERY_TWO)[1].double() for _ in range(2000)) / 2000
    run.step = 0
    assert not gone[~live].any()
    assert (gone.sum() - 9).abs() < 1e-9  # 0.3 of 30
    order = torch.corrcoef(torch.stack([gone[live], layer[live].abs().detach()]))
    assert order[0, 1].abs() < 0.5 and gone[live].min() > 0.2 and gone[live].max() < 0.4


def test_biases_and_normalisation_do_not_change_in_an_event():
    run = run_of(RiggedLottery(HALF, EVERY_TWO))
    loops.train(run, 1)
    run.step = 2
    before = {n: p.detach().clone() for n, p in run.model.named_parameters() if p.ndim == 1}
    running = run.model[1].running_mean.clone()
    run.method.rewiring.rewire(run)
    assert all(torch.equal(dict(run.model.named_parameters())[n], p) for n, p in before.items())
    assert torch.equal(run.model[1].running_mean, running)


def test_static_edges_stay():
    run = run_of(Static(HALF))
    live = run.method_state.edges.live
    loops.train(run, 48)
    assert loops.same(live, run.method_state.edges.live)
    assert run.method.measures(run) == {
        "sparsity": 53 / 107,
        "target_sparsity": 0.5,
        "live_parameters": sum(p.numel() for p in run.model.parameters()) - 53,
        "edges_changed": 0,
        "sparse_events": 0,
        "start_epochs": 0,
    }


def test_events_are_measured():
    run = run_of(Set(HALF, DropSchedule(0.3, every=10, stop=0.75)))  # at 10, 20 and 30 of 36
    loops.train(run, 48)
    rates = [0.15 * (1 + math.cos(math.pi * step / 36)) for step in (10, 20, 30)]
    changed = sum(int(rate * live) for rate in rates for live in (14, 30, 10))
    measures = run.method.measures(run)
    assert (measures["sparse_events"], measures["edges_changed"]) == (3, changed)


def test_ages_are_told_to_whoever_sets_rates():
    run = run_of(RiggedLottery(HALF, DropSchedule(0.3, every=10, stop=0.75)))
    loops.train(run, 25)
    record = run.method.birth_record(run)
    assert record.birth_steps(run.model[4].weight) is run.method_state.edges.births[1]
    assert record.birth_steps(run.model[4].bias) is None
    assert record.growths() == [GrowthEvent(s, ("0", "4", "6")) for s in (10, 20)]


def test_arms_with_one_seed_begin_with_the_same_edges():
    runs = [run_of(method(HALF)) for method in (Static,)] + [
        run_of(method(HALF, EVERY_TWO)) for method in REWIRING
    ]
    for run in runs[1:]:
        assert loops.same(run.method_state.edges.live, runs[0].method_state.edges.live)
        assert loops.same(loops.values(run.model), loops.values(runs[0].model))


def test_the_running_average_is_that_of_the_dense_gradient():
    run = run_of(Snfs(HALF, EVERY_TWO, momentum=0.5), SGD())
    expected = torch.zeros(4, 5)
    for _ in range(2):
        loops.backward(run.model, run.step)
        expected = 0.5 * expected + 0.5 * run.model[6].weight.grad
        run.method.after_backward(run)
        run.optimizer.step()
        run.step += 1
    assert torch.allclose(run.method_state.memory[2], expected, atol=1e-7)
    assert expected.all() and not run.model[6].weight.all()


def test_an_overflowed_step_does_not_stay_in_the_average():
    run = run_of(Snfs(HALF, EVERY_TWO))
    loops.backward(run.model, 0)
    run.model[6].weight.grad[0, 0] = math.inf
    run.method.after_backward(run)
    assert all(m.isfinite().all() for m in run.method_state.memory)


def reparameterized():
    """Two layers, of 32 and 24 weights."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2), nn.Linear(2, 12))
    return run_of(Dsr(SparsePlan(24 / 56), EVERY_TWO), SGD(), model=model)


def test_one_threshold_for_all_layers_and_edges_for_those_that_keep_most():
    run = reparameterized()
    edges = run.method_state.edges
    first = torch.zeros(2, 16, dtype=torch.bool)
    first[0, :10], first[1, :2] = True, True
    second = torch.zeros(12, 2, dtype=torch.bool)
    second[:, 0] = True
    with torch.no_grad():
        edges.weights[0].copy_(first * torch.arange(1, 33).view(2, 16))  # 1 to 10, 17 and 18
        edges.weights[1].copy_(second * 50.0)
    edges.begin([first, second])
    run.step = 24  # half-way: 0.15 of 24, so 3
    run.method.rewiring.rewire(run)
    assert edges.ledger[1].dropped == (3, 0)  # 1, 2 and 3
    assert edges.ledger[1].grown == (1, 2)  # 9 and 12 stay: 1.29 and 1.71
    assert run.method_state.memory[0] == 4.0  # what the target had below it, and it was met
    assert not edges.weights[0][0, :3].any()


@pytest.mark.parametrize(("threshold", "then"), [(0.5, 1.0), (4.0, 8.0), (9.0, 9.0), (20.0, 10.0)])
def test_the_threshold_follows_the_target(threshold, then):
    run = reparameterized()
    edges = run.method_state.edges
    live = [torch.zeros(2, 16, dtype=torch.bool), torch.ones(12, 2, dtype=torch.bool)]
    live[0][:, :2] = True
    with torch.no_grad():
        edges.weights[0].copy_(live[0] * 50.0)
        edges.weights[1].copy_(torch.arange(1.0, 25.0).view(12, 2))
    edges.begin(live)  # of 28 edges 4 are to go; 1, 3, 5 and so on may
    run.step = 24
    run.method_state.memory[0].fill_(threshold)
    run.method.rewiring.rewire(run)
    assert float(run.method_state.memory[0]) == then


def test_enlarged_weights_make_up_for_missing_inputs():
    full, live = (run_of(Static(SparsePlan(0.5, init=init))) for init in ("full", "live"))
    for a, b in zip(full.method_state.edges.weights, live.method_state.edges.weights, strict=True):
        row = (a != 0).flatten(1)
        gain = (row.shape[1] / row.sum(1)).sqrt().view(-1, *[1] * (a.ndim - 1))
        assert torch.allclose(a * gain, b)


@pytest.mark.parametrize("method", REWIRING)
@pytest.mark.parametrize("steps", [1, 12])
def test_going_on_from_a_saved_state_is_exact(method, steps):
    made = method(HALF, EVERY_TWO)
    straight = loops.train(run_of(made), 30)
    first = loops.train(run_of(made), steps)
    second = loops.train(loops.resume(run_of(made), first), 30 - steps)
    assert loops.same(loops.values(straight.model), loops.values(second.model))
    assert straight.method.measures(straight) == second.method.measures(second)


@pytest.mark.parametrize(
    ("method", "reason", "said"),
    [
        (Static(SparsePlan(0.01)), "layer_without_edges", r"CONFIG_SPARSE_DENSITY=0.01 leaves "),
        (Set(SparsePlan(1.0), EVERY_TWO), "no_missing_edges", "leaves no edge to grow"),
        (Set(HALF, DropSchedule(every=36)), "rewiring_never_starts", "ends at 36 of 48 steps"),
        (Set(HALF, DropSchedule(every=48, stop=1.0)), "rewiring_never_starts", "after step 48"),
    ],
)
def test_trials_that_make_no_sense(method, reason, said):
    with pytest.raises(CannotTrain, match=said) as caught:
        run_of(method)
    assert caught.value.reason == reason


def test_a_model_without_weights_to_choose_from():
    with pytest.raises(CannotTrain) as caught:
        run_of(Static(), model=nn.Sequential(nn.Flatten(), nn.LayerNorm(16)))
    assert caught.value.reason == "nothing_to_sparsify"


def test_a_dense_static_network_is_allowed():
    run = loops.train(run_of(Static(SparsePlan(1.0))), 3)
    assert run.method.measures(run)["sparsity"] == 0.0
