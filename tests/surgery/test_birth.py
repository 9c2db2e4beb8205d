"""Births: the network computes what it did, whatever is born where."""

import module_hooks
import pytest
import torch
from surgery_bodies import BODIES, conv, fold_survivors, logits, mlp, step, trained, transformer
from torch import nn

from espalier.surgery import birth, gradmax, resize
from espalier.surgery.edit_context import EditContext
from espalier.surgery.init_distribution import InitDistribution, estimate_distribution
from espalier.surgery.pairing.pairs import Pair, find_pairs
from espalier.surgery.probe import gather


def by_fresh(site, slots, generator, model, x):
    birth.fresh(site, slots, generator)


def by_split(site, slots, generator, model, x):
    free = [i for i in range(site.pair.size) if i not in slots.tolist()]
    parents = torch.tensor(free)[torch.arange(len(slots)) // 2 % len(free)]  # two children each
    birth.split(site, slots, parents, generator)


def by_signed(site, slots, generator, model, x):
    birth.signed(site, slots, generator)


def by_gradmax(site, slots, generator, model, x):
    cross_moment = gradmax.CrossMoment(site.pair)
    with cross_moment.watching():
        out = model(x)
        (out.square().mean() - out.mean()).backward()
    gradmax.gradmax(site, slots, cross_moment, generator)


BIRTHS = [by_fresh, by_split, by_signed, by_gradmax]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("born", BIRTHS)
@pytest.mark.parametrize("dtype, allowed", [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_births_into_dead_and_into_added_slots_are_exact(body, born, dtype, allowed) -> None:
    model, x, optimizer = trained(body)
    x = x.to(dtype)
    model.to(dtype)
    optimizer.state.clear()
    step(model, x, optimizer)
    generator = torch.Generator().manual_seed(1)
    for pair in find_pairs(model):
        site = EditContext(pair, optimizer)
        dead = torch.tensor([3, 0, 4, 1][: 2 * (pair.size // 4)])
        fold_survivors(site, dead, gather(model, [pair], [x])[0])
        before = logits(model, x)
        born(site, dead, generator, model, x)
        born(site, resize.widen(site, 4), generator, model, x)
        assert (logits(model, x) - before).abs().max() < allowed
    step(model.train(), x, optimizer)  # everything fits
    assert all(p.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("born", BIRTHS)
def test_with_batch_normalisation_they_are_exact_in_training_mode_too(born) -> None:
    model, x, optimizer = trained(conv)
    site = EditContext(find_pairs(model)[0], optimizer)
    model.train()
    before = model(x).detach()
    born(site, resize.widen(site, 4), torch.Generator().manual_seed(1), model, x)
    assert (model.train()(x) - before).abs().max() < 1e-5


@pytest.mark.parametrize("born", BIRTHS)
def test_newborns_learn_at_once_and_do_not_stay_equal(born) -> None:
    model, x, optimizer = trained(mlp)
    site = EditContext(find_pairs(model)[1], optimizer)
    slots = resize.widen(site, 4)
    born(site, slots, torch.Generator().manual_seed(1), model, x)
    before = [site.pair.incoming()[slots].clone(), site.pair.outgoing()[slots].clone()]
    step(model.train(), x, optimizer)
    after = [site.pair.incoming()[slots], site.pair.outgoing()[slots]]
    assert any((new != old).any(1).all() for new, old in zip(after, before, strict=True))
    step(model, x, optimizer)
    assert torch.pdist(site.pair.incoming()[slots]).min() > 1e-6


def test_a_fresh_row_has_the_law_of_the_layer() -> None:
    torch.manual_seed(0)
    linear, wide = nn.Linear(64, 128), nn.Linear(128, 4)
    (pair,) = find_pairs(nn.Sequential(linear, nn.ReLU(), wide))
    assert not estimate_distribution(wide.weight).normal
    assert estimate_distribution(wide.weight).std == pytest.approx(128**-0.5 / 3**0.5, rel=0.1)
    nn.init.normal_(linear.weight, 0.0, 0.3)
    law = estimate_distribution(linear.weight)
    assert law.normal and law.std == pytest.approx(0.3, rel=0.05)
    birth.fresh(EditContext(pair), torch.arange(64), torch.Generator().manual_seed(0), law)
    assert float(linear.weight.detach()[:64].std()) == pytest.approx(law.std, rel=0.05)
    assert linear.bias[:64].abs().max() == 0


def test_a_generator_decides_and_nothing_else() -> None:
    rows = [
        InitDistribution(1.0).draw(torch.zeros(1, 5), 3, torch.Generator().manual_seed(7))
        for _ in "ab"
    ]
    assert torch.equal(*rows)


def test_children_share_by_the_portion() -> None:
    torch.manual_seed(0)
    (pair,) = find_pairs(nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1, bias=False)))
    pair.consumer.weight.data = torch.tensor([[8.0, 5.0, 0.0, 0.0]])
    plan = birth.Portion(share=0.25, noise=0.0)
    slots, parents = torch.tensor([2, 3]), torch.tensor([0, 1])
    birth.split(EditContext(pair), slots, parents, torch.Generator(), plan)
    assert pair.consumer.weight.tolist() == [[6.0, 3.75, 2.0, 1.25]]
    assert torch.equal(pair.incoming()[2:], pair.incoming()[:2])


def test_several_children_of_one_parent() -> None:
    (pair,) = find_pairs(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)))
    pair.consumer.weight.data = torch.tensor([[9.0, 0.0, 0.0]])
    birth.split(
        EditContext(pair),
        torch.tensor([1, 2]),
        torch.tensor([0, 0]),
        torch.Generator(),
        birth.Portion(noise=0.0),
    )
    torch.testing.assert_close(pair.consumer.weight.detach(), torch.full((1, 3), 3.0))


def test_twins_need_partners() -> None:
    (pair,) = find_pairs(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)))
    with pytest.raises(ValueError, match="even number of slots, not 3"):
        birth.signed(EditContext(pair), torch.arange(3), torch.Generator())


def test_the_twins_are_as_long_as_others() -> None:
    model, _, _ = trained(transformer)
    pair = find_pairs(model)[0]
    slots = torch.arange(10)
    usual = pair.outgoing()[10:].norm(dim=1).mean()
    birth.signed(EditContext(pair), slots, torch.Generator().manual_seed(0), scale=0.5)
    torch.testing.assert_close(pair.outgoing()[slots].norm(dim=1), (usual / 2).expand(10))


def test_the_variance_of_a_newborn_is_guessed() -> None:
    model, x, optimizer = trained(conv)
    pair = find_pairs(model)[0]
    birth.fresh(EditContext(pair, optimizer), torch.tensor([2]), torch.Generator().manual_seed(0))
    z = pair.producer(x)
    assert pair.norm is not None and pair.norm.running_var is not None
    guess, truth = float(pair.norm.running_var[2]), float(z.detach()[:, 2].var())
    assert 0.3 < guess / truth < 3


def crossed(model: nn.Module, pair: Pair, x: torch.Tensor) -> torch.Tensor:
    cross_moment = gradmax.CrossMoment(pair)
    with cross_moment.watching():
        model(x).square().sum().backward()
    assert module_hooks.count(model) == 0
    return cross_moment.matrix


CHAINS = [
    [nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 4)],
    [nn.Conv2d(2, 2, 3, padding=1, stride=2), nn.ReLU(), nn.Conv2d(2, 3, 3, padding=1, stride=2)],
    [nn.Conv2d(2, 2, 2), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(2, 3, 2, padding="same")],
    [nn.Conv2d(2, 2, 2, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(18, 3)],
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("chain", CHAINS)
def test_the_cross_moment_predicts_the_gradient_of_the_in_weights(chain) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*chain).double()
    (pair,) = find_pairs(model)
    x = torch.randn(5, 3) if isinstance(chain[0], nn.Linear) else torch.randn(5, 2, 6, 6)
    with torch.no_grad():  # neuron 0 is newborn, as GradMax makes it, with random out-weights
        chain[0].weight[0] = 0.0
        chain[0].bias[0] = gradmax.FAINT
    matrix = crossed(model, pair, x.double())
    predicted = pair.outgoing()[0].view(1, -1) @ matrix
    torch.testing.assert_close(chain[0].weight.grad[0].flatten(), predicted[0])


BIASLESS = [nn.Linear(3, 2, bias=False), nn.ReLU(), nn.Linear(2, 4)]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("chain, lowest", [(chain, -3.0) for chain in CHAINS] + [(BIASLESS, 0.0)])
def test_the_gradient_that_gradmax_promises_arrives_whole(chain, lowest) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*chain).double()
    (pair,) = find_pairs(model)
    x = torch.randn(50, 3) if isinstance(chain[0], nn.Linear) else torch.randn(50, 2, 6, 6)
    x = x.double().clamp_min(lowest)  # without a bias only inputs from 0 on let all through
    pair.consumer.weight.data[:, pair.columns(torch.tensor([0]))] = 0.0
    cross_moment = gradmax.CrossMoment(pair)
    with cross_moment.watching():
        model(x).square().sum().backward()
    gradmax.gradmax(EditContext(pair), torch.tensor([0]), cross_moment, torch.Generator())
    model.zero_grad()
    model(x).square().sum().backward()
    strongest = torch.linalg.svdvals(cross_moment.matrix)[0]
    promised = pair.outgoing()[0].norm() * strongest
    torch.testing.assert_close(pair.producer.weight.grad[0].norm(), promised)


def test_gradmax_beats_random_out_weights() -> None:
    def gradient(random: bool) -> float:
        model, x, optimizer = trained(mlp)
        site = EditContext(find_pairs(model)[1], optimizer)
        slots = resize.widen(site, 4)
        by_gradmax(site, slots, torch.Generator(), model, x)
        if random:
            weight = site.pair.consumer.weight.data
            lengths = weight[:, slots].norm(dim=0)
            weight[:, slots] = nn.functional.normalize(torch.randn(5, 4), dim=0) * lengths
        optimizer.zero_grad()
        out = model(x)
        (out.square().mean() - out.mean()).backward()
        return float(site.pair.producer.weight.grad[slots].norm())

    assert gradient(random=False) > 1.2 * gradient(random=True)


def test_gradmax_refuses_what_is_not_0_at_0() -> None:
    (pair,) = find_pairs(nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1)))
    with pytest.raises(ValueError, match=r"0 at 0: Sigmoid\(\) is not"):
        gradmax.gradmax(
            EditContext(pair), torch.arange(1), gradmax.CrossMoment(pair), torch.Generator()
        )
