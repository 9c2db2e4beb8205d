"""What every strategy over neurons owes, whichever it is, on every kind of network."""

import copy
import io

import module_hooks
import pytest
import surgery_bodies
import torch
from apoptosis_cases import (
    BODIES,
    DURATIONS,
    INTERVALS,
    RATES,
    Training,
    charlm,
    quick,
    strategies,
)
from apoptosis_cases import named as argument
from torch import nn

from espalier import ContinualBackprop, DistillationApoptosis, NeuronApoptosisManager, ReDo

ALL = strategies()
# the standard strategy's newborns are read at once, and distillation's have work to do
PUBLISHED = [ContinualBackprop, ReDo]  # whose fitness is that of the publication
EXACT = [kind for kind in ALL if kind not in (NeuronApoptosisManager, DistillationApoptosis)]

every = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)


def in_two_bodies(kinds, shift):
    """Each strategy with two bodies, others in other tests; the rest of the product is nightly."""
    cases = []
    for place, kind in enumerate(kinds):
        for at, body in enumerate(BODIES):
            marks = () if (at - place - shift) % len(BODIES) < 2 else pytest.mark.nightly
            name = f"{body.__name__}-{kind.__name__}"
            cases.append(pytest.param(kind, body, marks=marks, id=name))
    return pytest.mark.parametrize(("kind", "body"), cases)


@in_two_bodies(EXACT, 0)
def test_births_change_nothing(kind, body):
    changes = []

    class Watched(kind):
        def _regrow_neurons(self, *args):
            before = surgery_bodies.logits(self.model, training.x)
            parents = super()._regrow_neurons(*args)
            changes.append(
                float((surgery_bodies.logits(self.model, training.x) - before).abs().max())
            )
            return parents

    training = Training(Watched, body)
    training.go(15)
    assert len(changes) >= 2
    assert max(changes) < 1e-5


@in_two_bodies(ALL, 1)
def test_what_happened_is_counted_and_remembered(kind, body):
    manager = Training(kind, body).go(20).manager
    assert manager.apoptosis_events
    lineage = [event for event in manager.lineage.events if event.step > 0]
    for name, stats in manager.get_stats().items():
        here = [event for event in lineage if event.layer == name]
        assert stats["deaths"] == sum(event.op == "death" for event in here)
        assert stats["births"] == sum(event.op != "death" for event in here)
        counted = sum(event.count for event in manager.apoptosis_events if event.layer == name)
        assert counted == max(stats["deaths"], stats["births"])
        assert 0 <= stats["min_age"] <= stats["mean_age"] <= stats["max_age"] <= 20
    manager.assert_consistent()


@in_two_bodies(ALL, 2)
def test_no_hook_is_left(kind, body):
    training = Training(kind, body).go(7)
    training.manager.remove()
    assert module_hooks.count(training.model) == 0
    training.update()


@every
@pytest.mark.parametrize("saved_at", [5, 7], ids=["before an event", "behind its beginning"])
def test_saved_and_restored_it_goes_on_as_if_nothing_had_been(kind, saved_at):
    for body in (charlm, surgery_bodies.conv):
        training, resumed = Training(kind, body).go(saved_at), Training(kind, body)
        file = io.BytesIO()
        torch.save(training.state(), file)
        file.seek(0)
        resumed.load(torch.load(file, weights_only=False))
        assert training.go(14).manager.apoptosis_events == resumed.go(14).manager.apoptosis_events
        assert_same(training, resumed)


@every
def test_same_seed_same_numbers(kind):
    def trained(seed):
        generator = torch.Generator().manual_seed(seed)
        return Training(kind, charlm, generator=generator).go(14)

    assert_same(trained(1), trained(1))
    assert not torch.equal(trained(1).logits(), trained(2).logits())


def assert_same(first, second):
    theirs = second.model.state_dict()
    for name, tensor in first.model.state_dict().items():
        assert torch.equal(tensor, theirs[name]), name
    assert first.manager.lineage.events == second.manager.lineage.events
    assert torch.equal(first.logits(), second.logits())


@in_two_bodies(ALL, 3)
def test_newborns_have_no_past_in_the_optimizer(kind, body):
    training = Training(kind, body)
    manager = training.manager
    while not manager.apoptosis_events:
        training.go(1)
    step = manager.step_count
    for population in manager.populations:
        ages = torch.tensor(manager.lineage.ages(population.name, step))
        born = (ages == 0).nonzero().flatten()
        if step and len(born):
            pair, state = population.site.pair, training.optimizer.state
            for moment in ("exp_avg", "exp_avg_sq"):
                assert not state[pair.producer.weight][moment][born].any()
                assert not state[pair.consumer.weight][moment][:, pair.columns(born)].any()


@every
def test_events_leave_a_network_that_learns(kind):
    training = Training(kind, surgery_bodies.mlp).go(20)
    before = copy.deepcopy(training.model.state_dict())
    training.update()
    moved = [(a - before[name]).abs().max() for name, a in training.model.named_parameters()]
    assert all(torch.isfinite(change) and change > 0 for change in moved)


@every
def test_parts_of_neurons_are_carried_over(kind):
    if argument(kind, "max_capacity"):
        pytest.skip("grows by whole numbers of neurons, see its own tests")
    if kind in PUBLISHED:
        pytest.skip("the mature or the dormant are counted, see tests beside the publications")
    options = quick(kind, rate=0.1, interval=2, duration=0)
    manager = Training(kind, surgery_bodies.mlp, **options, target_layers=["3"]).go(10).manager
    # 0.1 of 32 is 3.2
    assert [event.count for event in manager.apoptosis_events] == [3, 3, 3, 3, 4]


