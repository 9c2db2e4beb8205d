"""What single strategies do that others do not, and the snippets that users bring along."""

import io
from itertools import pairwise

import pytest
import torch
from strategies import BODIES, Training, charlm
from surgery import bodies
from torch import nn

import espalier
from espalier.apoptosis.activation_hooks import observe
from espalier.apoptosis.candidate_neurons import CandidateNeurons
from espalier.apoptosis.crossover import MODES
from espalier.apoptosis.orthogonal import select_redundant, unused_directions
from espalier.apoptosis.stat_sources import LivePassStats
from espalier.surgery import death
from espalier.surgery.pairs import find_pairs
from espalier.surgery.probe import Statistics
from espalier.surgery.site import Site


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# -- growth ------------------------------------------------------------------------------------


def test_growth_ends_at_the_cap():
    manager = Training(
        *(espalier.GrowthOnlyManager, bodies.mlp),
        **{"growth_rate": 0.2, "growth_interval": 2, "max_capacity": 1.5, "target_layers": ["1"]},
    )
    sizes = [manager.go(2).model[1].out_features for _ in range(5)]
    assert sizes == [38, 44, 48, 48, 48]  # 0.2 of 32 is 6.4
    assert manager.model[3].in_features == 48
    strategy = manager.manager
    assert strategy.growth_events == strategy.apoptosis_events
    assert [(event.step, event.count) for event in strategy.growth_events] == [
        *((2, 6), (4, 6), (6, 4)),
    ]
    assert not strategy.due


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_a_grown_network_is_the_same_and_goes_on_learning(body):
    training = Training(espalier.GrowthOnlyManager, body)
    training.go(5)
    before, old = training.logits(), {c.name: c.size for c in training.manager.populations}
    training.update()
    after = training.logits()
    training.manager.step()
    assert (training.logits() - after).abs().max() < 1e-5 < (after - before).abs().max()
    news = {c.name: c.site.pair.producer.weight for c in training.manager.populations}
    parts = {name: weight.detach()[old[name] :].clone() for name, weight in news.items()}
    training.go(3)
    for name, part in parts.items():
        assert len(part)
        assert (news[name].detach()[old[name] : old[name] + len(part)] != part).any(), name
        state = training.optimizer.state[news[name]]
        assert state["exp_avg"].shape == news[name].shape


def test_layers_on_a_residual_path_do_not_grow():
    grown = Training(espalier.GrowthOnlyManager, charlm).go(7)
    assert {event.layer for event in grown.manager.growth_events} == {
        *("blocks.0.ffn.0", "blocks.1.ffn.0"),
    }
    assert grown.model.blocks[0].ffn[3].out_features == 16  # the path
    lenet = Training(espalier.GrowthOnlyManager, bodies.lenet).go(7)
    assert lenet.model[-1].out_features == 10  # the classes
    assert len({event.layer for event in lenet.manager.growth_events}) == 4


def test_growth_along_the_gradient_knows_what_its_neighbour_became():
    training = Training(espalier.GrowthOnlyManager, bodies.lenet, birth="gradmax")
    training.go(13)
    assert training.logits().isfinite().all()


def test_what_has_grown_can_be_taken_back():
    training = Training(espalier.GrowthOnlyManager, bodies.lenet).go(5)
    state, before = training.state(), training.logits()
    state = torch.load(_saved(state), weights_only=False)
    training.go(8).load(state)
    assert torch.equal(training.logits(), before)


