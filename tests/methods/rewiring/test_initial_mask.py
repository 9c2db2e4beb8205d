"""Where the first edges are: what pixels say by hand, equal counts, and what a start is charged."""

from __future__ import annotations

import loops
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.core.contracts import CannotTrain, Method, Run
from espalier.core.samples import Split
from espalier.methods.rewiring import pixel_relevance
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.initial_mask import InitialMask, Start, sample_in_proportion
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.methods.rewiring.rigl import RiggedLottery
from espalier.methods.rewiring.seed_network import train_linear_classifier
from espalier.methods.rewiring.static import Static
from espalier.optimizers.adam import Adam

STARTS: list[Start] = ["random", "even", "data", "hierarchical"]


def pixels_network(layers: int = 2) -> nn.Module:
    torch.manual_seed(0)
    sizes = [16, *[12] * (layers - 1), 4]
    net = nn.Sequential(nn.Flatten())
    for a, b in zip(sizes, sizes[1:], strict=False):
        net.extend([nn.Linear(a, b), nn.ReLU()])
    return net[:-1]


def telling() -> Split:
    """Pixel k of 16 tells class k of 4 from the others; pixels 4 to 7 never change."""
    generator = torch.Generator().manual_seed(3)
    y = torch.arange(48) % 4
    x = 0.3 * torch.randn(48, 16, generator=generator)
    x[:, :4] += torch.eye(4)[y] * 3
    x[:, 4:8] = 0.7
    return Split(x.view(48, 1, 4, 4), y)


def run_of(method: Method, model: nn.Module | None = None, epochs: int = 30) -> Run:
    model, data = model or pixels_network(), telling()
    random = {"method": torch.Generator().manual_seed(0)}
    run = Run(model, Adam().build(model, 0.01), method, data, data, epochs, loops.BATCH, random)
    run.attach()
    return run


def plan(start: Start, density: float = 0.25) -> SparsePlan:
    return SparsePlan(density, start=InitialMask(start, 2 if start == "hierarchical" else None))


def live(run: Run) -> list[Tensor]:
    masks: list[Tensor] = run.method_state.edges.live
    return masks


def test_contrasts_are_fishers_f_by_hand() -> None:
    x = torch.tensor([[0.0, 1.0, 5.0], [2.0, 1.0, 5.0], [4.0, 3.0, 5.0], [6.0, 1.0, 5.0]])
    split = Split(x.view(4, 1, 1, 3), torch.tensor([0, 0, 1, 1]))
    # between: 4^2 * 2 * 2 / 4 = 16 and 1 * 1 = 1; within: (2 + 2) / 2 = 2 and (0 + 2) / 2 = 1
    expected = torch.tensor([[8.0, 1.0, 0.0], [8.0, 1.0, 0.0]])
    torch.testing.assert_close(pixel_relevance.fisher_scores(split, 2), expected)
    assert pixel_relevance.fisher_scores(split, 3)[2].tolist() == [0.0] * 3  # an absent class
    torch.testing.assert_close(pixel_relevance.pixel_deviations(split), x.std(0, unbiased=False))


def test_a_pixel_that_tells_a_class_without_fail_is_the_surest() -> None:
    x = torch.tensor([[1.0, 0.0], [1.0, 2.0], [0.0, 1.0], [0.0, 4.0]])
    split = Split(x.view(4, 1, 1, 2), torch.tensor([0, 0, 1, 1]))
    scores = pixel_relevance.fisher_scores(split, 2)
    assert scores[:, 0].tolist() == [pytest.approx(pixel_relevance.SURE)] * 2
    assert bool((scores[:, 1] > 0).all())
    assert sample_in_proportion(scores, torch.full((2, 2), 0.5), 2)[:, 0].tolist() == [True, True]


def test_features_are_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pixel_relevance.fisher_scores(telling(), 4)
    monkeypatch.setattr(pixel_relevance, "EVALUATION_BATCH", 7)
    torch.testing.assert_close(pixel_relevance.fisher_scores(telling(), 4), whole)


def test_pixels_that_tell_a_class_are_found() -> None:
    scores = pixel_relevance.fisher_scores(telling(), 4)
    assert scores.argmax(1).tolist() == [0, 1, 2, 3]
    assert float(scores[:, 4:8].max()) == 0.0


def test_edges_come_in_proportion_and_never_where_there_is_no_score() -> None:
    scores = torch.tensor([[1.0, 2.0, 0.0, 4.0]]).expand(7000, 4)
    keys = torch.rand(7000, 4, generator=torch.Generator().manual_seed(0))
    counts = sample_in_proportion(scores, keys, 7000).sum(0)
    assert counts[2] == 0
    torch.testing.assert_close(counts / 1000, torch.tensor([1.0, 2.0, 0.0, 4.0]), atol=0.1, rtol=0)


