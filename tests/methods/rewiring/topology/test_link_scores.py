"""Cannistraci-Hebb scores beside their definition: every path and every community, one by one."""

import itertools
import math

import pytest
import torch

from espalier.methods.rewiring.topology.link_scores import score_by_nodes, score_by_paths


class Graph:
    """Nodes (0, unit) and (1, input), and their neighbours."""

    def __init__(self, live):
        units, inputs = live.shape
        self.near = {(0, u): set() for u in range(units)} | {(1, v): set() for v in range(inputs)}
        for u, v in live.nonzero().tolist():
            self.near[0, u].add((1, v))
            self.near[1, v].add((0, u))

    def paths(self, u, v):
        """All (a, b) of paths u - a - b - v."""
        near = self.near
        pairs = itertools.product(near[u], near[v])
        return [(a, b) for a, b in pairs if b in near[a] and b != u and a != v]

    def degrees(self, u, v):
        """Internal and external degree of each node of the local community of u and v."""
        community = {node for path in self.paths(u, v) for node in path}
        inside = {node: len(self.near[node] & community) for node in community}
        return inside, {node: len(self.near[node] - community - {u, v}) for node in community}


def by_definition(live, kind):
    scores, graph = torch.zeros(live.shape, dtype=torch.float64), Graph(live)
    for u, v in (~live).nonzero().tolist():
        inside, outside = graph.degrees((0, u), (1, v))
        if kind == "ch3_l3p":
            scores[u, v] = sum(
                1 / math.sqrt((1 + outside[a]) * (1 + outside[b]))
                for a, b in graph.paths((0, u), (1, v))
            )
        else:
            gain = {node: 1 + inside[node] if kind == "ch2_l3n" else 1 for node in inside}
            scores[u, v] = sum(gain[node] / (1 + outside[node]) for node in inside)
    return scores


def score(live, kind):
    return score_by_paths(live) if kind == "ch3_l3p" else score_by_nodes(live, kind)


@pytest.mark.parametrize("kind", ["ch3_l3p", "ch2_l3n", "ch3_l3n"])
@pytest.mark.parametrize("density", [0.05, 0.2, 0.5, 0.9])
def test_scores_are_those_of_the_definition(kind, density):
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        live = torch.rand(9, 13, generator=generator) < density
        missing = ~live
        ours, theirs = score(live, kind)[missing], by_definition(live, kind)[missing]
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_scores_by_hand():
    # u0: v0, v1. u1: v1, v2. From u0 to v2 the one path is u0 - v1 - u1 - v2.
    live = torch.tensor([[1, 1, 0, 0], [0, 1, 1, 1]]).bool()
    # v1 has no other link; u1 has one to v3, outside.
    assert score_by_paths(live)[0, 2].item() == pytest.approx(1 / math.sqrt(1 * 2))
    assert score_by_nodes(live, "ch3_l3n")[0, 2].item() == pytest.approx(1 / 1 + 1 / 2)
    assert score_by_nodes(live, "ch2_l3n")[0, 2].item() == pytest.approx(2 / 1 + 2 / 2)


@pytest.mark.parametrize("kind", ["ch3_l3p", "ch2_l3n", "ch3_l3n"])
def test_a_layer_without_links_scores_nothing(kind):
    assert not score(torch.zeros(3, 4, dtype=torch.bool), kind).any()