def _saved(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return file


# -- crossover ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_child_has_two_parents_and_their_length(mode):
    training = Training(
        *(espalier.CrossoverApoptosis, bodies.mlp),
        **{"crossover_mode": mode, "mutation_strength": 0.0, "target_layers": ["3"]},
    )
    training.go(6)
    strategy = training.manager
    born = [event for event in strategy.lineage.events if event.op == "merge"]
    assert len(born) == sum(event.count for event in strategy.apoptosis_events)
    slots = {layer: strategy.lineage.ids(layer) for layer in strategy.lineage.layers}
    rows = {c.name: c.site.pair.producer.weight.detach() for c in strategy.populations}
    for event in born:
        (one, share), (two, rest) = event.parents
        assert one != two and share + rest == pytest.approx(1)
        parents = [rows[event.layer][slots[event.layer].index(who)] for who in (one, two)]
        child = rows[event.layer][event.slot]
        if mode == "mask":
            assert ((child == parents[0]) | (child == parents[1])).all()
            assert (child == parents[0]).float().mean().item() == pytest.approx(share)
        else:
            usual = torch.stack(parents).norm(dim=1).mean()
            assert child.norm().item() == pytest.approx(usual.item(), rel=1e-4)


def test_shares_follow_fitness():
    training = Training(
        *(espalier.CrossoverApoptosis, bodies.mlp),
        **{"crossover_mode": "fitness_weighted", "fitness_metric": "weight"},
    )
    training.go(5)
    training.update()
    strategy = training.manager
    name = strategy.populations[0].name
    fitness = dict(
        zip(
            strategy.lineage.ids(name),
            strategy.populations[0].site.pair.incoming().norm(dim=1).tolist(),
            strict=True,
        )
    )
    strategy.step()
    for event in strategy.lineage.events:
        if event.op == "merge" and event.layer == name:
            (one, share), (two, _) = event.parents
            expected = fitness[one] / (fitness[one] + fitness[two])
            assert share == pytest.approx(expected, rel=1e-3)


def test_one_survivor_has_children_alone():
    def pair():
        return nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2)), torch.randn(8, 3)

    training = Training(espalier.CrossoverApoptosis, pair, prune_rate=0.5)
    training.go(6)
    (event,) = [e for e in training.manager.lineage.events if e.step > 0 and e.op != "death"]
    assert event.op == "birth" and len(event.parents) == 1


def test_unknown_modes_are_refused():
    with pytest.raises(ValueError, match="crossover_mode='swap': must be one of uniform"):
        Training(espalier.CrossoverApoptosis, bodies.mlp, crossover_mode="swap")


# -- orthogonal --------------------------------------------------------------------------------


def statistics_of(activations):
    """As if the consumer had been given `activations` (samples, neurons)."""
    size = activations.shape[1]
    (pair,) = find_pairs(nn.Sequential(nn.Linear(2, size), nn.ReLU(), nn.Linear(size, 2)))
    found = Statistics(pair)
    found.add(activations)
    return found


def test_of_two_that_do_the_same_one_goes():
    x = torch.randn(5000, 4, generator=generator())
    twin = x[:, :1] + 0.01 * torch.randn(5000, 1, generator=generator(1))
    seen, all_grown = statistics_of(torch.cat([x, twin], 1)), torch.ones(5, dtype=torch.bool)
    gone = select_redundant(seen, torch.tensor([1.0, 0.9, 0.8, 0.7, 0.95]), all_grown, 2).slots
    # of 0 and 4 the less fit; then 0 is as unique as the others, and 3 is the least fit
    assert gone.tolist() == [4, 3]
    young = torch.tensor([True, True, True, True, False])
    assert select_redundant(seen, torch.ones(5), young, 1).slots.tolist() == [0]


def test_redundancy_is_that_among_those_left():
    """Against the definition: inverting anew after each death."""
    x = torch.randn(400, 12, generator=generator()) @ torch.randn(12, 12, generator=generator(1))
    seen, fitness = statistics_of(x), torch.rand(12, generator=generator(2)) + 0.5
    length = seen.scatter.diagonal().sqrt()
    correlation = (seen.scatter / torch.outer(length, length)).double()
    correlation += death.RIDGE * 12 / 400 * torch.eye(12)
    left, expected = list(range(12)), []
    for _ in range(5):
        inverse = correlation[left][:, left].inverse().diagonal()
        expected.append(left[int((fitness[left] / inverse).argmin())])
        left.remove(expected[-1])
    assert (
        select_redundant(seen, fitness, torch.ones(12, dtype=torch.bool), 5).slots.tolist()
        == expected
    )


