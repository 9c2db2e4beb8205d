import pytest
import torch
from torch import Tensor, nn

from espalier.layers.masked_blocks import Blocks
from espalier.layers.reachability import count_useful, reach
from espalier.methods.rewiring.chain_connectivity import blocks_of_chain, find_chains
from espalier.surgery.pairing.pairs import find_pairs

# 3 inputs, 4 hidden units, 2 outputs: unit 0 is on two paths, 1 has no input, 2 no output, and
# 3 neither
CHAIN = {
    (0, 1): torch.tensor([[1, 1, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]]),
    (1, 2): torch.tensor([[1, 1, 0, 0], [0, 0, 0, 0]]),
}


def lists(tensors: tuple[Tensor, ...]) -> list[list[int]]:
    return [tensor.nonzero().flatten().tolist() for tensor in tensors]


def test_a_chain_by_hand() -> None:
    reachability = reach(CHAIN)
    assert lists(reachability.forward) == [[0, 1, 2], [0, 2], [0]]
    assert lists(reachability.backward) == [[0, 1], [0, 1], [0, 1]]
    assert lists(reachability.dead) == [[2], [1, 2, 3], [1]]
    assert count_useful(CHAIN) == 3  # of five live edges


def test_a_skip_is_a_path_of_its_own() -> None:
    live = {**CHAIN, (0, 2): torch.tensor([[0, 0, 0], [0, 0, 5.0]])}
    assert lists(reach(live).dead) == [[], [1, 2, 3], []]
    assert count_useful(live) == 4


def test_death_goes_on_along_a_path() -> None:
    # one unit a layer, and the last edge missing: nothing is on a path, however far from the gap
    live = {(i, i + 1): torch.ones(1, 1) for i in range(4)} | {(4, 5): torch.zeros(1, 1)}
    assert lists(reach(live).on_path) == [[]] * 6
    assert count_useful(live) == 0


def test_every_edge_of_dense_layers_is_useful() -> None:
    live = {(0, 1): torch.ones(50, 20), (1, 2): torch.ones(30, 50), (2, 3): torch.ones(7, 30)}
    assert count_useful(live) == sum(block.numel() for block in live.values())


def test_blocks_that_make_no_network_are_refused() -> None:
    with pytest.raises(ValueError, match="must go forward"):
        reach({(1, 1): torch.ones(2, 2)})
    with pytest.raises(ValueError, match="must be some"):
        reach({})
    with pytest.raises(ValueError, match=r"node 1 has one number of units.*\[2, 3\]"):
        reach({(0, 1): torch.ones(2, 5), (1, 2): torch.ones(4, 3)})


def network() -> nn.Sequential:
    layers = [nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(4, 2))


def test_an_ordinary_networks_masks_are_followed_across_convolutions_and_flattening() -> None:
    net = network()
    conv, hidden, last = net[0].weight, net[3].weight, net[5].weight
    keep = {w: torch.ones_like(w) for w in (conv, hidden)}  # type: ignore[arg-type, type-var]
    keep[conv][1] = 0  # type: ignore[index]  # no input
    keep[hidden][:, 8:12] = 0  # type: ignore[index]  # channel 2's four pixels: read by no one
    keep[hidden][3, :4] = 0  # type: ignore[index]  # unit 3 reads none but the dead channel 1
    pairs = find_pairs(net)
    assert [pair.name for chain in find_chains(pairs) for pair in chain] == ["0", "3"]
    (chain,) = find_chains(pairs)
    dead = reach(blocks_of_chain(chain, keep)).dead[1:-1]  # type: ignore[arg-type]
    assert lists(dead) == [[1, 2], [3]]
    assert last.shape == (2, 4)


def test_a_network_without_masks_has_no_dead_units() -> None:
    (chain,) = find_chains(find_pairs(network()))
    assert not any(units.any() for units in reach(blocks_of_chain(chain, {})).dead)


def test_the_masks_of_a_network_of_blocks_are_such_blocks() -> None:
    net = Blocks([3, 4, 2], pairs=[(0, 1), (1, 2), (0, 2)])
    for pair, mask in CHAIN.items():
        net.block(*pair).mask.copy_(mask)
    live = {pair: block.mask for pair, block in net.each()}
    assert lists(reach(live).dead) == lists(reach(CHAIN).dead)
    assert count_useful(live) == 3
    assert net.live == 5
