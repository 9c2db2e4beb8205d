import growth_beds
import pytest
import torch
from torch import Tensor

from espalier.layers.masked_blocks import Blocks, chain
from espalier.layers.reachability import reach
from espalier.methods.growth.placement import block_rewiring
from espalier.methods.growth.structure import skeleton


def network() -> Blocks:
    """2 inputs, 2 hidden units, 2 outputs, and a skip; output 1 is reached by the skip alone.

    Hidden unit 1 has no edge out, so nothing needs it.
    """
    net = Blocks((2, 2, 2), [(0, 1), (1, 2), (0, 2)])
    put(net, (0, 1), [[1.0, -2.0], [0.5, 0.0]])
    put(net, (1, 2), [[0.1, 0.0], [0.0, 0.0]])
    put(net, (0, 2), [[0.0, 0.0], [0.3, -0.2]])
    return net


def put(net: Blocks, pair: tuple[int, int], weights: list[list[float]]) -> None:
    block = net.block(*pair)
    with torch.no_grad():
        block.weight.copy_(torch.tensor(weights))
    block.mask.copy_(block.weight != 0)
    block.births.copy_(torch.where(block.mask, 0, -1))


def listed(marked: dict[tuple[int, int], Tensor]) -> dict[tuple[int, int], list[list[int]]]:
    edges = {pair: block.nonzero().tolist() for pair, block in marked.items()}
    return {pair: places for pair, places in edges.items() if places}


def test_the_skeleton_by_hand() -> None:
    assert listed(skeleton.skeleton(network())) == {
        (0, 1): [[0, 1]],  # the larger one into the only unit that is needed
        (1, 2): [[0, 0]],
        (0, 2): [[1, 0]],
    }


def test_what_may_go_by_hand() -> None:
    net = network()
    assert listed(block_rewiring.find_droppable(net, skeleton.skeleton(net), 1, {})) == {
        (0, 1): [[0, 0], [1, 0]],
        (0, 2): [[1, 1]],
    }
    net.block(0, 1).births[1, 0] = 7
    assert listed(block_rewiring.find_droppable(net, skeleton.skeleton(net), 7, {})) == {
        (0, 1): [[0, 0]],
        (0, 2): [[1, 1]],
    }
    # of the three edges of block 0_1 the two strongest stay, and the third is too young
    assert listed(block_rewiring.find_droppable(net, skeleton.skeleton(net), 7, {(0, 1): 2})) == {
        (0, 2): [[1, 1]]
    }


def test_the_weakest_of_all_blocks_go() -> None:
    net = network()
    free = block_rewiring.find_droppable(net, skeleton.skeleton(net), 1, {})
    assert listed(block_rewiring.select_weakest(net, free, 1)) == {(0, 2): [[1, 1]]}
    assert listed(block_rewiring.select_weakest(net, free, 2)) == {
        (0, 1): [[1, 0]],
        (0, 2): [[1, 1]],
    }
    assert block_rewiring.select_weakest(net, free, 0) == {}


def test_what_comes_is_missing_and_wanted_most() -> None:
    net = network()
    scores = {p: torch.ones(2, 2) for p in chain(len(net.sizes), len(net.sizes))}
    scores[1, 2] = torch.tensor([[9.0, 3.0], [4.0, 0.0]])  # the first is there already
    assert listed(block_rewiring.select_top_missing(net, scores, 2)) == {(1, 2): [[0, 1], [1, 0]]}
    every = block_rewiring.select_top_missing(net, scores, 99)
    assert sum(int(block.sum()) for block in every.values()) == 12 - 6
    assert block_rewiring.select_top_missing(net, {}, 3) == {}


def test_a_block_that_is_not_there_lacks_everything() -> None:
    net = Blocks((2, 3, 4))
    assert chain(len(net.sizes), len(net.sizes)) == [(0, 1), (0, 2), (1, 2)]
    assert block_rewiring.missing_edges(net, (0, 2)).shape == (4, 2)
    assert bool(block_rewiring.missing_edges(net, (0, 2)).all())


@pytest.mark.parametrize("seed", range(20))
def test_all_that_is_free_may_go_at_once(seed: int) -> None:
    torch.manual_seed(seed)
    net = Blocks((6, 5, 5, 4), [(0, 1), (1, 2), (2, 3), (0, 3), (1, 3)])
    net.draw(0.05 + 0.02 * seed)
    were = skeleton.reachable_units(net)[-1]
    free = block_rewiring.find_droppable(net, skeleton.skeleton(net), 1, {})
    left = {pair: block.mask & ~free[pair] for pair, block in net.each()}
    assert torch.equal(reach(left).forward[-1], were)


def test_shares_hold_over_all_moments() -> None:
    done, skips = 0, 0
    for count in (3, 1, 7, 2, 2, 5):
        skips += block_rewiring.skip_quota(count, 0.3, (done, skips))
        done += count
        assert abs(skips - 0.3 * done) <= 0.5
    assert (
        block_rewiring.skip_quota(4, 0.0, (0, 0)) == 0
        and block_rewiring.skip_quota(4, 1.0, (0, 0)) == 4
    )


def test_edges_anywhere_are_as_many_as_asked_for_and_can_be_taken_back() -> None:
    made = growth_beds.editor(2)
    live, before = made.net.live, growth_beds.logits(made.net)
    change = block_rewiring.add(
        made, block_rewiring.select_random_missing(made.net, 17, made.generator)
    )
    assert made.net.live == live + 17
    assert torch.equal(growth_beds.logits(made.net), before)
    made.net.assert_masked(made.optimizer)
    assert change is not None
    change.roll_back()
    assert made.net.live == live and made.events == []


def test_there_are_no_more_edges_anywhere_than_are_lacked() -> None:
    net, dice = network(), torch.Generator().manual_seed(0)
    lacked = sum(int((~mask).sum()) for mask in net.masks().values())
    assert block_rewiring.count(block_rewiring.select_random_missing(net, 1000, dice)) == lacked
    net.draw(1.0)
    assert block_rewiring.select_random_missing(net, 5, dice) == {}
    assert block_rewiring.add(growth_beds.editor(1), {}) is None