def test_who_goes_is_expressed_by_who_stays():
    """Against the definition: a ridge that is a share of each survivor's own variance."""
    x = torch.randn(300, 9, generator=generator()) @ torch.randn(9, 9, generator=generator(1))
    x[:, 2] = 1.5  # does nothing but add a constant
    seen, fitness = statistics_of(x), torch.rand(9, generator=generator(2)) + 0.5
    found = select_redundant(seen, fitness, torch.ones(9, dtype=torch.bool), 3)
    assert found.slots[0] == 2
    fold, ridge = found.fold(seen), death.RIDGE * 9 / 300
    covariance = seen.scatter.double() / seen.count
    inner, across = covariance[fold.alive][:, fold.alive], covariance[fold.alive][:, found.slots]
    blend = (inner + ridge * inner.diagonal().diag()).inverse() @ across
    rest = covariance[found.slots][:, found.slots] - 2 * across.T @ blend + blend.T @ inner @ blend
    assert torch.allclose(fold.blend.double(), blend, atol=1e-4)
    assert torch.allclose(fold.rest.double(), rest, atol=1e-4)
    usual = x.mean(0).double()
    constant = usual[found.slots] - usual[fold.alive] @ blend
    assert torch.allclose(fold.constant.double(), constant, atol=1e-4)


@pytest.mark.parametrize(("neurons", "inputs"), [(6, 20), (40, 10)])
def test_newborns_look_where_nobody_looks(neurons, inputs):
    rows = torch.randn(neurons, inputs, generator=generator())
    found = unused_directions(rows, 4, generator(1))
    unit = found / found.norm(dim=1, keepdim=True)
    assert torch.allclose(unit @ unit.T, torch.eye(4), atol=1e-5)
    assert torch.allclose(found.norm(dim=1), rows.norm(dim=1).mean())
    spread = torch.linalg.eigvalsh(rows.T @ rows)
    used = (rows @ unit.T).square().sum()
    least, average = float(spread[:4].sum()), float(spread.mean() * 4)
    # nothing where there is a null space, and nearly as little as can be where there is none
    assert least - 1e-3 <= used < least + 0.3 * (average - least)


def test_more_newborns_than_directions():
    training = Training(
        espalier.OrthogonalApoptosis,
        lambda: (nn.Sequential(nn.Linear(2, 20), nn.ReLU(), nn.Linear(20, 2)), torch.randn(30, 2)),
    )
    training.go(7)
    assert training.model[0].weight.norm(dim=1).min() > 0


@pytest.mark.parametrize("parts", [(True, False), (False, True)])
def test_either_part_alone(parts):
    keywords = dict(zip(("orthogonal_selection", "orthogonal_birth"), parts, strict=True))
    manager = Training(espalier.OrthogonalApoptosis, bodies.mlp, **keywords).go(7).manager
    born = [event for event in manager.lineage.events if event.op == "birth" and event.step > 0]
    assert all(bool(event.parents) != parts[1] for event in born)


def test_neither_part_is_nothing():
    with pytest.raises(ValueError, match="orthogonal_birth"):
        Training(
            *(espalier.OrthogonalApoptosis, bodies.mlp),
            **{"orthogonal_selection": False, "orthogonal_birth": False},
        )


# -- distillation ------------------------------------------------------------------------------


def seen_of(body):
    model, x, _ = bodies.trained(body)
    pairs = find_pairs(model)
    return [(model, x, one) for one in observe(pairs, model, lambda out, y: out.mean(), (x, x))]


@pytest.mark.parametrize("body", [bodies.mlp, bodies.conv, bodies.lenet])
def test_a_shadow_answers_as_the_neuron_does(body):
    for _, _, seen in seen_of(body):
        some = torch.arange(0, seen.pair.size, 2)
        mine = seen.consumer_input.index_select(1, seen.pair.columns(some))
        candidates = CandidateNeurons.copy_of(seen.pair, some)
        assert torch.allclose(candidates.activations(seen.producer_input), mine, atol=1e-5)
        candidates.recompute_statistics(seen.producer_input)  # other statistics, same answers
        assert torch.allclose(candidates.activations(seen.producer_input), mine, atol=1e-4)


