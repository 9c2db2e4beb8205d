"""Where patches go, how far a budget goes, and units brought back to life."""

import growth_beds
import pytest
import torch
from torch import Tensor

from espalier.layers.masked_blocks import Blocks
from espalier.methods.growth.placement import patching
from espalier.methods.growth.placement.patching import PatchSearch, PatchSize
from espalier.methods.growth.placement.unit_statistics import UnitStatistics
from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.structure.operations import Patch


def indices(*numbers: int) -> Tensor:
    return torch.tensor(numbers)


def dice() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def by_hand() -> tuple[Blocks, UnitStatistics]:
    """2 inputs, 4 hidden units, 2 outputs; one edge from each node to the next.

    Hidden unit 0 never fires, unit 1 always, unit 2 is 50 times as large as unit 3.
    """
    net = Blocks([2, 4, 2])
    editor = NetworkEditor(net, dice())
    for pair in ((0, 1), (1, 2)):
        operations.add_edges(editor, pair, (indices(1), indices(0)))
    inputs = torch.tensor([[0.0, 1], [1, 1], [0, 1], [1, 1]])
    hidden = torch.tensor([[0.0, 1, 50, 1], [0, 1, 0, 0], [0, 1, 50, 0], [0, 1, 0, 1]])
    into_hidden = torch.tensor([[0.0, 3, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0]])
    into_output = torch.tensor([[1.0, 4], [0, 0], [-1, 4], [0, 0]])
    return net, UnitStatistics([inputs, hidden], [into_hidden, into_output])


def test_what_a_view_says_by_hand() -> None:
    _, stats = by_hand()
    assert stats.mean_gradient((0, 1)).tolist() == [0, 0.75, 1, 0]
    assert stats.deviation((0, 1)).tolist() == [0.5, 0]
    # the second input is always 1: its edges gain the mean slope, and it agrees with nothing
    torch.testing.assert_close(stats.edge_gradient((0, 1))[:, 1], torch.tensor([0, 0.75, 1, 0]))
    assert stats.correlation((0, 1)).abs().max() == pytest.approx(1 / 3**0.5)
    assert stats.correlation((0, 1))[:, 1].tolist() == [0] * 4
    assert stats.extrema(1).dead.tolist() == [True, False, False, False]
    assert stats.extrema(1).saturated.tolist() == [False, True, False, False]
    assert stats.rank_by_inactivity(1).tolist() == [0, 2, 3, 1]
    assert stats.rank_by_activity(1)[:2].tolist() == [2, 1]  # hot before saturated


def test_by_gradient_the_block_that_gains_most_comes_first() -> None:
    net, stats = by_hand()
    search = PatchSearch(net, PatchSize(sources=1, targets=1), dice())
    first = next(patching.place_by_gradient(search, stats))
    # of outputs the second has the larger slopes, and hidden unit 2 is large where they are
    assert first.pair == (1, 2) and first.targets.tolist() == [1]
    assert first.sources.tolist() == [2]


def test_at_extrema_flagged_units_come_first() -> None:
    net, stats = by_hand()
    patches = list(patching.place_at_extrema(PatchSearch(net, PatchSize(2, 1), dice()), stats))
    assert patches[0].pair == (0, 1) and patches[0].targets.tolist() == [0]
    assert patches[1].pair == (1, 2) and patches[1].sources.tolist() == [2, 1]
    assert patches[1].targets.tolist() == [1]


@pytest.mark.parametrize("rule", patching.PLACEMENTS)
@pytest.mark.parametrize("hidden", [0, 2])
def test_every_rule_goes_on_until_nothing_is_free_and_takes_nothing_twice(rule, hidden) -> None:
    made = growth_beds.editor(3)
    stats = seen(made)
    search = PatchSearch(made.net, PatchSize(3, 2, hidden), dice())
    if rule == "extrema":
        search.free = {p: f for p, f in search.free.items() if p[1] - p[0] == search.reach}
    before = {pair: free.clone() for pair, free in search.free.items()}
    for patch in patching.PLACEMENTS[rule](search, stats):
        assert 0 < len(patch.sources) <= 3 and 0 < len(patch.targets) <= 2
        region = before[patch.pair][patch.targets.unsqueeze(1), patch.sources]
        assert region.any()
        before[patch.pair][patch.targets.unsqueeze(1), patch.sources] = False
    if rule != "extrema":
        assert not any(bool(free.any()) for free in before.values())


