"""Structural operations: exact when they act, counted, told, trained as new, and taken back."""

import copy

import growth_beds
import pytest
import torch
from torch import Tensor, nn

from espalier.layers.masked_blocks import Blocks
from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.structure.operations import Patch
from espalier.methods.growth.structure.structural_events import Event
from espalier.optimizers.groups import decay_groups


def indices(*numbers: int) -> Tensor:
    return torch.tensor(numbers)


def everything(made: NetworkEditor) -> list[Tensor]:
    """Names aside, all that training depends on."""
    state = made.optimizer.state
    parameters = [p for group in made.optimizer.param_groups for p in group["params"]]
    held = [state[p][name] for p in parameters for name in sorted(state[p])]
    return [x.clone() for x in (*made.net.state_dict().values(), *parameters, *held)]


def assert_same(first: list[Tensor], second: list[Tensor]) -> None:
    assert len(first) == len(second)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_twenty_random_operations_leave_the_logits_and_count_every_edge(seed) -> None:
    made, dice = growth_beds.editor(seed), torch.Generator().manual_seed(seed)
    for count in range(1, 21):
        live, act = made.net.live, growth_beds.drawn(made, dice)
        before = growth_beds.logits(made.net)
        event = act().event
        assert float((growth_beds.logits(made.net) - before).abs().max()) < 1e-12
        counted = sum(int((b.births >= 0).sum()) for _, b in made.net.each())
        assert made.net.live == counted == event.live == live + event.added - event.dropped
        assert len(made.events) == count
        made.net.assert_masked(made.optimizer)
        growth_beds.train(made, 2)
        made.net.assert_masked(made.optimizer)


@pytest.mark.parametrize("optimizer", growth_beds.BUILDS)
@pytest.mark.parametrize("seed", range(7))
def test_what_was_done_is_taken_back_bit_for_bit(seed, optimizer) -> None:
    made, dice = growth_beds.editor(seed, optimizer), torch.Generator().manual_seed(100 + seed)
    growth_beds.drawn(made, dice)()
    growth_beds.train(made, 2)
    act = growth_beds.drawn(made, dice)
    before, structure = everything(made), made.net.structure()
    events, step = list(made.events), made.step
    after = everything(growth_beds.train(copy.deepcopy(made), 3))
    change = act()
    growth_beds.drawn(made, dice)()
    growth_beds.train(made, 3)
    change.roll_back()
    assert_same(everything(made), before)
    assert made.net.structure() == structure and made.events == events
    made.step = step
    assert_same(everything(growth_beds.train(made, 3)), after)


def test_an_operation_that_is_refused_leaves_everything_as_it_was() -> None:
    made = growth_beds.editor()
    before, groups = everything(made), [len(g["params"]) for g in made.optimizer.param_groups]
    lacking = growth_beds.missing(made.net, (0, 1), 2)
    live = made.net.block(0, 1).mask.nonzero(as_tuple=True)
    refused = {
        "edges of block 0_1 are there": lambda: operations.add_edges(made, (0, 1), live),
        "is given twice": lambda: operations.add_edges(
            made, (0, 1), (lacking[0][[0, 0]], lacking[1][[0, 0]])
        ),
        "7 rows and 9 columns": lambda: operations.add_edges(
            made, (0, 1), (indices(0, 7), indices(0, 0))
        ),
        "edge at 5, 0": lambda: operations.add_edges(made, (0, 3), (indices(5), indices(0))),
        "0 <= i < j <= 4": lambda: operations.add_edges(made, (3, 3), lacking),
        "2 edges of 0_1 are not there": lambda: operations.drop_edges(made, (0, 1), lacking),
        "there is no block from node 0 to node 4": lambda: operations.drop_edges(
            made, (0, 4), lacking
        ),
        "nodes 1 to 3 have hidden units, but not node 4": lambda: operations.insert_layer(made, 4),
        "node 1 has the units 0 to 6, but not 7": lambda: operations.clone(made, (1, indices(7))),
        "but not node 0": lambda: operations.insert_layer(made, 0),
        "not node 4": lambda: operations.clone(made, (3, indices(0))),
        "node 2 has the units 0 to 5, but not 9": lambda: operations.highway(made, (1, 0), [9]),
        "no node for hidden units lies between": lambda: operations.add_patch(
            made, Patch((1, 2), indices(0), indices(0), hidden=2)
        ),
    }
    for rule, act in refused.items():
        with pytest.raises(ValueError, match=rule):
            act()
        assert_same(everything(made), before)
    assert [len(g["params"]) for g in made.optimizer.param_groups] == groups
    assert made.events == []