@pytest.mark.parametrize("body", [bodies.mlp, bodies.conv, bodies.lenet])
def test_lessons_bring_a_shadow_nearer(body):
    for _, _, seen in seen_of(body):
        pupils, teachers = torch.arange(2), torch.arange(2, 4)
        wanted = CandidateNeurons.copy_of(seen.pair, teachers).activations(
            seen.producer_input, whole=False
        )
        missed = []
        for steps in (0, 3, 10, 40):
            candidates = CandidateNeurons.copy_of(seen.pair, pupils)
            candidates.distill(seen.producer_input, wanted, steps)
            missed.append(
                float((candidates.activations(seen.producer_input, False) - wanted).square().mean())
            )
        assert all(after <= before for before, after in pairwise(missed))
        assert missed[2] < missed[1] < missed[0]


@pytest.mark.parametrize("body", [bodies.mlp, charlm, bodies.lenet])
def test_distilling_hurts_no_more_than_folding(body):
    def damage(kind, **keywords):
        events = Training(kind, body, **keywords).go(6).manager.lineage.events
        return {event.layer: event.drift for event in events if event.op == "death"}

    folded = damage(espalier.ContinuousTurnoverApoptosis)
    distilled = damage(espalier.DistillationApoptosis)
    assert distilled.keys() == folded.keys()
    assert sum(distilled.values()) < sum(folded.values())


def test_the_drift_is_what_the_layer_after_gets():
    """The estimate, on the samples it is made from, against the network itself."""
    torch.manual_seed(0)
    model, x = bodies.mlp()
    (_, pair) = find_pairs(model)
    manager = espalier.DistillationApoptosis(
        model, ["3"], 0.2, 1, maturity=0, distillation_steps=3, generator=generator()
    )
    caught = []
    handle = pair.consumer.register_forward_hook(lambda m, a, out: caught.append(out.detach()))
    model(x).square().mean().backward()
    manager.step()
    model(x)
    handle.remove()
    estimate = next(e.drift for e in manager.lineage.events if e.op == "death")
    measured = (caught[0] - caught[1]).square().sum(1).mean()
    assert estimate == pytest.approx(float(measured), rel=0.02)


def test_ways_to_die_and_be_born_are_not_for_distillation():
    with pytest.raises(ValueError, match="birth='split': must be left out"):
        Training(espalier.DistillationApoptosis, bodies.mlp, birth="split")
    with pytest.raises(ValueError, match="distillation_steps=-1: must be 0 or more"):
        Training(espalier.DistillationApoptosis, bodies.mlp, distillation_steps=-1)


# -- what users bring along --------------------------------------------------------------------

STANDARD = """
from espalier import NeuronApoptosisManager

manager = NeuronApoptosisManager(
    model=model,
    target_layers=['blocks.0.ffn.0', 'blocks.1.ffn.0', ...],
    prune_rate=0.10,
    apoptosis_interval=500,
    fitness_metric='grad_activation',
    mutation_strength=0.3
)
"""
FUNCTIONAL = """
from espalier import FunctionalPreservationApoptosis

manager = FunctionalPreservationApoptosis(
    model=model,
    target_layers=['blocks.0.ffn.0', ...],
    prune_rate=0.10,
    apoptosis_interval=500,
    mutation_strength=0.3,
    preservation_steps=50
)
"""
HYBRID = """
from espalier import HybridGrowthAndDeath

manager = HybridGrowthAndDeath(
    model=model,
    target_layers=['blocks.0.ffn.0', ...],
    turnover_rate=0.05,  # 5% birth + 5% death
    interval=500,
    mutation_strength=0.3
)
"""
USAGE = """
import torch
from espalier import FunctionalPreservationApoptosis

# Your model
model = YourTransformer(...)

# Create apoptosis manager
manager = FunctionalPreservationApoptosis(
    model=model,
    target_layers=[f'blocks.{i}.ffn.0' for i in range(6)],
    prune_rate=0.10,
    apoptosis_interval=500,
    mutation_strength=0.3
)

# Training loop
for step, (x, y) in enumerate(dataloader):
    # Forward + backward
    loss = train_step(model, x, y)

    # Apoptosis (every 500 steps)
    manager.step()

# Check events
print(f"Apoptosis events: {len(manager.apoptosis_events)}")
"""
OWN = """
from espalier import NeuronApoptosisManager

class MyStrategy(NeuronApoptosisManager):
    def _regrow_neurons(self, layer, dying_indices, healthy_indices, fitness):
        # Your custom regrowth logic
        pass
"""


