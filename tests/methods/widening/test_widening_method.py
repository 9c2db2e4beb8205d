"""Widening of layers against rules written anew in numpy."""

from __future__ import annotations

from typing import Any

import loops
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from espalier.core.contracts import CannotTrain, Method, Run
from espalier.core.samples import Split
from espalier.methods.widening.firefly import Firefly
from espalier.methods.widening.firefly_draft import Candidates, DescentStep, FireflyDraft
from espalier.methods.widening.gradmax_neurons import GradMaxNeurons
from espalier.methods.widening.net2net import Net2Net
from espalier.methods.widening.random_neurons import RandomNeurons
from espalier.methods.widening.widening_schedule import WideningSchedule
from espalier.optimizers.adamw import AdamW
from espalier.train.costs.cost_meter import CostMeter

PLAN = WideningSchedule(start=0.25, events=3, stop=0.5)
ARMS: dict[str, Method[Any]] = {
    "net2net": Net2Net(PLAN),
    "random": RandomNeurons(PLAN),
    "gradmax": GradMaxNeurons(PLAN, batches=2),
    "firefly": Firefly(PLAN, steps=1),
}


def mlp() -> nn.Sequential:
    torch.manual_seed(3)
    body = [nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 4)]
    return nn.Sequential(nn.Flatten(), *body).double()


def run_of(method: Method[Any], epochs: int = 16) -> Run[Any]:
    data = loops.split()
    data = Split(data.x.double(), data.y)
    model, generator = mlp(), torch.Generator().manual_seed(0)
    optimizer = AdamW().build(model, 0.01)
    run = Run(model, optimizer, method, data, data, epochs, loops.BATCH, {"method": generator})
    run.attach()
    return run


def train(run: Run[Any], steps: int) -> Run[Any]:
    for _ in range(steps):
        run.optimizer.zero_grad()
        x, y = loops.batch(run.step)
        F.cross_entropy(run.model(x.double()), y).backward()
        run.optimizer.step()
        run.step += 1
        run.method.after_step(run)
        run.method.check(run)
    return run


def widths(run: Run[Any]) -> list[int]:
    return [run.model[1].out_features, run.model[3].out_features]


@pytest.mark.parametrize("arm", ARMS)
def test_widths_and_final_parameters_are_those_of_the_schedule(arm: str) -> None:
    run, seen = run_of(ARMS[arm]), []
    for _ in range(50):
        seen.append(widths(train(run, 1)))
    assert [list(w) for w in dict.fromkeys(map(tuple, seen))] == [[3, 2], [6, 4], [9, 6], [12, 9]]
    assert [seen.index(w) + 1 for w in ([6, 4], [9, 6], [12, 9])] == [16, 32, 48]
    assert run.method.measures(run)["live_parameters"] == sum(p.numel() for p in mlp().parameters())


@pytest.mark.parametrize("arm", ["net2net", "random", "gradmax"])
def test_births_leave_the_logits_as_they_are(arm: str) -> None:
    run = train(run_of(ARMS[arm]), 50)
    assert 0 <= run.method.measures(run)["birth_difference"] < 1e-9


def test_firefly_leaves_them_at_an_epsilon_of_0_and_moves_them_with_it() -> None:
    still = train(run_of(Firefly(PLAN, steps=1, epsilon=0.0)), 50)
    moved = train(run_of(Firefly(PLAN, steps=1, epsilon=0.01)), 50)
    assert still.method.measures(still)["birth_difference"] < 1e-9
    assert 1e-6 < moved.method.measures(moved)["birth_difference"] < 0.1


@pytest.mark.parametrize("arm", ARMS)
def test_a_resumed_run_is_the_same_bit_for_bit(arm: str) -> None:
    whole = train(run_of(ARMS[arm]), 20)
    other = loops.resume(run_of(ARMS[arm]), whole)
    train(whole, 40)
    train(other, 40)
    assert loops.same(loops.values(other.model), loops.values(whole.model))
    assert other.method.measures(other) == whole.method.measures(whole)


def test_net2net_divides_outgoing_weights_among_copies() -> None:
    run = run_of(Net2Net(WideningSchedule(0.5, 1, 0.1), uneven=0.0))
    a, b = run.model[1].weight.detach().numpy().copy(), run.model[3].weight.detach().numpy().copy()
    parents = torch.randint(6, (6,), generator=torch.Generator().manual_seed(0)).numpy()
    run.method.add_neurons(run, run.method_state.sites[0], 6)
    copies = 1 + np.bincount(parents, minlength=6)
    source = np.concatenate([np.arange(6), parents])
    assert np.allclose(run.model[1].weight.detach().numpy(), a[source], atol=1e-12)
    assert np.allclose(run.model[3].weight.detach().numpy(), (b / copies)[:, source], atol=1e-12)