BAD = {RATES: [-0.1, 1.0], INTERVALS: [0], DURATIONS: [-1, 6]}
CASES = [
    (kind, name, value)
    for kind in ALL
    for names, values in BAD.items()
    for value in values
    if (name := argument(kind, *names))
]


@pytest.mark.parametrize(("kind", "name", "value"), CASES, ids=str)
def test_what_cannot_be_is_said_in_a_line(kind, name, value):
    with pytest.raises(ValueError, match="must be") as caught:
        Training(kind, surgery_bodies.mlp, **{name: value})
    assert repr(value) in str(caught.value) and "\n" not in str(caught.value)


OTHERS = [
    {"fitness_metric": "beauty"},
    {"mutation_strength": -1},
    {"target_layers": ["nowhere"]},
]


@every
@pytest.mark.parametrize("wrong", OTHERS, ids=str)
def test_so_is_what_they_share(kind, wrong):
    refusal = TypeError if kind in PUBLISHED and "target_layers" not in wrong else ValueError
    with pytest.raises(refusal) as caught:
        Training(kind, surgery_bodies.mlp, **wrong)
    assert "\n" not in str(caught.value)


@every
def test_an_argument_that_does_not_exist_is_refused(kind):
    for name in ("fade_duration", "rate"):
        with pytest.raises(TypeError, match=f"{kind.__name__} has no argument '{name}'"):
            Training(kind, surgery_bodies.mlp, **{name: 3})


@every
def test_no_layer_is_not_every_layer(kind):
    with pytest.raises(ValueError, match="no layers are named"):
        Training(kind, surgery_bodies.mlp, target_layers=[])
    with pytest.raises(ValueError, match="no two layers of Linear"):
        kind(nn.Linear(2, 2))


@pytest.mark.parametrize("kind", [k for k in ALL if argument(k, *DURATIONS)])
def test_who_is_refused_leaves_no_hook(kind):
    model, _ = surgery_bodies.mlp()
    with pytest.raises(ValueError, match="shorter than"):
        kind(model, apoptosis_interval=10, **{argument(kind, *DURATIONS): 10})
    assert module_hooks.count(model) == 0


@every
@pytest.mark.parametrize("healthy", [2, 7], ids=["before an event", "behind its beginning"])
def test_a_network_that_diverges_is_left_alone(kind, healthy):
    training = Training(kind, surgery_bodies.mlp).go(healthy)
    events = list(training.manager.apoptosis_events)
    with torch.no_grad():
        training.model[1].weight.fill_(torch.nan)
    assert training.go(12).manager.apoptosis_events == events


@every
def test_a_step_that_diverges_is_passed_over(kind):
    """As a scaler passes over it: the weights stay, the gradients are no numbers."""
    training = Training(kind, surgery_bodies.mlp).go(5)
    events = list(training.manager.apoptosis_events)
    training.update()
    gradient = training.model[1].weight.grad
    finite = gradient.clone()
    gradient.fill_(torch.inf)
    training.manager.step()
    gradient.copy_(finite)
    assert training.manager.apoptosis_events == events
    assert len(training.go(8).manager.apoptosis_events) > len(events)
    assert all(
        population.fitness_ema.fitness.isfinite().all()
        for population in training.manager.populations
    )


@every
def test_passes_that_nothing_comes_back_through_are_not_looked_at(kind):
    first, second = (Training(kind, surgery_bodies.mlp) for _ in range(2))
    for _ in range(9):
        for training in (first, second):
            training.update()
        first.model.eval()
        first.model(torch.randn(5, 1, 4, 4))  # a look at other data, gradients enabled
        first.manager.step()
        second.manager.step()
    assert first.manager.apoptosis_events
    assert_same(first, second)


@every
def test_passes_may_be_in_another_number_format(kind):
    class Mixed(Training):
        def update(self):
            with torch.autocast("cpu", torch.bfloat16):
                super().update()

    training = Mixed(kind, surgery_bodies.mlp).go(9)
    assert training.manager.apoptosis_events and training.logits().isfinite().all()


@every
def test_the_law_of_fresh_weights_outlives_training(kind):
    training = Training(kind, surgery_bodies.mlp)
    laws = [population.law for population in training.manager.populations]
    state = training.manager.state_dict()
    with torch.no_grad():
        for parameter in training.model.parameters():
            parameter.mul_(3)
    other = kind(training.model, **quick(kind))
    assert [population.law for population in other.populations] != laws
    other.load_state_dict(state | {"restarts": None})
    assert [population.law for population in other.populations] == laws


@every
def test_frozen_layers_are_left_out_by_name(kind):
    model, x = surgery_bodies.mlp()
    for parameter in model[1].parameters():
        parameter.requires_grad_(False)
    manager = kind(model, **quick(kind, interval=1, duration=0))
    model(x).square().mean().backward()
    manager.step()
    assert [population.name for population in manager.populations] == ["3"]
    assert manager.left_out["1"] == "it is frozen"


@every
def test_layers_without_a_gradient_are_named(kind):
    model, _ = surgery_bodies.mlp()
    manager = kind(model, **quick(kind, interval=1, duration=0))
    model[-1].weight.grad = torch.ones_like(model[-1].weight)
    with pytest.raises(ValueError, match="takes no part|no backward pass"):
        manager.step()