@pytest.mark.parametrize("optimizer", ["adamw", "amsgrad"])
def test_the_first_update_of_new_edges_is_a_fresh_optimizers(optimizer) -> None:
    """Adam's is rate * |g| / (|g| + epsilon), at whatever age of the other edges."""
    made = growth_beds.editor(optimizer=optimizer, steps=40)
    at = growth_beds.missing(made.net, (1, 2), 5)
    operations.add_edges(made, (1, 2), at)
    growth_beds.train(made, 1)
    weight = made.net.block(1, 2).weight
    slope = weight.grad[at].abs()
    torch.testing.assert_close(weight.detach()[at].abs(), 0.01 * slope / (slope + 1e-8))


def test_births_are_the_steps_of_the_operations() -> None:
    made = growth_beds.editor(steps=3)
    event = operations.add_edges(made, (0, 4), (indices(0, 1), indices(2, 3))).event
    growth_beds.train(made, 4)
    operations.add_edges(made, (0, 4), (indices(3), indices(0)))
    births = made.birth_steps(made.net.block(0, 4).weight)
    assert births is not None and made.birth_steps(made.net.block(0, 1).bias) is None
    assert [int(births[at]) for at in ((0, 2), (1, 3), (3, 0), (3, 1))] == [3, 3, 7, -1]
    assert event == Event("add_edges", "0_4", added=2, live=event.live, step=3)
    assert [each.step for each in made.events] == [3, 7]


def test_a_patch_is_dense_between_its_units_and_nowhere_else() -> None:
    made = growth_beds.editor(density=0.05)
    before = made.net.block(0, 2).mask.clone()
    sources, targets = indices(1, 4, 8), indices(0, 5)
    change = operations.add_patch(made, Patch((0, 2), sources, targets))
    mask = made.net.block(0, 2).mask
    assert bool(mask[targets][:, sources].all())
    rest = torch.ones_like(mask)
    rest[targets.repeat_interleave(3), sources.repeat(2)] = False
    assert torch.equal(mask[rest], before[rest])
    assert change.event.added == 6 - int(before[targets][:, sources].sum())
    assert change.event.parents == ((0, 1), (0, 4), (0, 8))


def test_a_patch_with_hidden_units_counts_both_its_layers() -> None:
    made = growth_beds.editor()
    patch = Patch((0, 3), indices(1, 4, 8), indices(0, 2), hidden=4)
    event = operations.add_patch(made, patch).event
    assert event.added == 3 * 4 + 4 * 2
    assert event.units == ((2, 6), (2, 7), (2, 8), (2, 9))
    block = made.net.block(2, 3)
    assert bool(block.mask[[0, 2], 6:].all()) and not block.weight.detach()[:, 6:].any()
    assert bool((made.net.block(0, 2).weight.detach()[6:, [1, 4, 8]] != 0).all())
    growth_beds.train(made, 2)
    assert bool((block.weight.detach()[[0, 2], 6:] != 0).any())


def test_an_inserted_layer_is_the_identity_and_takes_the_chain_with_it() -> None:
    made = growth_beds.editor()
    chain_block, skip = made.net.block(2, 3), made.net.block(2, 4)
    event = operations.insert_layer(made, 2).event
    assert made.net.sizes == [9, 7, 6, 6, 5, 4]
    assert made.net.block(3, 4) is chain_block and made.net.block(2, 5) is skip
    new = made.net.block(2, 3)
    assert torch.equal(new.weight.detach(), torch.eye(6, dtype=torch.float64))
    assert (event.where, event.added, new.live) == ("3", 6, 6)
    fresh = decay_groups(made.net.parameters(), 0.1)
    for group, current in zip(fresh, made.optimizer.param_groups, strict=True):
        assert [id(p) for p in group["params"]] == [id(p) for p in current["params"]]