def test_too_few_scores_are_refused() -> None:
    keys = torch.rand(2, 3)
    with pytest.raises(CannotTrain, match="only 2 of 6 weights .* and 3 are to live"):
        sample_in_proportion(torch.tensor([[1.0, 0, 0], [2.0, 0, 0]]), keys, 3)
    with pytest.raises(CannotTrain, match="too_few_features|say anything"):
        sample_in_proportion(torch.tensor([[1.0, 1.0, 1.0], [0.0, 0, 0]]), keys, 2)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("layers", [2, 3])
def test_every_start_has_the_same_numbers_of_edges(start: Start, layers: int) -> None:
    control = run_of(Static(plan("random")), pixels_network(layers))
    run = run_of(Static(plan(start)), pixels_network(layers))
    edges = run.method_state.edges
    assert edges.counts == control.method_state.edges.counts
    assert sum(edges.counts) == round(0.25 * sum(edges.masks.sizes))
    for ours, theirs in zip(live(run)[1:-1], live(control)[1:-1], strict=True):
        assert torch.equal(ours, theirs)
    for weight, mask in zip(edges.weights, live(run), strict=True):
        assert bool((weight[mask] != 0).all())  # nothing begins dead
    loops.train(run, 10)


def test_an_even_start_differs_in_the_last_layer_alone() -> None:
    control, run = run_of(Static(plan("random"))), run_of(Static(plan("even")))
    assert torch.equal(live(run)[0], live(control)[0])
    assert live(run)[1].nonzero().tolist() == [[u % 4, u] for u in range(0, 12, 4)] + [
        [u % 4, u] for c in (1, 2, 3) for u in range(c, 12, 4)
    ]


@pytest.mark.parametrize("start", ["data", "hierarchical"])
def test_an_informed_start_looks_where_its_classes_are_told(start: Start) -> None:
    control, run = run_of(Static(plan("random"))), run_of(Static(plan(start)))
    units = torch.arange(12)
    ours, theirs = (int(live(first)[0][units, units % 4].sum()) for first in (run, control))
    assert ours > 1.5 * theirs
    assert not bool(live(run)[0][:, 4:8].any())


def test_a_hierarchical_start_has_the_small_networks_weights_in_its_own_size() -> None:
    control, run = run_of(Static(plan("random"))), run_of(Static(plan("hierarchical")))
    (first, last), mask = run.method_state.edges.weights, live(run)[0]
    small = train_linear_classifier(run_of(Static(plan("even"))), 4, 2)  # the same draws before it
    rows = small[torch.arange(12) % 4] * mask
    torch.testing.assert_close(F.normalize(first), F.normalize(rows))
    fresh = pixels_network().get_parameter("1.weight") * mask
    torch.testing.assert_close(first.norm(dim=1), fresh.norm(dim=1))
    assert bool((last[live(run)[1]] > 0).all())
    assert control.epochs == 30


def test_the_small_network_is_charged_in_whole_epochs() -> None:
    run = run_of(Static(plan("hierarchical")))
    # 48 edges in the first layer and 12 in the last: 48 * 4 + 12 * 6; the other 2 * 64 * 4
    assert run.method_state.edges.counts == (48, 12)
    assert run.epochs == 30 - 2 and run.method.measures(run)["start_epochs"] == 2
    with pytest.raises(CannotTrain, match="as much as 2 of 2 epochs") as caught:
        run_of(Static(plan("hierarchical")), epochs=2)
    assert caught.value.reason == "start_takes_all_epochs"


def test_finding_the_small_network_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    model, before = pixels_network(), torch.get_rng_state()
    run_of(Static(plan("hierarchical")), model)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_of_convolutions_can_only_begin_at_random() -> None:
    run_of(Static(plan("random")), loops.network())
    with pytest.raises(CannotTrain, match="not one first layer, linear in all pixels") as caught:
        run_of(Static(plan("data")), loops.network())
    assert caught.value.reason == "start_without_pixels"


@pytest.mark.parametrize("start", ["correlated", "receptive_field", "small_world"])
@pytest.mark.parametrize("density", [0.1, 0.25, 1.0])
def test_starts_of_networks_have_the_same_numbers_of_edges(start: Start, density: float) -> None:
    control = run_of(Static(plan("random", density)), pixels_network(3))
    given = SparsePlan(density, start=InitialMask(start, None, 0.3))
    run = run_of(Static(given), pixels_network(3))
    assert run.method_state.edges.counts == control.method_state.edges.counts
    same = [torch.equal(a, b) for a, b in zip(live(run), live(control), strict=True)]
    assert same == [density == 1, density == 1, density == 1 or start == "correlated"]
    loops.train(run, 3)


def test_network_models_reach_convolutions_too() -> None:
    given = SparsePlan(0.5, start=InitialMask("small_world", None, 0.3))
    run = loops.run_of(Adam(), Static(given))
    assert run.method_state.edges.counts == (14, 30, 10)


def test_what_rewires_begins_there_too() -> None:
    run = run_of(RiggedLottery(plan("hierarchical"), DropSchedule(every=4)))
    loops.train(run, 12)
    assert run.method_state.edges.events == 3