def test_gradmax_takes_the_singular_vectors_of_the_cross_gradient() -> None:
    run = run_of(GradMaxNeurons(WideningSchedule(0.5, 1, 0.1), batches=1))
    run.batch_size = loops.SAMPLES
    x, y = run.train.x.flatten(1), run.train.y
    w1, b1, w2, b2, w3, b3 = (p.detach().numpy().copy() for p in run.model.parameters())
    h = np.maximum(x.numpy() @ w1.T + b1, 0)
    z = h @ w2.T + b2
    logits = np.maximum(z, 0) @ w3.T + b3
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    gradient = ((p - np.eye(4)[y.numpy()]) / len(x)) @ w3 * (z > 0)
    left = np.linalg.svd(gradient.T @ x.numpy())[0][:, :3]
    run.method.add_neurons(run, run.method_state.sites[0], 3)
    new = run.model[3].weight.detach().numpy()[:, 6:]
    length = np.linalg.norm(w2, axis=0).mean()
    assert np.allclose(np.abs((new / length).T @ left), np.eye(3), atol=1e-6)
    assert np.all(run.model[1].weight.detach().numpy()[6:] == 0)


def loss_by_hand(run: Run[Any], given: Candidates, x: torch.Tensor, y: torch.Tensor) -> float:
    """The loss of the network with all candidates of its first pair, neuron by neuron."""
    w1, b1, w2, b2, w3, b3 = (p.detach().numpy() for p in run.model.parameters())
    e, d, u, v = (t.detach().numpy() for t in given.tensors())
    z = np.tile(b2, (len(x), 1))
    for i, row in enumerate(w1):
        for sign in (1, -1):
            unit = np.maximum(x.numpy() @ (row + sign * e[i] * d[i]) + b1[i], 0)
            z = z + 0.5 * np.outer(unit, w2[:, i])
    for j, row in enumerate(u):
        z = z + e[len(w1) + j] * np.outer(np.maximum(x.numpy() @ row, 0), v[:, j])
    logits = np.maximum(z, 0) @ w3.T + b3
    logits = logits - logits.max(1, keepdims=True)
    right = logits[np.arange(len(y)), y.numpy()]
    return float(np.mean(np.log(np.exp(logits).sum(1)) - right))


def test_a_step_and_the_scores_of_firefly_are_those_by_hand() -> None:
    run, generator = (
        run_of(Firefly(WideningSchedule(0.5, 1, 0.1))),
        torch.Generator().manual_seed(1),
    )
    x, y = run.train.x.flatten(1), run.train.y
    draft = FireflyDraft(run.model, "1", 2, generator)
    drawn = draft.draw(0.05, generator)

    def slopes(given: Candidates) -> np.ndarray:
        steps = []
        for i in range(8):
            parts = []
            for change in (1e-6, -1e-6):
                epsilon = given.epsilon.clone()
                epsilon[i] += change
                moved = Candidates(epsilon, given.splits, given.incoming, given.outgoing)
                parts.append(loss_by_hand(run, moved, x, y))
            steps.append((parts[0] - parts[1]) / 2e-6)
        return np.array(steps)

    after = draft.train(drawn, (run.train.x, y), DescentStep(0.1, 0.05))
    by_hand = np.clip(drawn.epsilon.numpy() - 0.1 * slopes(drawn), -0.05, 0.05)
    assert np.allclose(after.epsilon.numpy(), by_hand, atol=1e-6)
    points = [
        Candidates(share * after.epsilon, after.splits, after.incoming, after.outgoing)
        for share in (1 / 6, 3 / 6, 5 / 6)
    ]
    scores = draft.scores(after, run.train.x, y).numpy()
    assert np.allclose(scores, np.mean([slopes(point) for point in points], 0), atol=1e-6)


def test_extra_passes_are_paid_for_with_whole_epochs_at_the_end() -> None:
    cheap, dear = run_of(RandomNeurons(PLAN)), run_of(ARMS["firefly"])
    assert cheap.epochs == 16
    assert dear.epochs == 16 - dear.method_state.charged < 16
    total = [
        run.method_state.costs.total(run.total_steps, run.method_state.events)
        for run in (cheap, dear)
    ]
    epoch = 6 * (16 * 12 + 12 * 9 + 9 * 4) * loops.SAMPLES
    assert total[0] - epoch < total[1] <= total[0]


def test_passes_that_leave_no_time_to_learn_are_refused() -> None:
    with pytest.raises(CannotTrain, match=r"cost as much as \d+ of 16 epochs"):
        run_of(Firefly(PLAN, steps=1000))


@pytest.mark.parametrize("name", list(ARMS))
def test_the_costs_foreseen_are_those_that_are_counted(name: str) -> None:
    """Updates on layers of four widths, and passes between them."""
    run = run_of(ARMS[name])
    run.costs = CostMeter()
    for _ in range(4 * run.steps_per_epoch):
        run.count_passes(loops.BATCH, loops.BATCH)
        train(run, 1)
    foreseen = run.method.measures(run)["training_operations"]
    assert run.costs.measures(run)["flops_total"] == foreseen
    assert run.method_state.done > 0