def test_a_clone_carries_its_source_exactly() -> None:
    made = growth_beds.editor()
    event = operations.clone(made, (1, indices(4, 2)), targets=indices(0, 3)).event
    trace = made.net.trace(growth_beds.batch(-1)[0])
    assert torch.equal(trace.values[2][:, 6:], trace.values[1][:, [4, 2]])
    assert event.added == 2 + 2 * 2 and event.units == ((2, 6), (2, 7))


def test_a_highway_carries_its_source_over_several_layers_and_opens_a_way_for_gradients() -> None:
    made = growth_beds.editor()
    for node, unit in ((2, 5), (3, 1)):
        growth_beds.kill(made.net, node, unit)
    before = growth_beds.logits(made.net)
    x, y = growth_beds.batch(-1)
    assert dead(made.net, x) >= {(2, 5), (3, 1)}
    were = dead(made.net, x)
    event = operations.highway(made, (1, 3), [5, 1]).event
    assert torch.equal(growth_beds.logits(made.net), before)
    trace = made.net.trace(x)
    assert torch.equal(trace.values[2][:, 5], trace.values[1][:, 3])
    assert torch.equal(trace.values[3][:, 1], trace.values[1][:, 3])
    assert event.added == 2 + 4 and event.dropped > 0
    assert event.units == ((2, 5), (3, 1)) and event.parents == ((1, 3),)
    assert dead(made.net, x) < were
    growth_beds.train(made, 3)
    source = made.net.trace(x).values[1]
    path = nn.functional.cross_entropy(through(made.net, source[:, 3]), y)
    assert float(torch.autograd.grad(path, source)[0].norm()) > 0


def dead(net: Blocks, x: Tensor) -> set[tuple[int, int]]:
    values = net.trace(x).values[1:]
    return {
        (n, u)
        for n, v in enumerate(values, 1)
        for u in (v <= 0).all(0).nonzero().flatten().tolist()
    }


def through(net: Blocks, value: Tensor) -> Tensor:
    """The logits that a highway from node 1 over units 5 and 1 makes of a value, alone."""
    first, second, last = (net.block(i, i + 1).weight for i in (1, 2, 3))
    carried = (second[1, 5] * (first[5, 3] * value).relu()).relu()
    return carried[:, None] * last[:, 1]


def test_growing_and_dropping_as_much_keeps_the_number() -> None:
    made = growth_beds.editor()
    live = made.net.live
    for _ in range(20):
        block = made.net.block(1, 2)
        select_smallest_edges = (
            block.weight.detach().abs().masked_fill(~block.mask, torch.inf).flatten().argsort()
        )
        at = select_smallest_edges[:3] // block.inputs, select_smallest_edges[:3] % block.inputs
        new = growth_beds.missing(made.net, (1, 2), 3)
        assert operations.drop_edges(made, (1, 2), at).event.dropped == 3
        operations.add_edges(made, (1, 2), new)
        assert made.net.live == live
        growth_beds.train(made, 1)


def test_going_on_from_what_was_saved_is_going_on() -> None:
    made, dice = growth_beds.editor(), torch.Generator().manual_seed(3)
    for _ in range(4):
        growth_beds.drawn(made, dice)()
        growth_beds.train(made, 2)
    saved = copy.deepcopy((made.state_dict(), made.net.state_dict(), made.optimizer.state_dict()))
    again = growth_beds.editor(seed=9)
    again.load_state_dict(saved[0])
    again.net.load_state_dict(saved[1])
    again.optimizer.load_state_dict(saved[2])
    assert again.events == made.events
    assert_same(everything(growth_beds.train(again, 5)), everything(growth_beds.train(made, 5)))


def test_records_are_flat() -> None:
    made = growth_beds.editor()
    record = operations.clone(made, (1, indices(4, 2))).event.record()
    assert record["units"] == "2:6 2:7" and record["parents"] == "1:4 1:2"
    assert record["op"] == "clone" and record["added"] == 2 + 2 * 5 and record["step"] == 5


def test_operations_need_no_optimizer() -> None:
    net = Blocks([3, 4, 2])
    net.draw(0.5)
    made = NetworkEditor(net, torch.Generator())
    operations.insert_layer(made, 1)
    made.after_step()
    assert made.net.sizes == [3, 4, 4, 2] and made.step == 1