def test_no_target_is_taken_twice_before_all_others_were() -> None:
    made = growth_beds.editor(1, reach=1)
    search = PatchSearch(made.net, PatchSize(2, 2), dice())
    scores = torch.arange(7.0)
    taken: list[int] = []
    for _ in range(4):
        targets = search.targets((0, 1), scores)
        taken += targets.tolist()
        search.take((0, 1), search.sources((0, 1), targets, torch.ones(7, 9)), targets)
    assert sorted(taken[:7]) == list(range(7)) and taken[:2] == [6, 5]


def test_a_patch_is_as_dense_as_asked_for_and_no_larger_than_the_budget() -> None:
    net, _ = by_hand()
    patch = Patch((0, 1), indices(0, 1), indices(0, 1, 2))  # six edges, one of them there
    assert patching.fit_to_budget(net, patch, PatchSize(density=1.0), 99)[1] == 5
    assert patching.fit_to_budget(net, patch, PatchSize(density=0.5), 99)[1] == 2
    assert patching.fit_to_budget(net, patch, PatchSize(density=0.1), 99)[1] == 0
    fitted, new = patching.fit_to_budget(net, patch, PatchSize(), 4)
    assert new == 4
    operations.add_patch(NetworkEditor(net, dice()), fitted)
    assert int(net.block(0, 1).mask[:3].sum()) == 5


def test_hidden_patches_shrink_to_what_is_left() -> None:
    net = Blocks([9, 3, 9])
    patch = Patch((0, 2), torch.arange(8), torch.arange(4), hidden=4)
    sizes = []
    for max_edges in (100, 48, 47, 12, 11, 3, 2, 1, 0):
        fitted, new = patching.fit_to_budget(net, patch, PatchSize(8, 4, 4), max_edges)
        size = fitted.hidden * (len(fitted.sources) + len(fitted.targets))
        assert new == (size if new else 0)
        sizes.append((fitted.hidden if new else 0, new))
    assert sizes == [(4, 48), (4, 48), (3, 36), (1, 12), (1, 11), (1, 3), (1, 2), (0, 0), (0, 0)]


def test_revived_units_fire_as_often_as_asked_for_and_change_nothing_at_first() -> None:
    made = growth_beds.editor(4)
    units = indices(1, 3)
    for unit in units.tolist():
        growth_beds.kill(made.net, 2, unit)
    x, _ = growth_beds.batch(-1)
    before, masks = growth_beds.logits(made.net), [b.mask.clone() for _, b in made.net.each()]
    change = operations.revive(made, (2, units), x, 0.25)
    assert float((growth_beds.logits(made.net) - before).abs().max()) < 1e-12
    assert (made.net.trace(x).values[2][:, units] > 0).sum(0).tolist() == [8, 8]  # of 32
    assert all(torch.equal(b.mask, m) for (_, b), m in zip(made.net.each(), masks, strict=True))
    assert change.event.units == ((2, 1), (2, 3)) and change.event.added == 0
    assert (made.net.block(1, 2).births[units][masks[2][units]] == made.step).all()
    assert all((b.weight[:, units] == 0).all() for _, b in made.net.out_of(2))
    made.net.assert_masked(made.optimizer)
    growth_beds.train(made, 3)
    assert any((b.weight[:, units] != 0).any() for _, b in made.net.out_of(2))
    change.roll_back()
    assert torch.equal(growth_beds.logits(made.net), before)


def seen(made: NetworkEditor) -> UnitStatistics:
    x, y = growth_beds.batch(-1)
    trace = made.net.trace(x)
    loss = torch.nn.functional.cross_entropy(trace.sums[-1], y, reduction="sum")
    slopes = torch.autograd.grad(loss, trace.sums)
    return UnitStatistics([value.detach() for value in trace.values], list(slopes))
