"""Cannistraci-Hebb scores: how likely a missing link is by the paths of three links beside it.

A layer is a bipartite graph (units, inputs) of live links. Between a unit u and an input v that
are not linked there are paths u - a - b - v, with an input a and a unit b. The nodes a and b of all
such paths are the local community of u and v. The internal degree of a node is its links to others
of the community; its external degree is its links to all but those and u and v.

Source: Muscoloni, Michieli, Zhang and Cannistraci 2022, Adaptive network automata modelling of
complex networks, for CH2 and CH3; Zhang et al. 2024, Epitopological learning and Cannistraci-Hebb
network shape intelligence, for paths (L3p); Zhang et al. 2025, Brain network science modelling of
sparse neural networks, arXiv 2501.19107, for nodes (L3n); the public code of both.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

NodeScore = Literal["ch2_l3n", "ch3_l3n"]


def score_by_paths(live: Tensor) -> Tensor:
    """Return CH3-L3p of each link, float64 in the shape of `live` (units, inputs) bool.

    The sum over paths of 1 / sqrt((1 + e_a) (1 + e_b)), with external degrees e. Of no meaning for
    links that are live. Memory: units^2 + inputs^2 numbers.
    """
    links = live.double()
    inputs = _inverse_external(links.T).sqrt()  # (inputs a, inputs v)
    units = _inverse_external(links).sqrt()  # (units b, units u)
    scores = torch.zeros_like(links)
    for unit, row in enumerate(live):
        own = links[:, row]  # (units b, inputs a of the unit)
        paths = (own * units[:, unit, None]).T @ links  # (inputs a, inputs v)
        scores[unit] = (paths * inputs[row]).sum(0)
    return scores


def score_by_nodes(live: Tensor, score: NodeScore) -> Tensor:
    """Return CH2-L3n or CH3-L3n of each link, float64 in the shape of `live` (units, inputs) bool.

    The sum over nodes of the local community of (1 + i) / (1 + e), or of 1 / (1 + e), with internal
    and external degrees i and e. Of no meaning for links that are live.
    """
    links = live.double()
    return _through(links, score) @ links + (_through(links.T, score) @ links.T).T


def _through(links: Tensor, score: NodeScore) -> Tensor:
    """Return what each node adds to the links of another node of its side: (nodes, nodes)."""
    common = links @ links.T
    gain = 1 + common if score == "ch2_l3n" else torch.ones_like(common)
    return gain * _inverse_external(links).T * (common > 0)


def _inverse_external(links: Tensor) -> Tensor:
    """Return 1 / (1 + e) of each node (row) for a seed of its own side (column).

    One link leads to the other seed; those that it shares with the seed of its side are internal.
    """
    degrees = links.sum(1, keepdim=True)
    return 1 / (degrees - links @ links.T).clamp_min(1)