def transformer():
    torch.manual_seed(0)
    blocks = [bodies.FeedForward(8, 40) for _ in range(6)]
    return nn.ModuleDict({"blocks": nn.Sequential(*blocks)})


def train_step(model, x, y):
    model.zero_grad()
    loss = (model["blocks"](x) - y).square().mean()
    loss.backward()
    return loss


def data():
    return [(torch.randn(4, 8), torch.randn(4, 8)) for _ in range(3)]


@pytest.mark.parametrize("snippet", [STANDARD, FUNCTIONAL, HYBRID])
def test_the_snippets_of_the_first_readme_run(snippet):
    names = {"model": transformer()}
    exec(snippet, names)
    manager = names["manager"]
    assert [population.name for population in manager.populations] == [
        f"blocks.{i}.ffn.0" for i in range(6)
    ]
    for x, y in data():
        train_step(names["model"], x, y)
        manager.step()


def test_so_does_its_loop(capsys):
    def your_transformer(arguments):
        assert arguments is ...
        return transformer()

    names = {"YourTransformer": your_transformer, "dataloader": data() * 167}
    exec(USAGE, names | {"train_step": train_step})
    assert capsys.readouterr().out == "Apoptosis events: 0\n"  # 501 steps: one has begun


def test_a_strategy_of_ones_own():
    names = {}
    exec(OWN, names)
    model = transformer()
    manager = names["MyStrategy"](model, ["blocks.*.ffn.0"], apoptosis_interval=2)
    for x, y in data():
        train_step(model, x, y)
        manager.step()
    assert [event.count for event in manager.apoptosis_events] == [4] * 6
    assert (model["blocks"][0].ffn[0].weight.norm(dim=1) == 0).sum() == 4  # nobody was born


def test_of_passes_with_one_backward_pass_the_last_is_seen():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    source = LivePassStats(find_pairs(model))
    source.prepare(True)
    first, last = torch.randn(3, 4), torch.randn(3, 4)
    (model(first).square().mean() + model(last).square().mean()).backward()
    assert torch.equal(source.collect()["0"].producer_input, last)
    model(first).square().mean().backward()
    model(last)  # nothing comes back through it
    assert torch.equal(source.collect()["0"].producer_input, first)


def test_a_strategy_of_ones_own_behind_a_normalisation():
    class Doubles(espalier.ContinuousTurnoverApoptosis):
        def _regrow_neurons(self, layer, dying_indices, healthy_indices, fitness):
            layer.weight[dying_indices] = -layer.weight[healthy_indices[: len(dying_indices)]]

    training = Training(Doubles, bodies.conv, target_layers=["0"]).go(5)
    training.update()
    before = training.logits()
    training.manager.step()
    drift = (training.logits() - before).abs().max()
    (event,) = training.manager.apoptosis_events
    born = [e.slot for e in training.manager.lineage.events if e.op == "birth"]
    read = training.model[3].weight
    assert event.count == len(born) == 2 and drift < 1 and not read[:, born].any()
    training.go(1)
    assert (read[:, born].flatten(2).norm(dim=(0, 2)) > 0).all()  # somebody is there to be read


def test_births_that_cannot_be_are_refused_at_once():
    model = nn.Sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 2))
    with pytest.raises(ValueError, match="0 at 0: Sigmoid"):
        espalier.ContinuousTurnoverApoptosis(model, birth="gradmax")
    assert not model[0]._forward_hooks


def test_fewer_survivors_express_less():
    """A death by hand, as strategies do it: expressed by a basis of one's own."""
    _, _, seen = seen_of(bodies.mlp)[0]
    dead, size = torch.arange(4), seen.pair.size
    few = torch.arange(4, size, 2)
    by_few = death.expressed(dead, dead, seen.statistics, few)
    by_all = death.survivors(seen.pair, dead, seen.statistics)
    assert by_few.rest.trace() > by_all.rest.trace()
    assert death.kill(Site(seen.pair), by_few) > 0
