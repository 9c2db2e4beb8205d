"""CSTI: correlations as numpy has them, and links where they are largest."""

import numpy as np
import torch

from espalier.core.samples import Split
from espalier.methods.rewiring.topology import correlated_links


def pixels(samples=50, inputs=6):
    x = torch.randn(samples, inputs, generator=torch.Generator().manual_seed(0))
    x[:, 1] = 0.8 * x[:, 0] + 0.2 * x[:, 1]
    x[:, 3] = -0.6 * x[:, 2] + 0.2 * x[:, 3]
    x[:, 5] = 0.1  # it never changes
    return Split(x.view(samples, 1, 1, inputs), torch.zeros(samples, dtype=torch.int64))


def test_correlations_are_pearsons(monkeypatch):
    split = pixels()
    expected = np.corrcoef(split.x.flatten(1)[:, :5].double().numpy().T)
    np.fill_diagonal(expected, 0)
    for piece in (1000, 7):
        monkeypatch.setattr(correlated_links, "EVALUATION_BATCH", piece)
        ours = correlated_links.pixel_correlations(split)
        np.testing.assert_allclose(ours[:5, :5].numpy(), expected, atol=1e-9)
        assert not ours[5].any() and not ours[:, 5].any()


def test_links_are_where_correlations_are_largest_and_go_round():
    correlations = correlated_links.pixel_correlations(pixels())
    keys = torch.rand(8, 6, generator=torch.Generator().manual_seed(1))
    # the two pairs, both ways, and those of units 6 and 7, which stand for pixels 0 and 1
    linked = correlated_links.link_correlated(correlations, keys, 6)
    assert linked.nonzero().tolist() == [[0, 1], [1, 0], [2, 3], [3, 2], [6, 1], [7, 0]]
    for count in (8, 20, 48):
        linked = correlated_links.link_correlated(correlations, keys, count)
        assert int(linked.sum()) == count and linked.any(1).all()
        sizes = correlations.abs().repeat(2, 1)[:8]
        best = torch.zeros_like(linked).scatter_(1, sizes.argmax(1, keepdim=True), True)
        best[5] = linked[5]  # of a pixel that never changes, any
        chosen, others = sizes[linked & ~best], sizes[~linked]
        assert count != 20 or chosen.amin() >= others.amax()
